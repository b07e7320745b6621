"""The pairs of a dataset, whatever its layout."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from flarecli.datasets.organ_values import FLARE_VALUES, OrganValues
from flarecli.errors import InputError
from flarecli.files.folder import inventory_of_folder
from flarecli.files.names import check_name, files_by_case


@dataclass(frozen=True)
class LabelledPair:
    """A scan and its label map.

    Attributes:
        name: Name of the case, as `check_name` allows it: the folder of its arrays is called so.
        scan: The scan, a file or a folder of DICOM slices; None where the dataset has none for this case.
        labels: The label map, likewise.
        notes: Notes for the user about how the files were found.
    """

    name: str
    scan: Path | None
    labels: Path | None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Dataset:
    """A dataset of pairs.

    Attributes:
        source: The folder or file that was named.
        layout: Name of its layout, for messages.
        pairs: Its pairs, sorted by name; names are unique.
        values: Meaning of the values of its label maps.
        warnings: Entries of its folders that are not used.
    """

    source: Path
    layout: str
    pairs: tuple[LabelledPair, ...]
    values: OrganValues = FLARE_VALUES
    warnings: tuple[str, ...] = ()


def pairs_of_folders(images: Path, labels: Path, suffixes: Sequence[str]) -> tuple[list[LabelledPair], tuple[str, ...]]:
    """Pair the files of two folders by name; a name that stands in one of them only is a pair without the other file.

    Args:
        images: Folder of the scans.
        labels: Folder of the label maps.
        suffixes: Endings of the files that are used.

    Returns:
        The pairs, and warnings about other entries of the folders.

    Raises:
        InputError: when a folder cannot be read, or two files have the name of one case.
    """
    inventories = [inventory_of_folder(folder, suffixes) for folder in (images, labels)]
    scans, label_maps = (files_by_case(inventory.files, "Remove or rename one of them.") for inventory in inventories)
    names = sorted(scans.keys() | label_maps.keys())
    warnings = tuple(warning for inventory in inventories if (warning := inventory.warning()))
    return [LabelledPair(name, scans.get(name), label_maps.get(name)) for name in names], warnings


def with_unique_names(pairs: Iterable[LabelledPair], source: Path) -> tuple[LabelledPair, ...]:
    """Sort pairs by name; where names repeat, as in a folder a case, put the folder's name before them.

    Raises:
        InputError: when there are no pairs, names repeat even then, or one cannot be the name of a folder.
    """
    named = list(pairs)
    if not named:
        raise InputError(
            "holds no scans with label maps",
            path=source,
            remedy="Check the path, and the layouts that `flare preprocess --help` lists.",
        )
    if _repeated(named):
        named = [replace(pair, name=f"{_folder(pair)}_{pair.name}") for pair in named]
    for pair in named:
        check_name(pair.name, "case", source)
    if repeated := _repeated(named):
        raise InputError(
            "two pairs have the same name",
            path=source,
            seen=repeated,
            expected="one pair per case",
            remedy="Name each case once, and files of different cases differently.",
        )
    return tuple(sorted(named, key=lambda pair: pair.name))


def absolute(path: Path) -> Path:
    """A path from the root, without `.` and `..`; links keep their names, other than with `Path.resolve`."""
    return Path(os.path.normpath(Path.cwd() / path))


def _repeated(pairs: list[LabelledPair]) -> str | None:
    name, count = Counter(pair.name for pair in pairs).most_common(1)[0]
    return name if count > 1 else None


def _folder(pair: LabelledPair) -> str:
    file = pair.scan or pair.labels
    return "" if file is None else absolute(file).parent.name
