"""Label maps as DICOM Segmentation objects, BINARY or LABELMAP, through highdicom."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import highdicom
import numpy as np
from highdicom.color import CIELabColor
from highdicom.seg import SegmentationTypeValues, SegmentDescription
from highdicom.sr.coding import CodedConcept
from pydicom import Dataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.sequence import Sequence as Items
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, RLELossless, SegmentationStorage

from flarecli.dicom.results.messages import keep_messages_private
from flarecli.dicom.results.origin import MANUFACTURER, NOT_FOR, repeatable_uid
from flarecli.dicom.results.segmented_series import SegmentedSeries
from flarecli.dicom.results.segments import ANATOMICAL_STRUCTURE, Code, Segment
from flarecli.dicom.results.times import put_times

_RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
_SERIES_NUMBER = 9001
_STAND_IN = "2.25."
"""What precedes the number of a slice in the UID of its stand-in."""

_LABELMAP_STORAGE = "1.2.840.10008.5.1.4.1.1.66.7"  # Label Map Segmentation Storage
_FROM_LAST_AXIS_FIRST = np.eye(4)[:, [2, 1, 0, 3]]
"""Reorders the columns of an affine of (i, j, k) for arrays of (k, j, i)."""


def segmentation_object(segmented: SegmentedSeries, *, labelmap: bool = False) -> Dataset:
    """Make a Segmentation object.

    Patient, study and frame of reference are those of the source; every frame names the source slice it lies on. An
    organ that is absent has no segment. The same label map of the same run gets the same UIDs again.

    Args:
        segmented: The label map, with at least one organ.
        labelmap: One frame a slice with all organs (Label Map Segmentation Storage) instead of one a slice and organ.
            Every slice from the first to the last with an organ has one, also empty ones, so that programs that do not
            support segmentations read an evenly spaced stack.

    Returns:
        The dataset, to be saved with `save_as`.

    Raises:
        ValueError: when the label map holds no organ at all.
    """
    if not segmented.present:
        raise ValueError("the label map holds no organ")
    keep_messages_private()
    origin, source = segmented.origin, segmented.source
    affine_lps = _RAS_TO_LPS @ np.asarray(segmented.affine_ras, np.float64)
    volume = highdicom.Volume(
        _numbered(segmented),
        affine_lps @ _FROM_LAST_AXIS_FIRST,
        coordinate_system="PATIENT",
        frame_of_reference_uid=str(source.headers[0].FrameOfReferenceUID),
    )[segmented.window[0]]
    reference = segmentation_reference(segmented, labelmap=labelmap)
    made = highdicom.seg.Segmentation(
        source_images=_stand_ins(segmented, affine_lps),
        pixel_array=volume,
        segmentation_type=SegmentationTypeValues.LABELMAP if labelmap else SegmentationTypeValues.BINARY,
        segment_descriptions=list(reference.SegmentSequence),
        series_instance_uid=str(reference.SeriesInstanceUID),
        series_number=_SERIES_NUMBER,
        sop_instance_uid=str(reference.SOPInstanceUID),
        instance_number=1,
        manufacturer=MANUFACTURER,
        manufacturer_model_name=origin.algorithm,
        software_versions=origin.version,
        device_serial_number="1",
        content_label="ORGANS",
        content_description=f"{NOT_FOR}: abdominal organs",
        series_description=origin.series_description("segmentation"),
        transfer_syntax_uid=RLELossless if labelmap else ExplicitVRLittleEndian,
        omit_empty_frames=not labelmap,
    )
    _name_sources(made, segmented)
    source.identity.complete(made)
    put_times(made, "InstanceCreation", "Content")
    if labelmap:
        _order_along_normal(made)
    return made


def _stand_ins(segmented: SegmentedSeries, affine_lps: np.ndarray) -> list[Dataset]:
    """A CT slice for each slice of the label map, from which highdicom takes patient, study and geometry.

    In place of the headers of the scan: highdicom finds the sources of a frame by their positions, which are rounded in
    headers and equal in several phases of one object, and does not take every header that DICOM allows.
    """
    slices, rows, columns = segmented.labels_kji.shape
    spacing_mm = np.linalg.norm(affine_lps[:3, :3], axis=0)
    directions = affine_lps[:3, :3] / spacing_mm
    first = segmented.source.headers[0]
    made = []
    for k in range(slices):
        header = Dataset()
        header.SOPClassUID, header.SOPInstanceUID = CTImageStorage, f"{_STAND_IN}{k}"
        for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID"):
            setattr(header, keyword, first[keyword].value)
        header.Modality, header.PositionReferenceIndicator = "CT", ""
        header.Rows, header.Columns = rows, columns
        header.ImageOrientationPatient = [*directions[:, 0].tolist(), *directions[:, 1].tolist()]
        header.ImagePositionPatient = (affine_lps @ [0, 0, k, 1])[:3].tolist()
        header.PixelSpacing = [float(spacing_mm[1]), float(spacing_mm[0])]
        header.SliceThickness = float(spacing_mm[2])
        made.append(header)
    for element in segmented.source.identity.elements:
        made[0].add(element)
    return made


def _name_sources(made: Dataset, segmented: SegmentedSeries) -> None:
    """Refer to the slices of the scan in place of their stand-ins."""
    source = segmented.source
    for frame in made.PerFrameFunctionalGroupsSequence:
        for derivation in frame.DerivationImageSequence:  # whose items highdicom shares among frames
            derivation.SourceImageSequence = Items(
                [_source_image(item, segmented) for item in derivation.SourceImageSequence]
            )
    made.SourceImageSequence = Items([image.item for image in source.objects])
    series = Dataset()
    series.SeriesInstanceUID = source.headers[0].SeriesInstanceUID
    # The objects alone, without frames. Source: DICOM PS3.3 table C.12-8.
    series.ReferencedInstanceSequence = Items([replace(image, frames=()).item for image in source.objects])
    made.ReferencedSeriesSequence = Items([series])


def _source_image(stand_in: Dataset, segmented: SegmentedSeries) -> Dataset:
    """A reference to the slice of the scan that a reference to a stand-in means."""
    number = int(str(stand_in.ReferencedSOPInstanceUID).removeprefix(_STAND_IN))
    item = segmented.source.slices[number].item
    item.PurposeOfReferenceCodeSequence = stand_in.PurposeOfReferenceCodeSequence
    item.SpatialLocationsPreserved = "NO" if segmented.is_resampled else "YES"
    return item


def _order_along_normal(made: Dataset) -> None:
    """Reverse the order of frames: highdicom begins at the far end of the normal, and programs that take the order
    of frames as the order of slices (dcm2niix) would mirror the organs."""
    frames = list(generate_frames(made.PixelData, number_of_frames=int(made.NumberOfFrames)))
    made.PixelData = encapsulate(frames[::-1])
    made.PerFrameFunctionalGroupsSequence = Items(list(made.PerFrameFunctionalGroupsSequence)[::-1])


def segmentation_reference(segmented: SegmentedSeries, *, labelmap: bool = False) -> Dataset:
    """The identifiers and segments of the Segmentation object, without frames, for objects that refer to it."""
    first = segmented.source.headers[0]
    facts = segmented.facts("SEG LABELMAP" if labelmap else "SEG BINARY")
    reference = Dataset()
    for element in segmented.source.identity.elements:
        reference.add(element)
    reference.StudyInstanceUID = first.StudyInstanceUID
    reference.SOPClassUID = _LABELMAP_STORAGE if labelmap else SegmentationStorage
    reference.SeriesInstanceUID = repeatable_uid("series", *facts)
    reference.SOPInstanceUID = repeatable_uid("instance", segmented.digest, *facts)
    reference.Modality = "SEG"
    reference.SegmentSequence = Items(
        [_description(number, segment, segmented, facts) for number, segment in enumerate(segmented.present, 1)]
    )
    return reference


def _numbered(segmented: SegmentedSeries) -> np.ndarray:
    """The label map with segments numbered from 1, as the standard requires for BINARY."""
    number_of = np.zeros(256, np.uint8)
    for number, segment in enumerate(segmented.present, 1):
        number_of[segment.number] = number
    numbered = np.zeros_like(segmented.labels_kji)
    numbered[segmented.window] = number_of[segmented.labels_kji[segmented.window]]
    return numbered


def _description(number: int, segment: Segment, segmented: SegmentedSeries, facts: list[str]) -> SegmentDescription:
    origin = segmented.origin
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
    if description := segmented.description_of(segment):
        described.SegmentDescription = description
    if segment.laterality is not None:
        described.SegmentedPropertyTypeCodeSequence[0].SegmentedPropertyTypeModifierCodeSequence = [
            coded(segment.laterality)
        ]
    return described


def coded(code: Code) -> Any:
    """A code as highdicom takes it."""
    return CodedConcept(code.value, code.scheme, code.meaning)
