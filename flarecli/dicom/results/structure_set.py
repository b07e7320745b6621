"""Label maps as RT Structure Sets: closed planar contours on the slices of the series.

Source: DICOM PS3.3 §A.19 and §C.8.8.5 to C.8.8.8.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from pydicom import DataElement, Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.sequence import Sequence as DicomSequence
from pydicom.uid import UID, ImplicitVRLittleEndian, RTStructureSetStorage

from flarecli.dicom.results.identity import EQUIPMENT
from flarecli.dicom.results.messages import keep_messages_private
from flarecli.dicom.results.origin import MANUFACTURER, NOT_FOR, Origin, repeatable_uid
from flarecli.dicom.results.outlines import outlines_of
from flarecli.dicom.results.segmented_series import SegmentedSeries
from flarecli.dicom.results.segments import Code, Segment
from flarecli.dicom.results.sources import ImageReference, SourceSeries
from flarecli.dicom.results.times import put_times
from flarecli.geometry import content_window

_RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0])
_SERIES_NUMBER = 9002
_DECIMALS = 3
_CONTOUR_DATA = 0x30060050


def structure_set(segmented: SegmentedSeries, *, tolerance_mm: float = 0.0) -> Dataset:
    """Make an RT Structure Set.

    Args:
        segmented: The label map.
        tolerance_mm: How far a simplified contour may lie from the exact one; 0 keeps every point.

    Returns:
        The dataset, to be saved with `save_as`.
    """
    keep_messages_private()
    source, origin = segmented.source, segmented.origin
    facts = [*segmented.facts("RTSTRUCT"), f"{tolerance_mm:g}"]
    dataset = _header(source, origin, facts, repeatable_uid("instance", segmented.digest, *facts))
    dataset.ReferencedFrameOfReferenceSequence = DicomSequence([_frame_of_reference(source)])
    dataset.StructureSetROISequence = DicomSequence()
    dataset.ROIContourSequence = DicomSequence()
    dataset.RTROIObservationsSequence = DicomSequence()
    for segment in segmented.present:
        dataset.StructureSetROISequence.append(_region(segment, segmented))
        contours = [
            _contour(points, None if segmented.is_resampled else source.slices[k])
            for k, points in _contours(segmented, segment, tolerance_mm)
        ]
        shown = Dataset()
        shown.ROIDisplayColor = list(segment.colour)
        shown.ReferencedROINumber = segment.number
        shown.ContourSequence = DicomSequence(contours)
        dataset.ROIContourSequence.append(shown)
        dataset.RTROIObservationsSequence.append(_observation(segment))
    return dataset


def _contours(segmented: SegmentedSeries, segment: Segment, tolerance_mm: float) -> Iterator[tuple[int, np.ndarray]]:
    """Slice numbers and points in mm (LPS), shape (points, 3), of every contour."""
    affine_ras = np.asarray(segmented.affine_ras, np.float64)
    step_mm = float(min(np.linalg.norm(affine_ras[:3, 0]), np.linalg.norm(affine_ras[:3, 1])))
    mask_kji = segmented.labels_kji[segmented.window] == segment.number
    slices, rows, columns = content_window(mask_kji)
    inner = (slices, rows, columns)
    first_k, top, left = (outer.start + part.start for outer, part in zip(segmented.window, inner, strict=True))
    part = mask_kji[slices, rows, columns]
    for k in np.flatnonzero(part.any(axis=(1, 2))).tolist():
        for outline in outlines_of(part[k], tolerance_mm / step_mm):
            place, ones = k + first_k, np.ones(len(outline))
            index = np.column_stack([outline[:, 1] + left, outline[:, 0] + top, place * ones, ones])
            yield place, (index @ affine_ras[:3].T) @ _RAS_TO_LPS


def _contour(points_lps: np.ndarray, image: ImageReference | None) -> Dataset:
    contour = Dataset()
    if image is not None:
        contour.ContourImageSequence = DicomSequence([image.item])
    contour.ContourGeometricType = "CLOSED_PLANAR"
    contour.NumberOfContourPoints = len(points_lps)
    # Not parsed and checked number by number, which takes longer than everything else.
    numbers = [f"{value:.{_DECIMALS}f}" for value in points_lps.ravel()]
    contour.add(DataElement(_CONTOUR_DATA, "DS", numbers, already_converted=True))
    return contour


def _header(source: SourceSeries, origin: Origin, facts: Sequence[str], instance_uid: str) -> Dataset:
    dataset, first = Dataset(), source.headers[0]
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID = RTStructureSetStorage
    dataset.file_meta.MediaStorageSOPInstanceUID = UID(instance_uid)
    # In Explicit VR, Contour Data are limited to 64 kB (2700 points). Longer ones may be written as UN there (PS3.3
    # §C.8.8.6, PS3.5 §6.2.2), but few programs read that. Implicit VR is the default transfer syntax, which all support
    # (PS3.5 §10.1): one for all structure sets, so that large ones are written as the small ones that are tested.
    dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    for element in source.identity.elements:
        if element.keyword not in EQUIPMENT:
            dataset.add(element)
    dataset.StudyInstanceUID = first.StudyInstanceUID
    dataset.SOPClassUID = RTStructureSetStorage
    dataset.SOPInstanceUID = instance_uid
    dataset.Modality = "RTSTRUCT"
    dataset.SeriesInstanceUID = repeatable_uid("series", *facts)
    dataset.SeriesNumber = _SERIES_NUMBER
    dataset.SeriesDescription = origin.series_description("structures")
    dataset.OperatorsName = ""
    dataset.Manufacturer = MANUFACTURER
    dataset.ManufacturerModelName = origin.algorithm
    dataset.SoftwareVersions = origin.version
    dataset.FrameOfReferenceUID = first.FrameOfReferenceUID
    dataset.PositionReferenceIndicator = ""
    dataset.InstanceNumber = 1
    dataset.StructureSetLabel = "ORGANS"
    dataset.StructureSetDescription = NOT_FOR
    put_times(dataset, "InstanceCreation", "Series", "StructureSet")
    dataset.ApprovalStatus = "UNAPPROVED"
    return dataset


def _frame_of_reference(source: SourceSeries) -> Dataset:
    series, first = Dataset(), source.headers[0]
    series.SeriesInstanceUID = first.SeriesInstanceUID
    series.ContourImageSequence = DicomSequence([image.item for image in source.objects])
    study = Dataset()
    study.ReferencedSOPClassUID = "1.2.840.10008.3.1.2.3.1"  # Detached Study Management, as the module requires
    study.ReferencedSOPInstanceUID = first.StudyInstanceUID
    study.RTReferencedSeriesSequence = DicomSequence([series])
    frame = Dataset()
    frame.FrameOfReferenceUID = first.FrameOfReferenceUID
    frame.RTReferencedStudySequence = DicomSequence([study])
    return frame


def _region(segment: Segment, segmented: SegmentedSeries) -> Dataset:
    region, origin = Dataset(), segmented.origin
    region.ROINumber = segment.number
    region.ReferencedFrameOfReferenceUID = segmented.source.headers[0].FrameOfReferenceUID
    region.ROIName = segment.label
    if description := segmented.description_of(segment):
        region.ROIDescription = description
    region.ROIGenerationAlgorithm = "AUTOMATIC"
    region.ROIGenerationDescription = f"{origin.algorithm} {origin.version}"
    return region


def _observation(segment: Segment) -> Dataset:
    observation = Dataset()
    observation.ObservationNumber = segment.number
    observation.ReferencedROINumber = segment.number
    observation.ROIObservationLabel = segment.label
    kind = _coded(segment.property_type)
    if segment.laterality is not None:  # Source: PS3.3 table C.8-44, CID 244
        kind.SegmentedPropertyTypeModifierCodeSequence = DicomSequence([_coded(segment.laterality)])
    observation.RTROIIdentificationCodeSequence = DicomSequence([kind])
    observation.RTROIInterpretedType = "ORGAN"
    observation.ROIInterpreter = ""
    return observation


def _coded(concept: Code) -> Dataset:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = concept.value, concept.scheme, concept.meaning
    return code
