"""What lies beside the organs and in them: vessels in their grooves, stomach, bowel, fat, pelves of kidneys."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy import ndimage

from flarecli.phantom import options_for
from flarecli.phantom.abdomen.bowel import draw_jejunum
from flarecli.phantom.abdomen.foregut import draw_stomach
from flarecli.phantom.abdomen.hollow import GutParts
from flarecli.phantom.abdomen.urinary import draw_pelves_and_ureters
from flarecli.phantom.body.landmarks import measure_landmarks
from flarecli.phantom.drawing.canvas import Canvas, Palette
from flarecli.phantom.drawing.lattice import SampleGrid
from flarecli.phantom.options import Phase
from flarecli.phantom.organs.interior import draw_organs
from flarecli.phantom.organs.procedural import procedural_anatomy
from flarecli.phantom.tissues import Tissue, draw_intensities
from flarecli.phantom.vessels.great_vessels import draw_vessels
from flarecli.phantom.vessels.portal_system import draw_portal_system
from tests.drawn_organs import drawn_organs

STEP_MM = 4.0
SHAPE = (80, 70, 90)
GRID = SampleGrid(SHAPE, (STEP_MM,) * 3, tuple(-(n - 1) / 2 * STEP_MM for n in SHAPE))
ORDINARY = options_for("realistic")


def patient(seed: int):
    return procedural_anatomy(np.random.default_rng(seed), ORDINARY)


def gut_parts(palette: Palette) -> GutParts:
    return GutParts(palette.add(Tissue.GUT_WALL), palette.add(Tissue.GAS), np.ones(256, bool))


@pytest.mark.parametrize("seed", range(4))
def test_the_vena_cava_lies_against_the_liver(seed):
    anatomy = patient(seed)
    landmarks = measure_landmarks(anatomy)
    palette = Palette()
    canvas = Canvas(GRID)
    for drawable in draw_vessels(np.random.default_rng(seed), anatomy, landmarks, palette, ORDINARY):
        drawable.draw(canvas)
    cava = palette.where(Tissue.VENA_CAVA)[canvas.parts]
    from_liver_mm = STEP_MM * ndimage.distance_transform_edt(drawn_organs(anatomy, GRID) != 1)
    top = landmarks.dome_at(landmarks.centre_y, landmarks.midline_x + 20)
    level = GRID.axis_mm(0)
    # Kidney veins are cava, too, but lie lower.
    slices = [n for n in range(SHAPE[0]) if 0.6 * top < level[n] < top - 10]
    assert len(slices) > 3
    nearest = [from_liver_mm[n][cava[n]].min() for n in slices if cava[n].any()]
    assert len(nearest) == len(slices)
    assert max(nearest) <= 2 * STEP_MM


@pytest.mark.parametrize("seed", range(4))
def test_splenic_and_portal_vein_lie_behind_the_pancreas(seed):
    anatomy = patient(seed)
    landmarks = measure_landmarks(anatomy)
    palette, canvas = Palette(), Canvas(GRID)
    for drawable in draw_portal_system(
        np.random.default_rng(seed), anatomy, landmarks, palette, landmarks.spine_y + 33, 1.0
    ):
        drawable.draw(canvas)
    veins = palette.where(Tissue.PORTAL_VEIN)[canvas.parts]
    pancreas = drawn_organs(anatomy, GRID) == 4
    veins &= ~pancreas
    touching = 0
    planes = np.flatnonzero(pancreas.sum((0, 1)) >= 4)
    # The vein leaves the tail for the hilum of the spleen.
    planes_x, hilum_x = GRID.axis_mm(2)[planes], landmarks.places["spleen"].centre[2] + 26
    planes = planes[(planes_x < landmarks.midline_x) & (planes_x > hilum_x + 10)]
    for x in planes:
        distance_mm = STEP_MM * ndimage.distance_transform_edt(~pancreas[:, :, x])
        _, y = np.nonzero(veins[:, :, x] & (distance_mm <= 2 * STEP_MM))
        touching += bool(len(y)) and y.mean() < np.nonzero(pancreas[:, :, x])[1].mean()
    assert touching >= 0.8 * len(planes) > 4


def test_without_a_pancreas_there_are_no_veins_along_it():
    anatomy = patient(0)
    others = dataclasses.replace(anatomy, organs=tuple(organ for organ in anatomy.organs if organ.label != 4))
    palette = Palette()
    assert not list(draw_portal_system(np.random.default_rng(0), others, measure_landmarks(others), palette, 0.0, 1.0))


def test_a_rind_brightens_the_fat_around_organs_and_is_not_labelled():
    anatomy = patient(1)
    landmarks = measure_landmarks(anatomy)
    drawn = {}
    for rind_mm in (0.0, 6.0):
        options = dataclasses.replace(ORDINARY, rind_mm=(rind_mm, rind_mm))
        palette, canvas = Palette(), Canvas(GRID)
        fat = palette.add(Tissue.VISCERAL_FAT)
        canvas.parts[:] = fat
        draw_organs(np.random.default_rng(4), anatomy, landmarks, palette, options, fat).draw(canvas)
        drawn[rind_mm] = palette.labels()[canvas.parts], palette.where(Tissue.SOFT_TISSUE)[canvas.parts]
    np.testing.assert_array_equal(drawn[0.0][0], drawn[6.0][0])
    assert not drawn[0.0][1].any()
    distance_mm = STEP_MM * ndimage.distance_transform_edt(drawn[6.0][0] == 0)
    rind = drawn[6.0][1]
    assert rind[(distance_mm > 0) & (distance_mm < 4.5)].mean() > 0.8
    assert rind[distance_mm > 10].mean() < 1e-3


def test_an_empty_stomach_is_smaller_than_a_full_one():
    volumes = {}
    for collapsed in (0.0, 1.0):
        options = dataclasses.replace(ORDINARY, collapsed_stomach=collapsed)
        volumes[collapsed] = []
        for seed in range(6):
            palette = Palette()
            shared = gut_parts(palette)
            canvas = Canvas(GRID)
            landmarks = measure_landmarks(patient(seed))
            for drawable in draw_stomach(np.random.default_rng(seed), landmarks, palette, shared, options):
                drawable.draw(canvas)
            volumes[collapsed].append((canvas.parts > 0).sum() * STEP_MM**3 / 1000)
    assert np.median(volumes[1.0]) < 0.5 * np.median(volumes[0.0])
    assert min(volumes[1.0]) > 20


def test_jejunum_lies_left_of_the_spine_and_near_the_pancreas():
    landmarks = measure_landmarks(patient(1))
    centres = []
    for seed in range(10):
        palette = Palette()
        shared = gut_parts(palette)
        for loop in draw_jejunum(np.random.default_rng(seed), landmarks, palette, shared):
            centres.append(np.mean(loop.shape.box(), 0))
    assert len(centres) > 20
    z, _, x = np.array(centres).T
    place = landmarks.places["pancreas"]
    assert (x < landmarks.midline_x + 15).mean() > 0.9
    assert ((z > place.low[0] - 50) & (z < place.high[0] + 50)).mean() > 0.9


def test_a_fatty_pancreas_is_darker_and_more_mottled():
    plain, fatty = (
        draw_intensities(np.random.default_rng(2), ORDINARY, fatty_liver=False, fatty_pancreas=fatty)
        for fatty in (False, True)
    )
    assert fatty.mean_hu[Tissue.PANCREAS] < plain.mean_hu[Tissue.PANCREAS] - 9
    assert fatty.texture_hu[Tissue.PANCREAS] > 1.4 * plain.texture_hu[Tissue.PANCREAS]
    assert fatty.mean_hu[Tissue.SPLEEN] == plain.mean_hu[Tissue.SPLEEN]


@pytest.mark.parametrize(("phase", "spread_hu"), [(Phase.UNENHANCED, 8), (Phase.DELAYED, 30)])
@pytest.mark.parametrize("strength", ["realistic", "wide"])
def test_blood_without_contrast_or_mixed_with_it_is_the_same_everywhere(phase, spread_hu, strength):
    options = options_for(strength, phase=phase)
    blood = [Tissue.HEART_BLOOD, Tissue.ARTERY, Tissue.VENA_CAVA, Tissue.PORTAL_VEIN, Tissue.HEPATIC_VEIN]
    drawn = [draw_intensities(np.random.default_rng(seed), options, fatty_liver=False) for seed in range(20)]
    blood_hu = [intensities.mean_hu[blood] for intensities in drawn]
    assert max(np.ptp(hu) for hu in blood_hu) < spread_hu
    assert np.std([hu.mean() for hu in blood_hu]) > 5


def test_a_wide_pelvis_takes_the_place_of_parenchyma_and_a_narrow_one_does_not():
    anatomy = patient(2)
    landmarks = measure_landmarks(anatomy)
    lost = {}
    for share in (0.0, 1.0):
        options = dataclasses.replace(ORDINARY, wide_pelvis=share)
        rng, palette, canvas = np.random.default_rng(4), Palette(), Canvas(GRID)
        organs = draw_organs(rng, anatomy, landmarks, palette, options, palette.add(Tissue.VISCERAL_FAT))
        organs.draw(canvas)
        before = (palette.labels()[canvas.parts] == 2).sum()
        for drawable in draw_pelves_and_ureters(rng, landmarks, palette, options):
            drawable.draw(canvas)
        lost[share] = before - (palette.labels()[canvas.parts] == 2).sum()
        assert (palette.where(Tissue.URINE)[canvas.parts]).any() == (share > 0)
    assert lost[0.0] == 0
    assert 3 < lost[1.0] * STEP_MM**3 / 1000 < 80
