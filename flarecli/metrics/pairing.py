"""Which prediction belongs to which ground truth: by file name, with or without the `_0000` of images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from glob import has_magic
from pathlib import Path

from flarecli.errors import InputError
from flarecli.files.names import NIFTI_SUFFIXES, files_by_case

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


def label_files(location: str) -> list[Path]:
    """The NIfTI files that a path, folder or glob pattern names, sorted by name.

    Raises:
        InputError: when there are none.
    """
    path = Path(location)
    if path.is_file():
        return [path]
    if path.is_dir():
        found = [entry for entry in path.iterdir() if _is_label_file(entry)]
        problem = "holds no NIfTI files"
    elif has_magic(location):
        found = [entry for entry in Path(path.anchor).glob(_below(path)) if _is_label_file(entry)]
        problem = "matches no NIfTI files"
    else:
        raise InputError("does not exist", path=path, remedy="Check the spelling of the path.")
    if not found:
        raise InputError(
            problem,
            path=path,
            expected="one or more files .nii.gz or .nii",
            remedy="Check the path; folders below it are not searched.",
        )
    return sorted(found, key=lambda entry: entry.name)


def pair_cases(preds: Sequence[Path], gts: Sequence[Path]) -> tuple[list[CasePair], list[str]]:
    """Pair predictions with ground truths; a single file on both sides is a pair whatever the names.

    Returns:
        One pair a ground truth, `pred` None where it is missing, and the names of the predictions without
        one.

    Raises:
        InputError: when no name agrees, or when two files stand for the same case.
    """
    if len(preds) == len(gts) == 1:
        return [CasePair(gts[0].name, preds[0], gts[0])], []
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
    if len(preds) == len(gts) == 1:
        return [CasePair(preds[0].name, preds[0], gts[0])]
    gt_by_name = {gt.name: gt for gt in gts}
    return [CasePair(pred.name, pred, gt_by_name.get(pred.name)) for pred in preds]


def _is_label_file(path: Path) -> bool:
    return path.name.endswith(NIFTI_SUFFIXES) and not path.name.startswith(".") and path.is_file()


def _below(pattern: Path) -> str:
    """A glob pattern without the root of an absolute path, as `Path.glob` wants it."""
    return str(pattern.relative_to(pattern.anchor))


def _by_key(paths: Sequence[Path]) -> dict[str, Path]:
    return files_by_case(paths, "Keep label maps apart from images, or name the files by a glob pattern.")


def _some_names(paths: Sequence[Path]) -> str:
    names = ", ".join(path.name for path in paths[:_SHOWN_NAMES])
    return names if len(paths) <= _SHOWN_NAMES else f"{names} and {len(paths) - _SHOWN_NAMES} more"
