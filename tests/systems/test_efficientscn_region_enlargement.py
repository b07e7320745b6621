"""Which faces of a region cut an organ, and how far they move."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from flarecli.geometry import Box
from flarecli.systems.efficientscn import EfficientScnConstants
from flarecli.systems.efficientscn.geometry import SegmentationPlan
from flarecli.systems.efficientscn.region_enlargement import FACES, Face, cutting_faces, enlarged_region

CONSTANTS = EfficientScnConstants()
SPACING_MM = (2.0, 2.0, 2.0)
INSIDE = SegmentationPlan(
    box_lps_mm=Box((40.0, 50.0, 60.0), (104.0, 114.0, 124.0)),
    spacing_mm=2.0,
    input_shape_zyx=(32, 32, 32),
    cropping=((20, 30), (25, 30), (30, 30)),
    padding=((0, 0), (0, 0), (0, 0)),
    crop_shape_zyx=(33, 33, 33),
)


def scores_with_organ(*organ: slice) -> np.ndarray:
    scores = np.zeros((3, 32, 32, 32), np.float32)
    scores[0] = 0.5
    scores[(2, *organ)] = 1.0
    return scores


def patch_at(face: Face, depth: int, side: int = 5) -> tuple[slice, ...]:
    """A patch of side x side voxels, `depth` voxels from the face."""
    at = depth if face.side == 0 else 31 - depth
    patch = [slice(10, 10 + side)] * 3
    patch[face.axis] = slice(at, at + 1)
    return tuple(patch)


@pytest.mark.parametrize("face", FACES, ids=lambda face: face.name)
def test_an_organ_in_the_outermost_two_voxels_cuts(face: Face) -> None:
    for depth in (0, 1):
        found = cutting_faces(
            scores_with_organ(*patch_at(face, depth)), INSIDE, SPACING_MM, CONSTANTS, CONSTANTS.touch_area_mm2
        )
        assert found == (face,)
    assert (
        cutting_faces(scores_with_organ(*patch_at(face, 2)), INSIDE, SPACING_MM, CONSTANTS, CONSTANTS.touch_area_mm2)
        == ()
    )


@pytest.mark.parametrize("face", FACES, ids=lambda face: face.name)
def test_a_face_is_cut_above_an_area_whatever_the_voxel_size(face: Face) -> None:
    """A patch of 5 x 5 voxels in one of two layers: 12.5 voxels of the face, 50 mm² at 2 mm and 112.5 mm² at 3 mm."""
    scores = scores_with_organ(*patch_at(face, 0))
    coarse = replace(INSIDE, spacing_mm=3.0)
    for plan, area_mm2 in ((INSIDE, 50.0), (coarse, 112.5)):
        assert cutting_faces(scores, plan, SPACING_MM, CONSTANTS, area_mm2) == ()
        assert cutting_faces(scores, plan, SPACING_MM, CONSTANTS, area_mm2 - 0.1) == (face,)


def test_a_few_stray_voxels_do_not_cut() -> None:
    assert (
        cutting_faces(
            scores_with_organ(*patch_at(FACES[0], 0, 3)), INSIDE, SPACING_MM, CONSTANTS, CONSTANTS.touch_area_mm2
        )
        == ()
    )


@pytest.mark.parametrize("face", FACES, ids=lambda face: face.name)
@pytest.mark.parametrize("beyond", [0, 1])
def test_a_face_at_the_border_of_the_scan_does_not_cut(face: Face, beyond: int) -> None:
    """With half a network voxel of the scan beyond it, a face counts as the border."""
    cropping = [list(sides) for sides in INSIDE.cropping]
    cropping[face.axis][face.side] = beyond
    plan = replace(INSIDE, cropping=tuple(tuple(sides) for sides in cropping))
    scores = scores_with_organ(*patch_at(face, 0))
    assert cutting_faces(scores, plan, (1.0, 1.0, 1.0), CONSTANTS, CONSTANTS.touch_area_mm2) == ()


@pytest.mark.parametrize("face", FACES, ids=lambda face: face.name)
def test_only_the_cutting_face_moves(face: Face) -> None:
    region = Box((45.0, 55.0, 65.0), (99.0, 109.0, 119.0))
    grown = enlarged_region(region, INSIDE, (face,), (400.0, 400.0, 400.0), CONSTANTS)
    before = np.array([region.start_mm, region.end_mm])
    after = np.array([grown.start_mm, grown.end_mm])
    moved = np.add([INSIDE.box_lps_mm.start_mm, INSIDE.box_lps_mm.end_mm], [[-32.0], [32.0]])
    expected = before.copy()
    expected[face.side, face.axis] = moved[face.side, face.axis]
    np.testing.assert_array_equal(after, expected)


def test_growth_ends_at_the_border_of_the_scan() -> None:
    grown = enlarged_region(INSIDE.box_lps_mm, INSIDE, FACES, (110.0, 500.0, 130.0), CONSTANTS)
    assert grown == Box((8.0, 18.0, 28.0), (110.0, 146.0, 130.0))
    near = replace(INSIDE, box_lps_mm=Box((10.0, 10.0, 10.0), (74.0, 74.0, 74.0)))
    assert enlarged_region(near.box_lps_mm, near, FACES, (500.0, 500.0, 500.0), CONSTANTS).start_mm == (0, 0, 0)
