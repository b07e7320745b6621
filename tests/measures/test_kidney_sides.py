"""Left and right kidney are told apart by parts and by the spine."""

from __future__ import annotations

import nibabel
import numpy as np
import pytest

from flarecli.geometry import Grid
from flarecli.measures.kidney_sides import kidney_sides
from flarecli.organs import KIDNEYS, LEFT_KIDNEY
from flarecli.volume import read_volume
from tests.shared_data import shared_path

SHAPE = (20, 30, 60)
GRID = Grid(SHAPE, (3.0, 3.0, 3.0), np.diag([3.0, 3.0, 3.0, 1.0]))
RIGHT, LEFT = (slice(4, 14), slice(8, 16), slice(42, 52)), (slice(6, 16), slice(8, 16), slice(8, 18))


def scan(spine_x: int = 30) -> np.ndarray:
    voxels = np.full(SHAPE, 40, np.int16)
    voxels[:, 4:12, spine_x - 6 : spine_x + 7] = 300
    voxels[::3, 2:4, 2:58:7] = 400  # ribs, on both sides
    return voxels


def kidneys(*parts: tuple[slice, ...]) -> np.ndarray:
    labels = np.zeros(SHAPE, np.uint8)
    labels[:3] = 1
    for part in parts:
        labels[part] = KIDNEYS
    return labels


def test_two_kidneys() -> None:
    sides = kidney_sides(kidneys(RIGHT, LEFT), scan(), GRID)
    assert (sides.labels[RIGHT] == KIDNEYS).all()
    assert (sides.labels[LEFT] == LEFT_KIDNEY).all()
    assert (sides.labels[:3] == 1).all()
    assert not sides.is_fused


@pytest.mark.parametrize(("part", "label"), [(RIGHT, KIDNEYS), (LEFT, LEFT_KIDNEY)])
def test_one_kidney(part: tuple[slice, ...], label: int) -> None:
    sides = kidney_sides(kidneys(part), scan(), GRID)
    assert set(np.unique(sides.labels)) == {0, 1, label}
    assert not sides.is_fused


def test_the_spine_decides_and_not_the_middle_of_the_picture() -> None:
    near = (slice(4, 14), slice(8, 16), slice(31, 40))
    sides = kidney_sides(kidneys(near), scan(spine_x=50), GRID)
    assert (sides.labels[near] == LEFT_KIDNEY).all()
    assert sides.midline_x == pytest.approx(50.5, abs=1.5)


def test_pieces_of_a_kidney_and_a_kidney_that_crosses_a_little_stay_whole() -> None:
    piece = (slice(17, 19), slice(8, 10), slice(45, 48))
    crossing = (slice(6, 16), slice(8, 16), slice(8, 32))
    sides = kidney_sides(kidneys(RIGHT, piece, crossing), scan(), GRID)
    assert (sides.labels[piece] == KIDNEYS).all()
    assert (sides.labels[crossing] == LEFT_KIDNEY).all()
    assert not sides.is_fused


def test_a_horseshoe_kidney_is_flagged_and_parted_at_the_midline() -> None:
    isthmus = (slice(6, 9), slice(12, 15), slice(18, 42))
    sides = kidney_sides(kidneys(RIGHT, LEFT, isthmus), scan(), GRID)
    assert sides.is_fused
    assert (sides.labels[RIGHT] == KIDNEYS).all()
    assert (sides.labels[LEFT] == LEFT_KIDNEY).all()


def test_without_kidneys_and_without_bone() -> None:
    labels = kidneys()
    assert np.array_equal(kidney_sides(labels, scan(), GRID).labels, labels)
    soft = np.full(SHAPE, -1000, np.int16)
    soft[:, :, 10:40] = 40
    sides = kidney_sides(kidneys((slice(4, 8), slice(4, 8), slice(30, 36))), soft, GRID)
    assert KIDNEYS in sides.labels
    assert LEFT_KIDNEY not in sides.labels


def test_kidneys_of_real_scans_are_told_apart_as_in_manual_labels() -> None:
    scans = sorted(shared_path("data/btcv/imagesTr").glob("*.nii.gz"))
    assert len(scans) == 13
    for path in scans:
        volume = read_volume(path)
        image = nibabel.load(str(path).replace("imagesTr", "labelsTr").replace("_0000", ""))
        manual = np.ascontiguousarray(np.asarray(nibabel.as_closest_canonical(image).dataobj).T)
        labels = np.where((manual == 2) | (manual == 3), KIDNEYS, 0).astype(np.uint8)
        sides = kidney_sides(labels, volume.voxels, volume.grid)
        assert np.array_equal(sides.labels == KIDNEYS, manual == 2), path.name
        assert np.array_equal(sides.labels == LEFT_KIDNEY, manual == 3), path.name
        assert not sides.is_fused
        for kept, label in ((2, KIDNEYS), (3, LEFT_KIDNEY)):  # a patient with one kidney
            alone = np.where(manual == kept, KIDNEYS, 0).astype(np.uint8)
            assert set(np.unique(kidney_sides(alone, volume.voxels, volume.grid).labels)) == {0, label}, path.name


@pytest.mark.parametrize("colon", [slice(44, 60), slice(0, 16)])
@pytest.mark.parametrize("front", [14, 8])
def test_contrast_in_the_colon_is_no_spine(colon: slice, front: int) -> None:
    voxels = scan()
    voxels[:, front:30, colon] = 350
    labels = kidneys(RIGHT, LEFT)
    sides = kidney_sides(labels, voxels, GRID)
    assert (sides.labels[RIGHT] == KIDNEYS).all()
    assert (sides.labels[LEFT] == LEFT_KIDNEY).all()


@pytest.mark.parametrize("colon", [slice(44, 60), slice(0, 16)])
@pytest.mark.parametrize(("part", "label"), [(RIGHT, KIDNEYS), (LEFT, LEFT_KIDNEY)])
def test_a_single_kidney_beside_contrast_in_the_colon(part: tuple[slice, ...], label: int, colon: slice) -> None:
    voxels = scan()
    voxels[:, 14:30, colon] = 350
    assert set(np.unique(kidney_sides(kidneys(part), voxels, GRID).labels)) == {0, 1, label}
