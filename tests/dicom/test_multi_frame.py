"""Enhanced CT: frames are slices, each value from its own functional groups, else from the shared ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flarecli.dicom import find_series, find_series_of_file
from flarecli.errors import InputError
from flarecli.volume import read_volume
from tests.dicom.series_writer import ORIGIN_LPS, STEP_MM, item, numbers, write_multi_frame, write_series


def test_a_multi_frame_scan_is_the_same_as_its_slices(tmp_path: Path) -> None:
    write_series(tmp_path / "slices")
    write_multi_frame(tmp_path / "frames" / "volume.dcm")
    expected = read_volume(tmp_path / "slices")
    for path in (tmp_path / "frames", tmp_path / "frames" / "volume.dcm"):
        volume = read_volume(path)
        np.testing.assert_array_equal(volume.voxels, expected.voxels)
        np.testing.assert_allclose(volume.source.affine_ras, expected.source.affine_ras)
        assert volume.warnings == ()


def test_frames_in_any_order_are_sorted_by_position(tmp_path: Path) -> None:
    order = np.random.default_rng(0).permutation(9)
    voxels = np.maximum(write_series(tmp_path / "slices"), -1024)
    positions = np.array([np.add(ORIGIN_LPS, (0, 0, k * STEP_MM)) for k in order])
    write_multi_frame(tmp_path / "volume.dcm", voxels[order], positions_lps=positions)
    np.testing.assert_array_equal(find_series_of_file(tmp_path / "volume.dcm").read()[0], voxels)


def test_each_frame_has_its_own_rescale(tmp_path: Path) -> None:
    expected = write_multi_frame(tmp_path / "volume.dcm", intercept=lambda k: -1024.0 - 7 * k)
    np.testing.assert_array_equal(find_series_of_file(tmp_path / "volume.dcm").read()[0], expected)


def test_parts_of_one_scan_in_several_files_are_joined(tmp_path: Path) -> None:
    voxels = write_series(tmp_path / "unused")
    positions = np.array([np.add(ORIGIN_LPS, (0, 0, k * STEP_MM)) for k in range(9)])
    write_multi_frame(tmp_path / "s" / "1.dcm", voxels[:4], positions_lps=positions[:4])
    write_multi_frame(tmp_path / "s" / "2.dcm", voxels[4:], positions_lps=positions[4:])
    np.testing.assert_array_equal(find_series(tmp_path / "s").read()[0], voxels)


def test_two_stacks_are_refused_by_their_cause(tmp_path: Path) -> None:
    voxels = np.concatenate([write_series(tmp_path / "unused")] * 2)
    voxels[9:] += 1
    positions = np.array([np.add(ORIGIN_LPS, (0, 0, (k % 9) * STEP_MM)) for k in range(18)])

    def phase(frame: Any, k: int) -> None:
        frame.FrameContentSequence[0].TemporalPositionIndex = 1 + k // 9

    write_multi_frame(tmp_path / "volume.dcm", voxels, positions_lps=positions, each_frame=phase)
    with pytest.raises(InputError, match="several acquisitions or phases") as caught:
        find_series_of_file(tmp_path / "volume.dcm")
    assert "Temporal Position Index" in caught.value.problem
    assert "Temporal Position Index 1: 9 slices" in str(caught.value.seen)


def test_localizer_frames_are_left_out(tmp_path: Path) -> None:
    def first_is_localizer(frame: Any, k: int) -> None:
        kind = "LOCALIZER" if k == 0 else "VOLUME"
        frame.CTImageFrameTypeSequence = [item(FrameType=["ORIGINAL", "PRIMARY", kind, "NONE"])]

    voxels = write_multi_frame(tmp_path / "volume.dcm", each_frame=first_is_localizer)
    series = find_series_of_file(tmp_path / "volume.dcm")
    np.testing.assert_array_equal(series.read()[0], voxels[1:])
    assert "localizer" in series.warnings[0]


@pytest.mark.parametrize(
    ("sequence", "tag"),
    [
        ("PixelMeasuresSequence", "Pixel Spacing (0028,0030)"),
        ("PlaneOrientationSequence", "Image Orientation (Patient) (0020,0037)"),
        ("PixelValueTransformationSequence", "Rescale Slope (0028,1053)"),
    ],
)
def test_a_missing_group_is_named(tmp_path: Path, sequence: str, tag: str) -> None:
    write_multi_frame(
        tmp_path / "volume.dcm",
        change=lambda dataset: delattr(dataset.SharedFunctionalGroupsSequence[0], sequence),
    )
    with pytest.raises(InputError) as caught:
        find_series_of_file(tmp_path / "volume.dcm")
    assert tag in caught.value.problem
    assert "volume.dcm frame 1" in str(caught.value.seen)


def test_a_frame_that_is_turned_is_named(tmp_path: Path) -> None:
    def turned(frame: Any, k: int) -> None:
        if k == 3:
            frame.PlaneOrientationSequence = [item(ImageOrientationPatient=numbers((0, 1, 0, -1, 0, 0)))]

    write_multi_frame(tmp_path / "volume.dcm", each_frame=turned)
    with pytest.raises(InputError, match="differ in Image Orientation") as caught:
        find_series_of_file(tmp_path / "volume.dcm")
    assert "volume.dcm frame 4" in str(caught.value.seen)


@pytest.mark.parametrize("count", [8, 10, 2**31 - 1])
def test_another_number_of_frames_than_described_is_damage(tmp_path: Path, count: int) -> None:
    write_multi_frame(tmp_path / "volume.dcm", change=lambda dataset: setattr(dataset, "NumberOfFrames", count))
    with pytest.raises(InputError, match="is damaged") as caught:
        find_series_of_file(tmp_path / "volume.dcm")
    seen = f"its Number of Frames is {count}, but Per-Frame Functional Groups (5200,9230) has 9"
    assert seen in str(caught.value.seen)


def test_a_cut_multi_frame_file_is_damage(tmp_path: Path) -> None:
    write_multi_frame(tmp_path / "volume.dcm")
    path = tmp_path / "volume.dcm"
    path.write_bytes(path.read_bytes()[:-300])
    with pytest.raises(InputError, match="is damaged") as caught:
        find_series_of_file(path)
    assert "its pixel data lack 300 of 2574 bytes" in str(caught.value.seen)
