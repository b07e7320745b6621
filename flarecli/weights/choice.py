"""The weights that one choice of the user stands for: a set, a folder or a file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from flarecli.errors import InputError
from flarecli.files.sources import check_regular_file
from flarecli.weights.card import WEIGHTS_SUFFIX
from flarecli.weights.installed import Installed, looked_at, weights_files

_CHECKPOINTS = "checkpoints"
_CHECKPOINT_SUFFIX = ".npz"


def found_for(system: str, wanted: str, installed: Mapping[tuple[str, str], Installed]) -> dict[str, Installed]:
    """Weights that one choice stands for, by network; damaged ones among them, by the name of their file.

    Args:
        system: Name of the system.
        wanted: Name of a set, folder or weights file.
        installed: The system's installed weights, by set and network.

    Raises:
        InputError: for a file that is not a weights file, a folder of an unfinished training, a folder with two files
            for one network, and a name of both a set and a folder of weights.
    """
    named = {network: found for (set_name, network), found in installed.items() if set_name == wanted}
    path = Path(wanted)
    if not wanted or not (path.exists() or path.is_symlink()):
        return named
    if named:
        if path.is_dir() and any(True for _ in _of_system(path, system)):
            raise _set_or_folder(path, next(iter(named.values())).path.parent)
        return named
    if not path.is_dir():
        return _one_file(path, system)
    found: dict[str, Installed] = {}
    for candidate in _of_system(path, system):
        other = found.setdefault(candidate.network, candidate)
        if other is not candidate:
            raise two_files(other, candidate)
    if not found and any((path / _CHECKPOINTS).glob(f"*{_CHECKPOINT_SUFFIX}")):
        raise InputError(
            "is the folder of a training that is not finished",
            path=path,
            expected=f"a weights file (*{WEIGHTS_SUFFIX}) with its card",
            remedy="Finish the training: run the same `flare train` command again: it resumes.",
        )
    return found


def two_files(one: Installed, other: Installed) -> InputError:
    """The error for two weights files of one network in one folder."""
    return InputError(
        f"holds two weights files of {one.system}/{one.network}",
        path=one.path.parent,
        seen=f"{one.path.name} and {other.path.name}",
        expected="one",
        remedy="Give the weights file itself instead of the folder or set.",
    )


def _of_system(folder: Path, system: str) -> Iterator[Installed]:
    """The weights files of a folder, without those of other systems."""
    return (found for found in map(looked_at, weights_files(folder)) if found.card is None or found.system == system)


def _set_or_folder(path: Path, installed: Path) -> InputError:
    return InputError(
        "is the name of a set and of a folder of weights",
        path=path,
        seen=f"the set {installed} and the folder {path.absolute()}",
        expected="one of them",
        remedy=f"Write ./{path} for the folder, or the whole path of the set.",
    )


def _one_file(path: Path, system: str) -> dict[str, Installed]:
    check_regular_file(path)
    if not path.name.endswith(WEIGHTS_SUFFIX):
        is_checkpoint = path.suffix == _CHECKPOINT_SUFFIX
        raise InputError(
            "is a checkpoint of a training, not weights" if is_checkpoint else "is not a weights file",
            path=path,
            expected=f"a file whose name ends in {WEIGHTS_SUFFIX}, with its card, or a folder of such files",
            remedy="Finish the training (`flare train`) and give its folder, or import published weights with "
            "`flare weights import`.",
        )
    found = looked_at(path)
    if found.sound_card.system != system:
        raise InputError(
            f"holds no weights of {system}",
            path=path,
            seen=f"weights of {found.system}/{found.network}",
            remedy=f"Choose --system {found.system}, or weights of {system}: `flare weights list` shows them.",
        )
    return {found.network: found}
