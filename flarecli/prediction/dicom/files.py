"""DICOM objects of a result as files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from flarecli.errors import InputError
from flarecli.files.atomic import atomic_path
from flarecli.organs import BOTH_KIDNEYS_NAME, KIDNEYS, LEFT_KIDNEY, ORGANS
from flarecli.prediction.dicom.garbage import collection_paused
from flarecli.prediction.result import Result

if TYPE_CHECKING:
    from pydicom import Dataset


def write_segmentation_object(path: Path, result: Result, *, labelmap: bool) -> None:
    """Write the label map as DICOM SEG; see `flarecli.dicom.results.segmentation_object`.

    Raises:
        InputError: when no organ was found.
    """
    from flarecli.dicom.results.segmentation_object import segmentation_object

    if not result.segmented.present:
        raise InputError(
            "no organ was found, and a DICOM segmentation cannot be empty",
            path=result.volume.path,
            expected="at least one organ",
            remedy="Look at the scan; an empty label map can be written as NIfTI, for example.",
        )
    with collection_paused():
        _save(path, segmentation_object(result.segmented, labelmap=labelmap))


def write_structure_set(path: Path, result: Result) -> None:
    """Write the label map as RTSTRUCT; see `flarecli.dicom.results.structure_set`."""
    from flarecli.dicom.results.structure_set import structure_set

    with collection_paused():
        _save(path, structure_set(result.segmented))


def write_report(path: Path, result: Result, *, labelmap: bool) -> None:
    """Write what the organs measure as DICOM SR, referring to the segmentation of the same run; see
    `flarecli.dicom.results.report`."""
    from flarecli.dicom.results.report import measurement_report

    measured, verdicts = _measured(result), _verdicts(result)
    with collection_paused():
        _save(path, measurement_report(result.segmented, measured, verdicts, labelmap=labelmap))


def segment_names(result: Result) -> dict[int, str]:
    """What the numbers of segments stand for in the DICOM segmentation."""
    return {number: segment.label for number, segment in enumerate(result.segmented.present, 1)}


def _measured(result: Result) -> dict[int, tuple[float, float]]:
    """Volume in mL and mean HU by segment, the kidneys apart."""
    return {
        organ.label: (organ.volume_ml, organ.mean_hu)
        for organ in result.statistics
        if organ.name != BOTH_KIDNEYS_NAME and organ.mean_hu is not None
    }


def _verdicts(result: Result) -> dict[int, str]:
    labels = {organ.name: organ.label for organ in ORGANS}
    found = {labels[organ.name]: str(organ.verdict) for organ in result.confidence}
    if KIDNEYS in found:
        found[LEFT_KIDNEY] = found[KIDNEYS]
    return found


def _save(path: Path, dataset: Dataset) -> None:
    with atomic_path(path) as temporary:
        dataset.save_as(temporary, enforce_file_format=True)
