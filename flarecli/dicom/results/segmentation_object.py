"""Label maps as DICOM Segmentation objects, BINARY or LABELMAP, through highdicom."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import highdicom
import numpy as np
from highdicom.color import CIELabColor
from highdicom.seg import SegmentationTypeValues, SegmentDescription
from highdicom.sr.coding import CodedConcept
from pydicom import Dataset
from pydicom.uid import ExplicitVRLittleEndian, RLELossless

from flarecli.dicom.results.origin import MANUFACTURER, Origin, digest_of, repeatable_uid
from flarecli.dicom.results.segments import ANATOMICAL_STRUCTURE, SEGMENTS, Code, Segment

_RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
_SERIES_NUMBER = 9001
_FROM_LAST_AXIS_FIRST = np.eye(4)[:, [2, 1, 0, 3]]
"""Reorders the columns of an affine of (i, j, k) for arrays of (k, j, i)."""


def segmentation_object(
    labels_kji: np.ndarray,
    affine_ras: np.ndarray,
    sources: Sequence[Dataset],
    origin: Origin,
    *,
    labelmap: bool = False,
) -> Dataset:
    """Make a Segmentation object of a label map with the kidneys' sides told apart.

    Patient, study and frame of reference are those of the source; every frame names the source slice it lies on. An
    organ that is absent has no segment. The same label map of the same run gets the same UIDs again.

    Args:
        labels_kji: uint8, shape (slices, rows, columns) of the source; values are the numbers of `SEGMENTS`.
        affine_ras: 4x4 matrix from the index (column, row, slice) to world mm (RAS).
        sources: Headers of the source: all slices, or the one multi-frame object.
        origin: How the label map was made.
        labelmap: One frame a slice with all organs (Label Map Segmentation Storage) instead of one an organ.

    Returns:
        The dataset, to be saved with `save_as`.

    Raises:
        ValueError: when the label map holds no organ at all.
    """
    present = [segment for segment in SEGMENTS if (labels_kji == segment.number).any()]
    if not present:
        raise ValueError("the label map holds no organ")
    first = sources[0]
    facts = [str(first.SeriesInstanceUID), "SEG", "LABELMAP" if labelmap else "BINARY", *origin.facts()]
    affine_lps = _RAS_TO_LPS @ np.asarray(affine_ras, np.float64) @ _FROM_LAST_AXIS_FIRST
    volume = highdicom.Volume(
        _numbered(labels_kji, present),
        affine_lps,
        coordinate_system="PATIENT",
        frame_of_reference_uid=str(first.FrameOfReferenceUID),
    )
    return highdicom.seg.Segmentation(
        source_images=sources,
        pixel_array=volume,
        segmentation_type=SegmentationTypeValues.LABELMAP if labelmap else SegmentationTypeValues.BINARY,
        segment_descriptions=[
            _description(number, segment, origin, facts) for number, segment in enumerate(present, 1)
        ],
        series_instance_uid=repeatable_uid("series", *facts),
        series_number=_SERIES_NUMBER,
        sop_instance_uid=repeatable_uid("instance", digest_of(labels_kji), *facts),
        instance_number=1,
        manufacturer=MANUFACTURER,
        manufacturer_model_name=origin.algorithm,
        software_versions=origin.version,
        device_serial_number="1",
        content_label="ORGANS",
        content_description="Abdominal organs",
        series_description=f"{origin.algorithm} segmentation",
        transfer_syntax_uid=RLELossless if labelmap else ExplicitVRLittleEndian,
    )


def _numbered(labels_kji: np.ndarray, present: Sequence[Segment]) -> np.ndarray:
    """The label map with segments counted from 1, as the standard wants for BINARY."""
    number_of = np.zeros(256, np.uint8)
    for number, segment in enumerate(present, 1):
        number_of[segment.number] = number
    return number_of[labels_kji]


def _description(number: int, segment: Segment, origin: Origin, facts: Sequence[str]) -> SegmentDescription:
    described = SegmentDescription(
        segment_number=number,
        segment_label=segment.label,
        segmented_property_category=coded(ANATOMICAL_STRUCTURE),
        segmented_property_type=coded(segment.property_type),
        algorithm_type="AUTOMATIC",
        algorithm_identification=highdicom.AlgorithmIdentificationSequence(
            name=origin.algorithm,
            family=CodedConcept("123110", "DCM", "Artificial Intelligence"),
            version=origin.version,
            parameters={f"weights_{network}": digest for network, digest in sorted(origin.weights.items())},
        ),
        tracking_uid=repeatable_uid("tracking", segment.label, *facts),
        tracking_id=segment.label,
        display_color=CIELabColor.from_rgb(*segment.colour),
    )
    if segment.laterality is not None:
        described.SegmentedPropertyTypeCodeSequence[0].SegmentedPropertyTypeModifierCodeSequence = [
            coded(segment.laterality)
        ]
    return described


def coded(code: Code) -> Any:
    """A code as highdicom takes it."""
    return CodedConcept(code.value, code.scheme, code.meaning)
