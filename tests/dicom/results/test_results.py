"""Label maps as SEG, RTSTRUCT and SR: other programs read back what went in, and a repeated run repeats the UIDs."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
from skimage.draw import polygon2mask

from tests.synthetic_ct import rotation

highdicom = pytest.importorskip("highdicom", reason="needs highdicom (pip install 'flarecli[dicom]')")
pydicom = pytest.importorskip("pydicom")

from flarecli.dicom.results.messages import keep_messages_private  # noqa: E402
from flarecli.dicom.results.origin import Origin  # noqa: E402
from flarecli.dicom.results.report import measurement_report  # noqa: E402
from flarecli.dicom.results.segmentation_object import segmentation_object  # noqa: E402
from flarecli.dicom.results.segments import SEGMENTS  # noqa: E402
from flarecli.dicom.results.structure_set import structure_set  # noqa: E402
from tests.dicom.results.series import SHAPE, affine_ras, comb, labels, segmented  # noqa: E402
from tests.dicom.results.validator import HAS_VALIDATOR, NO_VALIDATOR, errors_of  # noqa: E402

TURNED = {
    "axial": None,
    "head last": np.diag([-1.0, -1.0, -1.0]),
    "prone": np.diag([1.0, 1.0, 1.0]),
    "coronal": np.array([[-1.0, 0, 0], [0, 0, -1.0], [0, -1.0, 0]]),
    "oblique": rotation((9, 4, 3)) @ np.diag([-1.0, -1.0, 1.0]),
}


def validated(path: Path) -> None:
    if not HAS_VALIDATOR:
        pytest.skip(NO_VALIDATOR)
    assert errors_of(path) == []


@pytest.mark.parametrize("name", TURNED)
@pytest.mark.parametrize("labelmap", [False, True])
def test_segmentation_reads_back_equal(tmp_path: Path, name: str, labelmap: bool) -> None:
    placed = affine_ras(TURNED[name])
    series = segmented(tmp_path / "series", placed)
    sources = series.source.headers
    segmentation_object(series, labelmap=labelmap).save_as(tmp_path / "seg.dcm")
    read = highdicom.seg.segread(tmp_path / "seg.dcm")
    volume = read.get_volume(combine_segments=True)
    lps = np.diag([-1.0, -1.0, 1.0, 1.0]) @ placed @ np.eye(4)[:, [2, 1, 0, 3]]
    back = volume.match_geometry(highdicom.Volume(labels(), lps, "PATIENT")).array
    numbers = {item.SegmentNumber: item.SegmentLabel for item in read.SegmentSequence if item.SegmentNumber}
    expected = np.zeros(SHAPE, np.uint8)
    for number, label in numbers.items():
        (segment,) = (segment for segment in SEGMENTS if segment.label == label)
        expected[labels() == segment.number] = number
    assert np.array_equal(back, expected)
    assert read.PatientID == "42"
    assert read.StudyInstanceUID == sources[0].StudyInstanceUID
    assert read.FrameOfReferenceUID == sources[0].FrameOfReferenceUID


def test_segmentation_says_what_and_how(tmp_path: Path) -> None:
    folder = tmp_path / "series"
    made = segmentation_object(segmented(folder, affine_ras()))
    assert [item.SegmentLabel for item in made.SegmentSequence] == ["liver", "right kidney", "spleen", "left kidney"]
    left = made.SegmentSequence[3].SegmentedPropertyTypeCodeSequence[0]
    assert left.CodeValue == "64033007"
    assert left.SegmentedPropertyTypeModifierCodeSequence[0].CodeValue == "7771000"
    algorithm = made.SegmentSequence[0].SegmentationAlgorithmIdentificationSequence[0]
    assert (algorithm.AlgorithmName, algorithm.AlgorithmVersion) == ("flare flarelite", "0.2.0")
    again = segmentation_object(segmented(folder, affine_ras()))
    assert again.SOPInstanceUID == made.SOPInstanceUID
    assert again.SeriesInstanceUID == made.SeriesInstanceUID
    other = segmentation_object(segmented(folder, affine_ras(), np.where(labels() == 3, 0, labels()).astype(np.uint8)))
    assert other.SeriesInstanceUID == made.SeriesInstanceUID
    assert other.SOPInstanceUID != made.SOPInstanceUID
    with pytest.raises(ValueError, match="no organ"):
        segmentation_object(segmented(folder, affine_ras(), np.zeros(SHAPE, np.uint8)))
    made.save_as(tmp_path / "seg.dcm")
    validated(tmp_path / "seg.dcm")


@pytest.mark.parametrize("name", TURNED)
def test_contours_read_back_to_the_mask(tmp_path: Path, name: str) -> None:
    placed = affine_ras(TURNED[name])
    made = structure_set(segmented(tmp_path, placed))
    from_lps = np.linalg.inv(np.diag([-1.0, -1.0, 1.0, 1.0]) @ placed)
    back = np.zeros(SHAPE, np.uint8)
    for region in made.ROIContourSequence:
        mask = np.zeros(SHAPE, bool)
        for contour in region.ContourSequence:
            points = np.array(contour.ContourData, np.float64).reshape(-1, 3)
            assert len(points) == contour.NumberOfContourPoints >= 3
            index = points @ from_lps[:3, :3].T + from_lps[:3, 3]
            assert np.ptp(index[:, 2]) < 0.01
            mask[round(float(index[0, 2]))] ^= polygon2mask(SHAPE[1:], index[:, [1, 0]])
        back[mask] = region.ReferencedROINumber
    assert np.array_equal(back, labels())


def test_structure_set(tmp_path: Path) -> None:
    series = segmented(tmp_path / "series", affine_ras())
    sources = series.source.headers
    made = structure_set(series)
    assert [roi.ROIName for roi in made.StructureSetROISequence] == ["liver", "right kidney", "spleen", "left kidney"]
    names = [
        contour.ContourImageSequence[0].ReferencedSOPInstanceUID
        for contour in made.ROIContourSequence[2].ContourSequence
    ]
    assert names == [sources[3].SOPInstanceUID]
    assert structure_set(segmented(tmp_path / "series", affine_ras())).SOPInstanceUID == made.SOPInstanceUID
    made.save_as(tmp_path / "rt.dcm", enforce_file_format=True)
    read = pydicom.dcmread(tmp_path / "rt.dcm")
    assert read.PatientName == "Doe^Jane"
    codes = [roi.RTROIIdentificationCodeSequence[0] for roi in read.RTROIObservationsSequence]
    assert [code.CodeValue for code in codes] == ["10200004", "64033007", "78961009", "64033007"]
    sides = [[side.CodeValue for side in code.get("SegmentedPropertyTypeModifierCodeSequence", [])] for code in codes]
    assert sides == [[], ["24028007"], [], ["7771000"]]
    validated(tmp_path / "rt.dcm")


def test_a_contour_of_more_than_64_kilobytes_is_written_as_numbers(tmp_path: Path) -> None:
    made = structure_set(segmented(tmp_path / "series", affine_ras(), comb()))
    made.save_as(tmp_path / "rt.dcm", enforce_file_format=True)
    elements = [
        contour["ContourData"] for contour in pydicom.dcmread(tmp_path / "rt.dcm").ROIContourSequence[0].ContourSequence
    ]
    assert [element.VR for element in elements] == ["DS"] * 3
    lengths = [len("\\".join(map(str, element.value))) for element in elements]
    assert lengths[1] > 0x10000 > max(lengths[0], lengths[2])
    validated(tmp_path / "rt.dcm")


def test_warnings_of_faults_are_not_hidden() -> None:
    """Of what pydicom warns about, only what quotes values or does not matter is."""
    contour = pydicom.Dataset()
    contour.ContourData = ["1.5"] * 30_000
    patient = pydicom.Dataset()
    with warnings.catch_warnings(record=True) as shown:
        keep_messages_private()
        contour.save_as(pydicom.filebase.DicomBytesIO(), implicit_vr=False, little_endian=True)
        patient.add(pydicom.DataElement("PatientName", "PN", "Doe" * 40, validation_mode=pydicom.config.WARN))
        patient.add_new("StudyDescription", "LO", "\u5c71")
        patient.save_as(pydicom.filebase.DicomBytesIO(), implicit_vr=False, little_endian=True)
    assert [str(warning.message).split("(")[0][:26] for warning in shown] == [
        "The value for the data ele",
        "Failed to encode value wit",
    ]


def test_simplified_contours_have_fewer_points(tmp_path: Path) -> None:
    exact, simple = (
        structure_set(segmented(tmp_path, affine_ras()), tolerance_mm=tolerance) for tolerance in (0.0, 1.5)
    )
    points = [
        sum(contour.NumberOfContourPoints for contour in made.ROIContourSequence[0].ContourSequence)
        for made in (exact, simple)
    ]
    assert points[1] < points[0] / 2


def test_report(tmp_path: Path) -> None:
    series = segmented(tmp_path / "series", affine_ras())
    measured = {segment.number: (100.0 + segment.number, 40.5) for segment in SEGMENTS}
    made = measurement_report(series, measured, {1: "good", 2: "check", 5: "failed"})
    made.save_as(tmp_path / "sr.dcm")
    read = highdicom.sr.srread(tmp_path / "sr.dcm")
    groups = read.content.get_volumetric_roi_measurement_groups()
    assert len(groups) == 4
    found = {
        group.tracking_identifier: {item.name.meaning: item.value for item in group.get_measurements()}
        for group in groups
    }
    assert found["left kidney"] == {"Volume": 105.0, "Attenuation Coefficient": 40.5}
    assert made.StudyInstanceUID == series.source.headers[0].StudyInstanceUID
    referenced = segmentation_object(series)
    (evidence,) = made.CurrentRequestedProcedureEvidenceSequence
    (instance,) = evidence.ReferencedSeriesSequence[0].ReferencedSOPSequence
    assert instance.ReferencedSOPInstanceUID == referenced.SOPInstanceUID
    assert [str(group.tracking_uid) for group in groups] == [item.TrackingUID for item in referenced.SegmentSequence]
    validated(tmp_path / "sr.dcm")


def test_every_object_says_that_it_is_not_for_clinical_use(tmp_path: Path) -> None:
    series = segmented(tmp_path / "series", affine_ras())
    objects = {
        "segmentation": segmentation_object(series),
        "structures": structure_set(series),
        "measurements": measurement_report(series, {segment.number: (1.0, 40.0) for segment in SEGMENTS}, {}),
    }
    for content, made in objects.items():
        assert made.SeriesDescription == f"Not for clinical use: flare flarelite {content}"
    assert objects["segmentation"].ContentDescription == "Not for clinical use: abdominal organs"
    assert objects["structures"].StructureSetDescription == "Not for clinical use"


def test_series_description_keeps_to_its_length() -> None:
    described = Origin("a-system-of-somebody-with-a-name-of-many-letters", "1", {}).series_description("segmentation")
    assert described.startswith("Not for clinical use: flare a-system")
    assert len(described) == 64
