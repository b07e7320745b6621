"""The VGG-13 U-Net from scan to labels, with networks that look at intensities."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

import nibabel
import numpy as np
import pytest

from flarecli.errors import InputError
from flarecli.geometry import Box, Grid
from flarecli.steps import Steps
from flarecli.systems.base import RegionRequest, Segmentation
from flarecli.systems.vgg13 import Vgg13, Vgg13Constants
from flarecli.volume import read_volume

TISSUE_HU, LIVER_HU, KIDNEY_HU = -100, 100, 300
CONSTANTS = Vgg13Constants(slice_size=64)
SHAPE_ZYX = (9, 64, 64)


@dataclass(frozen=True)
class Scan:
    """What a system needs of a volume."""

    voxels: np.ndarray
    grid: Grid


class FindsLevels:
    """Scores liver and kidneys by how much brighter than the rest they are; remembers the sizes of its batches."""

    def __init__(self) -> None:
        self.batches: list[tuple[int, ...]] = []

    def __call__(self, image: np.ndarray) -> np.ndarray:
        self.batches.append(image.shape)
        assert image.dtype == np.float32
        lowest = image[:, 0].min(axis=(1, 2), keepdims=True)
        height = (image[:, 0] - lowest) / np.maximum(np.ptp(image[:, 0], axis=(1, 2), keepdims=True), 1e-6)
        scores = np.zeros((len(image), 5, *image.shape[2:]), np.float32)
        scores[:, 0] = 0.25 - height
        scores[:, 1] = 0.25 - np.abs(height - 0.5)
        scores[:, 2] = height - 0.75
        return scores


@dataclass(frozen=True)
class Run:
    result: Segmentation
    network: FindsLevels
    steps: list[str]


def scan_of(voxels: np.ndarray, spacing_mm: tuple[float, float, float] = (5.0, 2.0, 2.0)) -> Scan:
    return Scan(voxels, Grid(voxels.shape, spacing_mm, np.diag([*spacing_mm[::-1], 1.0])))


def organs(shape_zyx: tuple[int, int, int] = SHAPE_ZYX) -> np.ndarray:
    """HU of a liver and two kidneys that reach through all slices."""
    voxels = np.full(shape_zyx, TISSUE_HU, np.int16)
    _, ny, nx = shape_zyx
    voxels[:, ny * 3 // 8 : ny * 3 // 4, nx // 2 : nx * 7 // 8] = LIVER_HU
    for first in (nx // 8, nx * 5 // 16):
        voxels[:, ny // 8 : ny // 4, first : first + nx // 8] = KIDNEY_HU
    return voxels


def truth_of(voxels: np.ndarray) -> np.ndarray:
    return np.select([voxels == LIVER_HU, voxels == KIDNEY_HU], [1, 2]).astype(np.uint8)


def run(scan: Scan, region: RegionRequest | None = None, constants: Vgg13Constants = CONSTANTS) -> Run:
    network, steps = FindsLevels(), Steps()
    result = Vgg13(constants).segment(scan, {"segmentation": network}, region or RegionRequest(), steps)
    return Run(result, network, [step.name for step in steps.times])


def test_organs_are_found_where_they_are() -> None:
    voxels = organs()
    done = run(scan_of(voxels))
    np.testing.assert_array_equal(done.result.labels, truth_of(voxels))
    assert done.result.labels.dtype == np.uint8
    assert done.result.region_mm == Box((0, 0, 0), (45, 128, 128))
    assert done.result.warnings == ()
    assert done.steps == ["prepare", "segment", "restore", "clean"]
    assert done.result.facts == {
        "region_mode": "auto",
        "slices": [0, 9],
        "slice_size_yx": [64, 64],
        "slices_resized": False,
        "batch_slices": 9,
        "removed_voxels": {"liver": 0, "kidneys": 0, "spleen": 0, "pancreas": 0},
    }
    assert json.loads(json.dumps(done.result.facts)) == done.result.facts


def test_the_whole_scan_is_what_auto_means() -> None:
    scan = scan_of(organs())
    np.testing.assert_array_equal(
        run(scan, RegionRequest("full")).result.labels, run(scan, RegionRequest("auto")).result.labels
    )


@pytest.mark.parametrize("flips", [(True, False, False), (False, True, True), (True, True, True)])
def test_storage_orientation_does_not_matter(tmp_path: Path, flips: tuple[bool, ...]) -> None:
    voxels = organs((20, 64, 64))
    affine = np.diag([3.0, 3.0, 5.0, 1.0])
    stored = voxels.T
    for axis, is_flipped in enumerate(flips):
        if is_flipped:
            stored = np.flip(stored, axis)
            affine[axis, 3] = affine[axis, axis] * (stored.shape[axis] - 1)
            affine[axis, axis] *= -1
    path = tmp_path / "scan.nii.gz"
    nibabel.save(nibabel.Nifti1Image(np.ascontiguousarray(stored), affine), path)
    np.testing.assert_array_equal(run(read_volume(path)).result.labels, truth_of(voxels))


@pytest.mark.parametrize("shape_yx", [(96, 80), (40, 50), (64, 48)])
def test_slices_of_another_size_are_resized_there_and_back(shape_yx: tuple[int, int]) -> None:
    voxels = organs((3, *shape_yx))
    done = run(scan_of(voxels))
    truth = truth_of(voxels)
    assert done.result.labels.shape == voxels.shape
    assert done.result.facts["slices_resized"]
    for label in (1, 2):
        found, wanted = done.result.labels == label, truth == label
        # The share of 0.95 costs about half a voxel at every border.
        assert np.count_nonzero(found & ~wanted) == 0
        assert np.count_nonzero(found) > 0.55 * np.count_nonzero(wanted)


@pytest.mark.parametrize(("memory_mb", "sizes"), [(1.0, [1] * 9), (37.0, [4, 4, 4]), (580.0, [9])])
def test_batches_follow_the_memory_and_have_one_size(memory_mb: float, sizes: list[int]) -> None:
    voxels = organs()
    # A slice of 64 x 64 counts as a 64th of 580 MB.
    done = run(scan_of(voxels), constants=replace(CONSTANTS, batch_memory_mb=memory_mb))
    assert [shape[0] for shape in done.network.batches] == sizes
    assert {shape[1:] for shape in done.network.batches} == {(3, 64, 64)}
    np.testing.assert_array_equal(done.result.labels, truth_of(voxels))


def test_full_slices_go_in_pairs_by_default() -> None:
    assert Vgg13Constants().batch_slices == 2


def test_a_single_kidney_survives() -> None:
    voxels = organs()
    voxels[:, :16, 20:] = TISSUE_HU
    done = run(scan_of(voxels))
    assert np.count_nonzero(done.result.labels == 2) == 9 * 8 * 8
    np.testing.assert_array_equal(done.result.labels, truth_of(voxels))


def test_only_the_largest_parts_are_kept() -> None:
    voxels = organs()
    truth = truth_of(voxels)
    voxels[4, 60:63, 2:5] = KIDNEY_HU
    voxels[6:8, 50:52, 4:6] = LIVER_HU
    # Joined to the liver by an edge alone, which is not enough.
    voxels[0, 48, 56] = LIVER_HU
    done = run(scan_of(voxels))
    np.testing.assert_array_equal(done.result.labels, truth)
    assert done.result.facts["removed_voxels"] == {"liver": 9, "kidneys": 9, "spleen": 0, "pancreas": 0}


def test_a_box_limits_slices_and_labels() -> None:
    voxels = organs()
    box = Box((11.0, 0.0, 70.0), (24.0, 500.0, 128.0))
    done = run(scan_of(voxels), RegionRequest("box", box))
    expected = np.zeros_like(truth_of(voxels))
    expected[2:5, :, 35:] = truth_of(voxels)[2:5, :, 35:]
    np.testing.assert_array_equal(done.result.labels, expected)
    assert [shape[0] for shape in done.network.batches] == [3]
    assert done.result.region_mm == Box((10, 0, 70), (25, 128, 128))
    assert done.result.facts["slices"] == [2, 5]


def test_a_box_chooses_among_the_parts_inside_it() -> None:
    voxels = organs()
    voxels[:, 2:6, 56:62] = KIDNEY_HU
    done = run(scan_of(voxels), RegionRequest("box", Box((0, 0, 100), (45, 128, 128))))
    assert np.count_nonzero(done.result.labels == 2) == 9 * 4 * 6


@pytest.mark.parametrize("start_mm", [(100, 0, 0), (0, -50, -50)])
def test_a_box_beside_the_scan_is_an_error(start_mm: tuple[float, float, float]) -> None:
    z, y, x = start_mm
    with pytest.raises(InputError, match="outside the scan"):
        run(scan_of(organs()), RegionRequest("box", Box(start_mm, (z + 10, y + 10, x + 10))))


def test_an_empty_result_is_a_warning() -> None:
    done = run(scan_of(np.full(SHAPE_ZYX, TISSUE_HU, np.int16)))
    assert not done.result.labels.any()
    (warning,) = done.result.warnings
    assert "the label map is empty" in warning
