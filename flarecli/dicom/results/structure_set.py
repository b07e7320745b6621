"""Label maps as RT Structure Sets: closed planar contours on the slices of the series.

Source: DICOM PS3.3 §A.19 and §C.8.8.5 to C.8.8.8. Holes are contours of their own inside the outer one, as planning
systems read them (XOR of the contours of one ROI on one slice).
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence

import numpy as np
from pydicom import DataElement, Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.sequence import Sequence as DicomSequence
from pydicom.uid import UID, ExplicitVRLittleEndian, RTStructureSetStorage
from skimage.measure import approximate_polygon, find_contours

from flarecli.dicom.results.origin import MANUFACTURER, Origin, digest_of, repeatable_uid
from flarecli.dicom.results.segments import SEGMENTS, Segment
from flarecli.geometry import content_window

_RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0])
_SERIES_NUMBER = 9002
_FEWEST_POINTS = 3
_DECIMALS = 3
_CONTOUR_DATA = 0x30060050
_STUDY_TAGS = (
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyInstanceUID",
    "StudyDate",
    "StudyTime",
    "StudyID",
    "AccessionNumber",
    "ReferringPhysicianName",
    "StudyDescription",
    "SpecificCharacterSet",
)


def structure_set(
    labels_kji: np.ndarray,
    affine_ras: np.ndarray,
    sources: Sequence[Dataset],
    origin: Origin,
    *,
    frames: Sequence[int] | None = None,
    is_resampled: bool = False,
    tolerance_mm: float = 0.0,
) -> Dataset:
    """Make an RT Structure Set of a label map with the kidneys' sides told apart.

    Args:
        labels_kji: uint8, shape (slices, rows, columns) of the source; values are the numbers of `SEGMENTS`.
        affine_ras: 4x4 matrix from the index (column, row, slice) to world mm (RAS).
        sources: Headers of the slices, one a slice in the order of `labels_kji`, or of one multi-frame object.
        origin: How the label map was made.
        frames: The frame of each slice in its object, from 0; needed for a multi-frame object.
        is_resampled: Whether the slices lie elsewhere than the source's, so that contours lie on none of its images.
        tolerance_mm: How far a simplified contour may lie from the exact one; 0 keeps every point.

    Returns:
        The dataset, to be saved with `save_as`.
    """
    first = sources[0]
    facts = [str(first.SeriesInstanceUID), "RTSTRUCT", f"{tolerance_mm:g}", *origin.facts()]
    dataset = _header(first, origin, facts, repeatable_uid("instance", digest_of(labels_kji), *facts))
    dataset.ReferencedFrameOfReferenceSequence = DicomSequence([_frame_of_reference(sources)])
    dataset.StructureSetROISequence = DicomSequence()
    dataset.ROIContourSequence = DicomSequence()
    dataset.RTROIObservationsSequence = DicomSequence()
    for segment in SEGMENTS:
        mask = labels_kji == segment.number
        if not mask.any():
            continue
        dataset.StructureSetROISequence.append(_region(segment, first, origin))
        contours = [
            _contour(points, None if is_resampled else _image(sources, frames, k))
            for k, points in _contours(mask, np.asarray(affine_ras, np.float64), tolerance_mm)
        ]
        shown = Dataset()
        shown.ROIDisplayColor = list(segment.colour)
        shown.ReferencedROINumber = segment.number
        shown.ContourSequence = DicomSequence(contours)
        dataset.ROIContourSequence.append(shown)
        dataset.RTROIObservationsSequence.append(_observation(segment))
    return dataset


def _contours(mask_kji: np.ndarray, affine_ras: np.ndarray, tolerance_mm: float) -> Iterator[tuple[int, np.ndarray]]:
    """Slice numbers and points in mm (LPS), shape (points, 3), of every contour, outer ones and holes."""
    step_mm = float(min(np.linalg.norm(affine_ras[:3, 0]), np.linalg.norm(affine_ras[:3, 1])))
    _, rows, columns = content_window(mask_kji)
    top, left = rows.start, columns.start
    part = mask_kji[:, rows, columns]
    for k in np.flatnonzero(part.any(axis=(1, 2))).tolist():
        for found in find_contours(np.pad(part[k], 1).astype(np.float32), 0.5):
            outline = approximate_polygon(found, tolerance_mm / step_mm) if tolerance_mm else found
            outline = outline[:-1]  # find_contours repeats the first point; DICOM closes contours itself
            if len(outline) < _FEWEST_POINTS:
                outline = found[:-1]
            index = np.column_stack(
                [outline[:, 1] - 1 + left, outline[:, 0] - 1 + top, np.full(len(outline), k), np.ones(len(outline))]
            )
            yield k, (index @ affine_ras[:3].T) @ _RAS_TO_LPS


def _image(sources: Sequence[Dataset], frames: Sequence[int] | None, k: int) -> Dataset:
    """A reference to the image of a slice."""
    is_multi_frame = len(sources) == 1
    source = sources[0 if is_multi_frame else k]
    image = Dataset()
    image.ReferencedSOPClassUID = source.SOPClassUID
    image.ReferencedSOPInstanceUID = source.SOPInstanceUID
    if is_multi_frame and frames is not None:
        image.ReferencedFrameNumber = frames[k] + 1
    return image


def _contour(points_lps: np.ndarray, image: Dataset | None) -> Dataset:
    contour = Dataset()
    if image is not None:
        contour.ContourImageSequence = DicomSequence([image])
    contour.ContourGeometricType = "CLOSED_PLANAR"
    contour.NumberOfContourPoints = len(points_lps)
    # Not parsed and checked number by number, which takes longer than everything else.
    numbers = [f"{value:.{_DECIMALS}f}" for value in points_lps.ravel()]
    contour.add(DataElement(_CONTOUR_DATA, "DS", numbers, already_converted=True))
    return contour


def _header(first: Dataset, origin: Origin, facts: Sequence[str], instance_uid: str) -> Dataset:
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID = RTStructureSetStorage
    dataset.file_meta.MediaStorageSOPInstanceUID = UID(instance_uid)
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    for tag in _STUDY_TAGS:
        if tag in first:
            dataset[tag] = first[tag]
        elif tag != "SpecificCharacterSet":
            setattr(dataset, tag, "")
    now = datetime.datetime.now()
    dataset.SOPClassUID = RTStructureSetStorage
    dataset.SOPInstanceUID = instance_uid
    dataset.Modality = "RTSTRUCT"
    dataset.SeriesInstanceUID = repeatable_uid("series", *facts)
    dataset.SeriesNumber = _SERIES_NUMBER
    dataset.SeriesDescription = f"{origin.algorithm} structures"
    dataset.OperatorsName = ""
    dataset.Manufacturer = MANUFACTURER
    dataset.ManufacturerModelName = origin.algorithm
    dataset.SoftwareVersions = origin.version
    dataset.FrameOfReferenceUID = first.FrameOfReferenceUID
    dataset.PositionReferenceIndicator = first.get("PositionReferenceIndicator", "")
    dataset.InstanceNumber = 1
    dataset.StructureSetLabel = "ORGANS"
    dataset.StructureSetDate = dataset.InstanceCreationDate = dataset.SeriesDate = now.strftime("%Y%m%d")
    dataset.StructureSetTime = dataset.InstanceCreationTime = dataset.SeriesTime = now.strftime("%H%M%S")
    dataset.ApprovalStatus = "UNAPPROVED"
    return dataset


def _frame_of_reference(sources: Sequence[Dataset]) -> Dataset:
    series = Dataset()
    series.SeriesInstanceUID = sources[0].SeriesInstanceUID
    images = []
    for source in sources:
        image = Dataset()
        image.ReferencedSOPClassUID = source.SOPClassUID
        image.ReferencedSOPInstanceUID = source.SOPInstanceUID
        images.append(image)
    series.ContourImageSequence = DicomSequence(images)
    study = Dataset()
    study.ReferencedSOPClassUID = "1.2.840.10008.3.1.2.3.1"  # Detached Study Management, as the module wants
    study.ReferencedSOPInstanceUID = sources[0].StudyInstanceUID
    study.RTReferencedSeriesSequence = DicomSequence([series])
    frame = Dataset()
    frame.FrameOfReferenceUID = sources[0].FrameOfReferenceUID
    frame.RTReferencedStudySequence = DicomSequence([study])
    return frame


def _region(segment: Segment, first: Dataset, origin: Origin) -> Dataset:
    region = Dataset()
    region.ROINumber = segment.number
    region.ReferencedFrameOfReferenceUID = first.FrameOfReferenceUID
    region.ROIName = segment.label
    region.ROIGenerationAlgorithm = "AUTOMATIC"
    region.ROIGenerationDescription = f"{origin.algorithm} {origin.version}"
    return region


def _observation(segment: Segment) -> Dataset:
    observation = Dataset()
    observation.ObservationNumber = segment.number
    observation.ReferencedROINumber = segment.number
    observation.ROIObservationLabel = segment.label
    code = Dataset()
    code.CodeValue = segment.property_type.value
    code.CodingSchemeDesignator = segment.property_type.scheme
    code.CodeMeaning = segment.property_type.meaning
    observation.RTROIIdentificationCodeSequence = DicomSequence([code])
    observation.RTROIInterpretedType = "ORGAN"
    observation.ROIInterpreter = ""
    return observation
