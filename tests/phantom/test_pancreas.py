"""The pancreas of label maps: shrunken, gone in places, fatty, elsewhere; and the veins along it."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy import ndimage

from flarecli.phantom import anatomy_from_labels, make_phantom, options_for, prepare_labels, procedural_anatomy
from flarecli.phantom.body.landmarks import measure_landmarks
from flarecli.phantom.drawing.canvas import Canvas, Palette
from flarecli.phantom.drawing.lattice import SampleGrid
from flarecli.phantom.organs.anatomy import OrganShape
from flarecli.phantom.organs.atrophy import Atrophy, draw_atrophy
from flarecli.phantom.tissues import Tissue
from flarecli.phantom.vessels.grooves import behind, behind_front
from flarecli.phantom.vessels.portal_system import draw_portal_system
from tests.drawn_organs import drawn_organs

STEP_MM = 4.0
SHAPE = (80, 70, 90)
GRID = SampleGrid(SHAPE, (STEP_MM,) * 3, tuple(-(n - 1) / 2 * STEP_MM for n in SHAPE))
WHOLE = dataclasses.replace(options_for("realistic"), shrunken_pancreas=0.0, patchy_pancreas=0.0)


@pytest.fixture(scope="module")
def prepared():
    return prepare_labels(drawn_organs(procedural_anatomy(np.random.default_rng(3), WHOLE), GRID), (STEP_MM,) * 3)


@pytest.mark.parametrize("change", ["shrunken_pancreas", "patchy_pancreas"])
@pytest.mark.parametrize("seed", range(5, 8))
def test_an_atrophic_pancreas_is_smaller_and_the_other_organs_are_not(prepared, change, seed):
    whole, less = (
        drawn_organs(anatomy_from_labels(np.random.default_rng(seed), prepared, options), GRID)
        for options in (WHOLE, dataclasses.replace(WHOLE, **{change: 1.0}))
    )
    counts, fewer = (np.bincount(labels.ravel(), minlength=5) for labels in (whole, less))
    assert fewer[4] < 0.9 * counts[4]
    assert not ((less == 4) & (whole != 4)).any()
    np.testing.assert_array_equal(fewer[1:4], counts[1:4])


def test_places_lose_most_in_their_middle_and_nothing_far_away():
    atrophy = Atrophy(1.0, np.array([[10.0, 20.0, 30.0]]), np.array([12.0]), np.array([6.0]))
    z = np.array([10.0, 22.0, 90.0], np.float32)
    taken = atrophy.taken_mm([z, np.full_like(z, 20), np.full_like(z, 30)])
    assert taken.dtype == np.float32
    np.testing.assert_allclose(taken, [7.0, 1.0 + 6.0 * np.exp(-0.5), 1.0], atol=1e-5)


def test_the_places_are_points_of_the_organ():
    inside = np.array([[0.0, 3.0, 6.0], [3.0, 3.0, 9.0]])
    options = dataclasses.replace(WHOLE, patchy_pancreas=1.0)
    drawn = [draw_atrophy(np.random.default_rng(seed), inside, options) for seed in range(20)]
    assert {len(atrophy.places_mm) for atrophy in drawn} == {1, 2}
    assert all((place == inside).all(1).any() for atrophy in drawn for place in atrophy.places_mm)


def test_a_healthy_organ_has_no_atrophy_and_no_bed(prepared):
    assert draw_atrophy(np.random.default_rng(0), np.zeros((1, 3)), WHOLE) is None
    anatomy = anatomy_from_labels(np.random.default_rng(0), prepared, WHOLE)
    assert all(organ.bed_at is None for organ in anatomy.organs)


def test_an_atrophic_pancreas_is_fatty_twice_as_often(prepared):
    fatty = {}
    for share in (0.0, 1.0):
        options = dataclasses.replace(WHOLE, shrunken_pancreas=share, fatty_pancreas=0.3)
        anatomy = anatomy_from_labels(np.random.default_rng(0), prepared, options)
        assert anatomy.is_pancreas_atrophic == bool(share)
        phantoms = (
            make_phantom(seed, shape_zyx=(2, 2, 2), spacing_mm=(4.0,) * 3, options=options, anatomy=anatomy)
            for seed in range(40)
        )
        fatty[share] = sum(phantom.facts["fatty_pancreas"] for phantom in phantoms)
    assert 5 < fatty[0.0] < 18 < fatty[1.0] < 34


def test_veins_stay_where_the_pancreas_was(prepared):
    drawn = []
    for share in (0.0, 1.0):
        options = dataclasses.replace(WHOLE, shrunken_pancreas=share, patchy_pancreas=share)
        anatomy = anatomy_from_labels(np.random.default_rng(5), prepared, options)
        landmarks = measure_landmarks(anatomy_from_labels(np.random.default_rng(5), prepared, WHOLE))
        palette, canvas = Palette(), Canvas(GRID)
        for drawable in draw_portal_system(np.random.default_rng(1), anatomy, landmarks, palette, 0.0, 1.0):
            drawable.draw(canvas)
        drawn.append(palette.where(Tissue.PORTAL_VEIN)[canvas.parts])
    assert drawn[0].any()
    np.testing.assert_array_equal(drawn[1], drawn[0])


def test_the_confluence_lies_between_neck_and_uncinate_process():
    def depth_at(position):
        z, y, x = position
        neck = 8 - np.sqrt((z - 10) ** 2 + (y - 20) ** 2 + x**2)
        uncinate = 8 - np.sqrt((z + 4) ** 2 + (y + 10) ** 2 + x**2)
        return np.maximum(neck, uncinate)

    organ = OrganShape(4, (np.array([-14.0, -20.0, -10.0]), np.array([20.0, 30.0, 10.0])), depth_at)
    z, y, x = behind_front(organ, 0.0, 5.0)
    assert (abs(z - 10) < 4, abs(y - (12 - 5)) < 4, x) == (True, True, 0.0)
    assert behind(organ, 0.0, 5.0)[1] < -15
    assert behind_front(organ, 30.0, 5.0) is None


def test_veins_of_wide_phantoms_vary_more(prepared):
    anatomy = anatomy_from_labels(np.random.default_rng(0), prepared, WHOLE)
    landmarks = measure_landmarks(anatomy)

    def volumes(spread: float) -> np.ndarray:
        counts = []
        for seed in range(12):
            palette, canvas = Palette(), Canvas(GRID)
            for drawable in draw_portal_system(np.random.default_rng(seed), anatomy, landmarks, palette, 0.0, spread):
                drawable.draw(canvas)
            counts.append(int(palette.where(Tissue.PORTAL_VEIN)[canvas.parts].sum()))
        return np.array(counts)

    ordinary, wide = volumes(1.0), volumes(1.6)
    assert np.ptp(wide) > 1.2 * np.ptp(ordinary)


def test_a_moved_pancreas_leaves_the_other_organs_where_they_are(prepared):
    still, moved = (
        drawn_organs(anatomy_from_labels(np.random.default_rng(1), prepared, options), GRID)
        for options in (
            dataclasses.replace(WHOLE, moved_pancreas_mm=0.0),
            dataclasses.replace(WHOLE, moved_pancreas_mm=10.0),
        )
    )
    centres = [STEP_MM * np.array(ndimage.center_of_mass(labels == 4)) for labels in (still, moved)]
    assert 4 < np.linalg.norm(centres[1] - centres[0]) < 30
    for organ in (1, 2, 3):
        np.testing.assert_array_equal(moved == organ, still == organ)
