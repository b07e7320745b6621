"""Results refer to the slices that were segmented and to no others, whatever a file says besides their geometry."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("highdicom", reason="needs highdicom (pip install 'flarecli[dicom]')")
pydicom = pytest.importorskip("pydicom")

from pydicom.dataelem import RawDataElement  # noqa: E402
from pydicom.tag import Tag  # noqa: E402

from flarecli.dicom.collection.opening import catalogue_of  # noqa: E402
from flarecli.dicom.results.report import measurement_report  # noqa: E402
from flarecli.dicom.results.segmentation_object import segmentation_object  # noqa: E402
from flarecli.dicom.results.segmented_series import SegmentedSeries  # noqa: E402
from flarecli.dicom.results.structure_set import structure_set  # noqa: E402
from flarecli.prediction.dicom.study import study_of  # noqa: E402
from flarecli.volume import read_volume  # noqa: E402
from tests.dicom.results.series import ORIGIN  # noqa: E402
from tests.dicom.results.validator import HAS_VALIDATOR, errors_of  # noqa: E402
from tests.dicom.series_writer import (  # noqa: E402
    ENHANCED_CT,
    ORIGIN_LPS,
    SECONDARY_CAPTURE,
    STEP_MM,
    Items,
    item,
    numbers,
    write_multi_frame,
    write_series,
)

# Of values that are not valid, as the files of these tests are written.
pytestmark = pytest.mark.filterwarnings(r"ignore::UserWarning:pydicom(\.|$)")

SLICES = 9


def put_phases(path: Path) -> None:
    """Two phases in one object: frames 1 to 9 and 10 to 18."""
    first = write_multi_frame(path)
    places = np.array([np.add(ORIGIN_LPS, (0, 0, k % SLICES * STEP_MM)) for k in range(2 * SLICES)])
    write_multi_frame(
        path,
        np.concatenate([first, first + 7]),
        positions_lps=places,
        each_frame=lambda frame, k: setattr(frame.FrameContentSequence[0], "TemporalPositionIndex", 1 + k // SLICES),
    )


def segmented(source: Any, *, anonymous: bool = False) -> SegmentedSeries:
    """A liver of a few voxels in every slice of a scan."""
    volume = read_volume(source)
    labels = np.zeros(volume.voxels.shape, np.uint8)
    labels[:, 3:6, 4:8] = 1
    return study_of(volume, anonymous=anonymous).segmented(labels, ORIGIN, are_kidneys_fused=False)


def named(made: Any) -> list[tuple[str, int | None]]:
    """UID and number of the frame that each frame of a segmentation is derived from, by position."""
    frames = sorted(
        made.PerFrameFunctionalGroupsSequence, key=lambda frame: frame.PlanePositionSequence[0].ImagePositionPatient[2]
    )
    found = [source for frame in frames for source in frame.DerivationImageSequence[0].SourceImageSequence]
    return [(str(source.ReferencedSOPInstanceUID), source.get("ReferencedFrameNumber")) for source in found]


def assert_is_valid(made: Any, path: Path) -> None:
    made.save_as(path, enforce_file_format=True)
    if HAS_VALIDATOR:
        assert errors_of(path) == []


@pytest.mark.parametrize("labelmap", [False, True])
@pytest.mark.parametrize("anonymous", [False, True])
def test_a_phase_of_an_object_refers_to_its_own_frames(tmp_path: Path, labelmap: bool, anonymous: bool) -> None:
    put_phases(tmp_path / "scan" / "two.dcm")
    uids = set()
    for phase, entry in enumerate(catalogue_of(tmp_path / "scan").scans):
        frames = list(range(1 + phase * SLICES, 1 + (phase + 1) * SLICES))
        series = segmented(entry.files, anonymous=anonymous)
        segmentation, structures = segmentation_object(series, labelmap=labelmap), structure_set(series)

        assert [number for _, number in named(segmentation)] == frames
        (whole,) = segmentation.SourceImageSequence
        assert list(whole.ReferencedFrameNumber) == frames
        (contours,) = structures.ROIContourSequence
        assert [each.ContourImageSequence[0].ReferencedFrameNumber for each in contours.ContourSequence] == frames
        study = structures.ReferencedFrameOfReferenceSequence[0].RTReferencedStudySequence[0]
        (image,) = study.RTReferencedSeriesSequence[0].ContourImageSequence
        assert list(image.ReferencedFrameNumber) == frames
        report = measurement_report(series, {1: (1.0, 40.0)}, {}, labelmap=labelmap)
        for number, made in enumerate((segmentation, structures, report)):
            uids.add(str(made.SOPInstanceUID))
            if not labelmap or made is structures:  # the validator does not know label maps
                assert_is_valid(made, tmp_path / f"{phase}{number}.dcm")
    assert len(uids) == 6, "equal label maps of two phases are objects of their own"


def test_a_whole_object_is_named_without_frames(tmp_path: Path) -> None:
    write_multi_frame(tmp_path / "volume.dcm")

    made = segmentation_object(segmented(tmp_path / "volume.dcm"))

    assert "ReferencedFrameNumber" not in made.SourceImageSequence[0]
    assert [number for _, number in named(made)] == list(range(1, SLICES + 1))


def of_each_frame(frame: Any, k: int) -> None:
    frame.PixelMeasuresSequence = Items([item(PixelSpacing=numbers((4.5, 4.0)), SliceThickness="5")])
    frame.PlaneOrientationSequence = Items([item(ImageOrientationPatient=numbers((1, 0, 0, 0, 1, 0)))])


def nothing_shared(dataset: Any) -> None:
    del dataset.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence
    del dataset.SharedFunctionalGroupsSequence[0].PlaneOrientationSequence


def without_thickness(dataset: Any) -> None:
    del dataset.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].SliceThickness


def put(dataset: Any, keyword: str, content: bytes, vr: str) -> None:
    """A value as a file may hold it, valid or not."""
    tag = Tag(keyword)
    dataset[tag] = RawDataElement(tag, vr, len(content), content, 0, False, True)


@pytest.mark.parametrize(
    "options",
    [
        {"each_frame": of_each_frame, "change": nothing_shared},
        {"change": without_thickness},
        {"change": lambda dataset: put(dataset, "NumberOfFrames", b"9. ", "IS")},
    ],
    ids=["groups of each frame", "no thickness", "number of frames with a point"],
)
def test_results_do_not_depend_on_how_an_object_says_its_geometry(tmp_path: Path, options: dict[str, Any]) -> None:
    write_multi_frame(tmp_path / "volume.dcm", **options)

    series = segmented(tmp_path / "volume.dcm")

    made = segmentation_object(series)
    assert [number for _, number in named(made)] == list(range(1, SLICES + 1))
    assert_is_valid(made, tmp_path / "seg.dcm")
    assert_is_valid(structure_set(series), tmp_path / "rt.dcm")


def one_frame(dataset: Any, k: int) -> None:
    """A slice as an Enhanced CT object of one frame."""
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = ENHANCED_CT
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]
    dataset.NumberOfFrames = 1
    dataset.SharedFunctionalGroupsSequence = Items([item()])
    dataset.PerFrameFunctionalGroupsSequence = Items(
        [
            item(
                PlanePositionSequence=Items([item(ImagePositionPatient=dataset.ImagePositionPatient)]),
                PlaneOrientationSequence=Items([item(ImageOrientationPatient=dataset.ImageOrientationPatient)]),
                PixelMeasuresSequence=Items([item(PixelSpacing=dataset.PixelSpacing, SliceThickness="5")]),
                FrameContentSequence=Items([item(StackID="1", InStackPositionNumber=1)]),
            )
        ]
    )


def as_capture(dataset: Any, k: int) -> None:
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = SECONDARY_CAPTURE
    dataset.ImageType = ["DERIVED", "SECONDARY"]


THICKNESS: dict[str, Callable[[Any, int], None]] = {
    "none": lambda dataset, k: dataset.__delitem__("SliceThickness"),
    "with its unit": lambda dataset, k: put(dataset, "SliceThickness", b"5 mm", "DS"),
    "objects of one frame": one_frame,
    "secondary captures": as_capture,
}


@pytest.mark.parametrize("step_y_mm", [0.0, 1.0], ids=["straight", "tilted"])
@pytest.mark.parametrize("each", THICKNESS)
def test_results_do_not_depend_on_how_slices_say_their_geometry(tmp_path: Path, each: str, step_y_mm: float) -> None:
    write_series(tmp_path / "series", step_lps=(0, step_y_mm, STEP_MM), each=THICKNESS[each])
    uids = [str(pydicom.dcmread(path).SOPInstanceUID) for path in sorted((tmp_path / "series").iterdir())]

    series = segmented(tmp_path / "series")

    made = segmentation_object(series)
    assert named(made) == [(uid, None) for uid in uids]
    first = made.PerFrameFunctionalGroupsSequence[0].DerivationImageSequence[0].SourceImageSequence[0]
    assert first.SpatialLocationsPreserved == ("NO" if step_y_mm else "YES")
    assert [str(image.ReferencedSOPInstanceUID) for image in made.SourceImageSequence] == uids
    assert_is_valid(made, tmp_path / "seg.dcm")
    assert_is_valid(structure_set(series), tmp_path / "rt.dcm")
