"""Pairing of predictions and ground truths by file name, with or without the `_0000` of images."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from glob import has_magic
from pathlib import Path

from flarecli.errors import InputError
from flarecli.files.folder import FolderInventory, inventory_of_entries, inventory_of_folder
from flarecli.files.names import SCAN_SUFFIXES, files_by_case
from flarecli.files.sources import check_regular_file, is_folder

_SHOWN_NAMES = 3


@dataclass(frozen=True)
class CasePair:
    """The files of one case.

    Attributes:
        name: Name of the case in tables, a file name as the challenge's tables have it.
        pred: The prediction; None where it is missing.
        gt: The ground truth; None where it is missing.
    """

    name: str
    pred: Path | None
    gt: Path | None


def inventory_of_labels(location: str) -> FolderInventory:
    """The inventory of the image files that a path, folder or glob pattern names.

    Raises:
        InputError: when there are none, or a name is not a path.
    """
    path = Path(location)
    if not location or "\0" in location:
        raise InputError("is not a path", path=ascii(location), remedy="Give a label map, a folder or a glob pattern.")
    if is_folder(path):
        inventory = inventory_of_folder(path)
    elif has_magic(location) and not os.path.lexists(path):
        inventory = inventory_of_entries(_matching(path), path)
    else:
        check_regular_file(path)
        return FolderInventory(path, (path,), entries=1)
    if not inventory.files and not inventory.entries and not is_folder(path):
        raise InputError(
            "matches nothing",
            path=path,
            expected=f"label maps ({', '.join(SCAN_SUFFIXES)})",
            remedy="Check the pattern; write it in quotes.",
        )
    if not inventory.files:
        raise inventory.nothing_found(f"label maps ({', '.join(SCAN_SUFFIXES)})")
    return inventory


def label_files(location: str) -> list[Path]:
    """The files of `inventory_of_labels`, sorted by name.

    Raises:
        InputError: likewise.
    """
    return list(inventory_of_labels(location).files)


def names_one_file(inventory: FolderInventory) -> bool:
    """Whether `inventory_of_labels` was given the name of a file, not a folder or pattern, however many it holds."""
    return len(inventory.files) == 1 and inventory.files[0] == inventory.folder


def pair_inventories(
    preds: FolderInventory, gts: FolderInventory, *, literal: bool = False
) -> tuple[list[CasePair], list[str]]:
    """Pair what two paths, folders or patterns name: two files whatever they are called, everything else by name.

    Args:
        preds: The predictions.
        gts: The ground truths.
        literal: Whether to pair as the FLARE21 script does, see `pair_literally`.

    Returns:
        As `pair_cases`.

    Raises:
        InputError: as `pair_cases`.
    """
    if names_one_file(preds) and names_one_file(gts):
        pred, gt = preds.files[0], gts.files[0]
        return [CasePair((pred if literal else gt).name, pred, gt)], []
    return (pair_literally(preds.files, gts.files), []) if literal else pair_cases(preds.files, gts.files)


def pair_cases(preds: Sequence[Path], gts: Sequence[Path]) -> tuple[list[CasePair], list[str]]:
    """Pair predictions with ground truths by name, also where there is one of each.

    Returns:
        One pair a ground truth, `pred` None where it is missing, and the names of the predictions without
        one.

    Raises:
        InputError: when no name agrees, or when two files stand for the same case.
    """
    pred_by_key, gt_by_key = _by_key(preds), _by_key(gts)
    if not pred_by_key.keys() & gt_by_key.keys():
        raise InputError(
            "no prediction has the name of a ground truth",
            path=preds[0].parent,
            seen=_some_names(preds),
            expected=_some_names(gts),
            remedy="Name both files of a case alike; a trailing _0000 does not matter.",
        )
    pairs = [CasePair(gt.name, pred_by_key.get(key), gt) for key, gt in gt_by_key.items()]
    return pairs, [pred.name for key, pred in pred_by_key.items() if key not in gt_by_key]


def pair_literally(preds: Sequence[Path], gts: Sequence[Path]) -> list[CasePair]:
    """Pair as the FLARE21 script does: every prediction with the ground truth of exactly its file name.

    Ground truths without prediction are left out; `gt` is None where a prediction has no ground truth.
    """
    gt_by_name = {gt.name: gt for gt in gts}
    return [CasePair(pred.name, pred, gt_by_name.get(pred.name)) for pred in preds]


def _matching(pattern: Path) -> list[Path]:
    try:
        return list(Path(pattern.anchor).glob(str(pattern.relative_to(pattern.anchor))))
    except (ValueError, NotImplementedError, OSError) as error:
        raise InputError(
            "is not a pattern of file names", path=pattern, seen=error, remedy="Write it as in 'folder/*.nii.gz'."
        ) from error


def _by_key(paths: Sequence[Path]) -> dict[str, Path]:
    return files_by_case(paths, "Keep label maps apart from images, or name the files by a glob pattern.")


def _some_names(paths: Sequence[Path]) -> str:
    names = ", ".join(path.name for path in paths[:_SHOWN_NAMES])
    return names if len(paths) <= _SHOWN_NAMES else f"{names} and {len(paths) - _SHOWN_NAMES} more"
