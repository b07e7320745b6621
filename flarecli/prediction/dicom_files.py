"""DICOM objects of a result as files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from flarecli.files.atomic import atomic_path
from flarecli.organs import BOTH_KIDNEYS_NAME, KIDNEYS, LEFT_KIDNEY, ORGANS
from flarecli.prediction.result import Result

if TYPE_CHECKING:
    from pydicom import Dataset


def write_segmentation_object(path: Path, result: Result, *, labelmap: bool) -> None:
    """Write the label map as DICOM SEG; see `flarecli.dicom.results.segmentation_object`."""
    _save(path, _segmentation(result, labelmap=labelmap))


def write_structure_set(path: Path, result: Result) -> None:
    """Write the label map as RTSTRUCT; see `flarecli.dicom.results.structure_set`."""
    from flarecli.dicom.results.structure_set import structure_set

    source = result.volume.source
    assert source.dicom is not None  # asked for DICOM scans only
    made = structure_set(
        result.labels_kji,
        source.affine_ras,
        result.dicom_headers,
        result.origin,
        frames=source.dicom.frames,
        is_resampled=source.dicom.is_resampled,
    )
    _save(path, made)


def write_report(path: Path, result: Result, *, labelmap: bool) -> None:
    """Write what the organs measure as DICOM SR, referring to the segmentation of the same run; see
    `flarecli.dicom.results.report`."""
    from flarecli.dicom.results.report import measurement_report

    made = measurement_report(
        _segmentation(result, labelmap=labelmap),
        str(result.dicom_headers[0].SeriesInstanceUID),
        result.origin,
        _measured(result),
        _verdicts(result),
    )
    _save(path, made)


def _segmentation(result: Result, *, labelmap: bool) -> Dataset:
    from flarecli.dicom.results.segmentation_object import segmentation_object

    affine = result.volume.source.affine_ras
    return segmentation_object(result.labels_kji, affine, result.dicom_headers, result.origin, labelmap=labelmap)


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
