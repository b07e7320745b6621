"""The installed weights, including damaged ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from flarecli.errors import InputError
from flarecli.files.sources import check_regular_file
from flarecli.weights.card import WEIGHTS_SUFFIX, Card, card_path, read_card

_CARD_SUFFIX = ".json"


@dataclass(frozen=True)
class Installed:
    """A weights file of a set, or what is left of one.

    Attributes:
        path: The weights file.
        system: Name of its system: what the card says or, where that cannot be read, the folder.
        set_name: Name of its set: the folder.
        network: Key of its network: what the card says, or the file's name.
        card: Its card; None where it is damaged or missing, or the weights file is.
        problem: What is wrong then.
    """

    path: Path
    system: str
    set_name: str
    network: str
    card: Card | None = None
    problem: InputError | None = None

    @property
    def sound_card(self) -> Card:
        """Its card.

        Raises:
            InputError: where card or weights file are damaged or missing.
        """
        if self.problem is not None:
            raise self.problem
        return self.card or read_card(self.path)


def installed_in(roots: Iterable[Path]) -> Iterator[Installed]:
    """Every weights file below the roots, `<root>/<system>/<set>/<network>.weights.h5`, sorted; none is an error."""
    for root in roots:
        for path in weights_files(root, "*/*/"):
            yield looked_at(path)


def weights_files(folder: Path, pattern: str = "") -> list[Path]:
    """Weights files in a folder, and cards without weights file; sorted."""
    try:
        files = set(folder.glob(f"{pattern}*{WEIGHTS_SUFFIX}"))
        described = {_described_by(path) for path in folder.glob(f"{pattern}*{_CARD_SUFFIX}")}
    except OSError:
        return []  # a folder that may not be read counts as empty, as a missing one does
    # Folders of runs hold other JSON files, too.
    files |= {path for path in described - files if pattern or _has_card(path)}
    return sorted(path for path in files if not path.name.startswith("."))


def looked_at(path: Path) -> Installed:
    """A weights file with its card, or with what is wrong about them. The values are not read."""
    network = path.name.removesuffix(WEIGHTS_SUFFIX)
    by_place = Installed(path, path.parent.parent.name, path.parent.name, network)
    try:
        card = read_card(path)
        if not path.exists() and not path.is_symlink():
            raise InputError(
                "is missing, though its card is there",
                path=path,
                seen=card_path(path).name,
                expected=path.name,
                remedy="Import or train the weights again, or remove the card.",
            )
        check_regular_file(path)
    except InputError as error:
        return Installed(path, by_place.system, by_place.set_name, network, problem=error)
    return Installed(path, card.system, by_place.set_name, card.network, card)


def _described_by(card: Path) -> Path:
    return card.with_name(card.name.removesuffix(_CARD_SUFFIX) + WEIGHTS_SUFFIX)


def _has_card(weights: Path) -> bool:
    try:
        read_card(weights)
    except InputError:
        return False
    return True
