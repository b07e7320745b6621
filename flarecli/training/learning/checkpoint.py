"""Checkpoints: the whole state of a training run in one file, written atomically; the last two are kept."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from flarecli.errors import FlareError, InputError
from flarecli.files.atomic import atomic_path
from flarecli.files.refusals import write_errors
from flarecli.files.sources import opened

KEPT = 2

_OWN = ("iteration", "facts")
_LARGEST_FACTS_BYTES = 64_000_000
_LARGEST_ITEM_BYTES = 8
_SHOWN = 200
_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


def save_checkpoint(folder: Path, model: Any, iteration: int, facts: dict[str, Any]) -> Path:
    """Write the state from which a run resumes deterministically, then remove all but the last two files.

    Args:
        folder: Folder of the checkpoints.
        model: Compiled model: weights, states of its random numbers, and its optimiser's moments, moving averages,
            loss scale.
        iteration: Updates done.
        facts: Further state of the run; JSON.

    Returns:
        The file.

    Raises:
        FlareError: when a weight is not finite; nothing is written then.
    """
    arrays: dict[str, np.ndarray] = {"iteration": np.array(iteration), "facts": np.array(json.dumps(facts))}
    for kind, variables in _state(model).items():
        for index, variable in enumerate(variables):
            values = _to_numpy(variable)
            if kind == "weights" and not np.isfinite(values).all():
                raise FlareError(
                    "the weights are no longer finite",
                    path=folder,
                    seen=f"{variable.path} after iteration {iteration}",
                    remedy="Train in a new folder with a lower learning rate, or clip the gradients: this one is "
                    "resumed with the settings that it was started with.",
                )
            arrays[_key(kind, index)] = values
    path = folder / f"step_{iteration:08d}.npz"
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]
    for old in checkpoints(folder)[:-KEPT]:
        with write_errors(old):
            old.unlink(missing_ok=True)
    return path


def checkpoints(folder: Path) -> list[Path]:
    """The checkpoints of a run, oldest first."""
    return sorted(folder.glob("step_*.npz"))


def load_checkpoint(path: Path, model: Any) -> tuple[int, dict[str, Any]]:
    """Restore the state of a compiled model.

    Returns:
        Updates done, and the further state of the run.

    Raises:
        InputError: when the file is damaged, or not a checkpoint of this model; the model is unchanged then.
    """
    state = _state(model)
    expected = {_key(kind, index): tuple(v.shape) for kind, some in state.items() for index, v in enumerate(some)}
    try:
        with opened(path) as file:
            headers = dict(_headers(file))
            _check_headers(path, headers, expected)
            # np.load does not close a file of its own that turns out not to be an archive.
            file.seek(0)
            with np.load(file, allow_pickle=False) as stored:
                arrays = {key: stored[key] for key in headers}
        done, facts = int(arrays["iteration"]), json.loads(str(arrays["facts"]))
        broken = [key for key in expected if key.startswith("weights/") and not np.isfinite(arrays[key]).all()]
        if broken or not isinstance(facts, dict):
            raise ValueError(f"{', '.join(broken[:3])} not finite" if broken else "facts that are not a table")
    except (FlareError, MemoryError):
        raise
    except Exception as error:  # zipfile, zlib and NumPy raise nearly anything on damaged files
        raise InputError(
            "is a damaged checkpoint",
            path=path,
            seen=f"{type(error).__name__}: {str(error)[:_SHOWN]}",
            remedy="Remove it: the run then resumes from the previous one.",
        ) from error
    for kind, variables in state.items():
        for index, variable in enumerate(variables):
            variable.assign(arrays[_key(kind, index)])
    return done, facts


def _key(kind: str, index: int) -> str:
    return f"{kind}/{index:04d}"


def _headers(file: BinaryIO) -> Iterator[tuple[str, tuple[tuple[int, ...], np.dtype[Any]]]]:
    """Shape and type of every array of an archive, by name; no values are read."""
    with zipfile.ZipFile(file) as archive:
        for name in archive.namelist():
            with archive.open(name) as member:
                version = np.lib.format.read_magic(member)
                read = _HEADERS[version]
                shape, _, dtype = read(member)
            yield name.removesuffix(".npy"), (shape, dtype)


def _check_headers(
    path: Path,
    headers: Mapping[str, tuple[tuple[int, ...], np.dtype[Any]]],
    expected: Mapping[str, tuple[int, ...]],
) -> None:
    """Refuse a checkpoint of another network, and arrays that are not part of checkpoints.

    Raises:
        InputError: for other arrays or shapes than those of the network.
        ValueError: for arrays of another type or size.
    """
    seen = {key: shape for key, (shape, _) in headers.items() if key not in _OWN}
    if seen != dict(expected):
        different = sorted(key for key in {*seen, *expected} if seen.get(key) != expected.get(key))
        raise InputError(
            "is a checkpoint of another network",
            path=path,
            seen=f"{len(seen)} arrays; {different[0]} of shape {seen.get(different[0], 'none')}",
            expected=f"{len(expected)} arrays; {different[0]} of shape {expected.get(different[0], 'none')}",
            remedy="Resume with the recipe that the run was started with, or choose another folder.",
        )
    for key, (shape, dtype) in headers.items():
        if dtype.hasobject or (key not in _OWN and dtype.itemsize > _LARGEST_ITEM_BYTES):
            raise ValueError(f"{key} of type {dtype}")
        if key in _OWN and (shape != () or dtype.itemsize > _LARGEST_FACTS_BYTES):
            raise ValueError(f"{key} of {dtype.itemsize} bytes")


def _state(model: Any) -> dict[str, list[Any]]:
    return {"weights": model.variables, "optimizer": model.optimizer.variables}


def _to_numpy(variable: Any) -> np.ndarray:
    values: np.ndarray = np.asarray(variable.numpy())
    return values
