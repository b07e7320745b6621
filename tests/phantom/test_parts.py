"""The pieces phantoms are made of: fields, shapes, canvases, acquisition."""

from __future__ import annotations

import numpy as np
import pytest

from flarecli.phantom.acquisition import Acquisition, acquire, field_of_view
from flarecli.phantom.drawing.canvas import MAX_PARTS, STRAIGHT, Canvas, Palette, Pose, Solid
from flarecli.phantom.drawing.lattice import NoiseField, SampleGrid, upsampled
from flarecli.phantom.drawing.shapes import (
    Ellipsoid,
    Tube,
    rotation_zyx,
    smooth_curve,
    smooth_maximum,
    smooth_minimum,
)
from flarecli.phantom.options import REALISTIC, PhantomOptions, Phase
from flarecli.phantom.tissues import TISSUE_INTENSITIES, Tissue, draw_intensities

GRID = SampleGrid((30, 32, 34), (2.0, 2.0, 2.0), (-29.0, -31.0, -33.0))


def test_noise_has_zero_mean_and_unit_deviation():
    field = NoiseField.draw(np.random.default_rng(0), 3.0).on(SampleGrid((64, 64, 64), (2.0,) * 3, (0.0,) * 3))
    assert abs(field.mean()) < 0.05
    assert 0.9 < field.std() < 1.1


def test_noise_is_a_function_of_position_not_of_the_grid():
    noise = NoiseField.draw(np.random.default_rng(0), 10.0)
    whole = noise.on(GRID)
    np.testing.assert_allclose(noise.on(GRID.slab(7, 19)), whole[7:19], atol=1e-5)
    sparse = SampleGrid((15, 16, 17), (4.0,) * 3, GRID.origin_mm)
    np.testing.assert_allclose(noise.on(sparse), whole[::2, ::2, ::2], atol=1e-5)


def test_upsampling_reproduces_a_plane():
    lattice = GRID.coarser(8.0)
    z, y, x = np.meshgrid(*[lattice.axis_mm(a) for a in range(3)], indexing="ij")
    field = upsampled((2 * z - y + 0.5 * x).astype(np.float32), lattice, GRID)
    z, y, x = np.meshgrid(*[GRID.axis_mm(a) for a in range(3)], indexing="ij")
    np.testing.assert_allclose(field, 2 * z - y + 0.5 * x, atol=1e-3)


def test_a_coarser_lattice_encloses_its_grid():
    lattice = GRID.coarser(8.0)
    for axis in range(3):
        assert lattice.axis_mm(axis)[1] <= GRID.axis_mm(axis)[0]
        assert lattice.axis_mm(axis)[-2] >= GRID.axis_mm(axis)[-1]


def test_a_sphere_has_its_volume_and_exact_depths():
    window, depth = Ellipsoid((0.0, 0.0, 0.0), (20.0, 20.0, 20.0)).depth(Canvas(GRID))
    assert (depth > 0).sum() * 8 == pytest.approx(4 / 3 * np.pi * 20**3, rel=0.02)
    z, y, x = Canvas(GRID).at(window)
    np.testing.assert_allclose(depth, 20 - np.sqrt(z**2 + y**2 + x**2), atol=1e-3)


def test_a_turned_ellipsoid_points_where_it_is_turned():
    ellipsoid = Ellipsoid((0.0, 0.0, 0.0), (25.0, 6.0, 6.0), (0.0, 0.0, 90.0))
    canvas = Canvas(GRID)
    _, depth = ellipsoid.depth(canvas)
    inside = np.argwhere(depth > 0)
    extent = inside.max(0) - inside.min(0)
    assert extent[1] > 3 * extent[0]
    assert extent[1] > 3 * extent[2]


def test_a_tube_has_the_depths_of_a_capsule_with_changing_radius():
    tube = Tube(np.array([[-20.0, 0.0, 0.0], [0.0, 0.0, 0.0], [20.0, 0.0, 0.0]]), np.array([6.0, 8.0, 10.0]))
    canvas = Canvas(GRID)
    window, depth = tube.depth(canvas)
    z, y, x = canvas.at(window)
    on_course = (np.abs(z) < 18) & (np.hypot(y, x) < 6)
    expected = 8 + z / 10 - np.hypot(y, x)
    np.testing.assert_allclose(depth[on_course], expected[on_course], atol=0.05)


def test_smooth_minimum_is_the_minimum_away_from_the_edge():
    a, b = np.float32([0.0, 5.0, 20.0]), np.float32([10.0, 5.0, 0.0])
    np.testing.assert_allclose(smooth_minimum(a, b, 4.0), [0.0, 4.0, 0.0])
    np.testing.assert_allclose(smooth_maximum(a, b, 4.0), [10.0, 6.0, 20.0])


def test_a_smooth_curve_passes_through_its_knots():
    knots = np.array([[0.0, 0.0], [1.0, 3.0], [5.0, 2.0], [7.0, 7.0]])
    curve = smooth_curve(knots, 31)
    np.testing.assert_allclose(curve[::10], knots, atol=1e-9)


def test_windows_contain_their_box_in_any_pose():
    rng = np.random.default_rng(1)
    warp = tuple(((NoiseField.draw(rng, 30.0), 3.0),) for _ in range(3))
    pose = Pose(rotation_zyx((10.0, -15.0, 12.0)), np.array([3.0, -4.0, 5.0]), warp)
    canvas = Canvas(GRID, pose)
    low, high = np.array([-12.0, -3.0, 2.0]), np.array([9.0, 15.0, 18.0])
    z, y, x = canvas.position
    inside = np.ones(GRID.shape_zyx, bool)
    for p, a, b in zip((z, y, x), low, high, strict=True):
        inside &= (p >= a) & (p <= b)
    window = canvas.window((low, high))
    reached = np.zeros_like(inside)
    reached[window] = True
    assert inside.any()
    assert not (inside & ~reached).any()
    assert reached.mean() < 0.9


def test_a_box_outside_has_no_window():
    assert Canvas(GRID, STRAIGHT).window((np.full(3, 500.0), np.full(3, 510.0))) is None


def test_a_solid_draws_shells_and_spares_what_does_not_yield():
    palette = Palette()
    bone, shell, core = (palette.add(t) for t in (Tissue.CORTICAL_BONE, Tissue.GUT_WALL, Tissue.GUT_FLUID))
    canvas = Canvas(GRID)
    canvas.parts[:, :, :17] = bone
    over = palette.where(Tissue.AIR)
    Solid(Ellipsoid((0, 0, 0), (20, 20, 20)), ((0.0, shell), (5.0, core)), over).draw(canvas)
    assert (canvas.parts[:, :, :17] == bone).all()
    assert canvas.parts[15, 16, 18] == core
    assert canvas.parts[15, 16, 25] == shell


def test_a_full_palette_refuses_another_part():
    palette = Palette()
    while len(palette.parts) < MAX_PARTS:
        palette.add(Tissue.LIVER, 1)
    with pytest.raises(ValueError, match="256"):
        palette.add(Tissue.STOOL)


def test_every_tissue_has_a_look():
    assert set(TISSUE_INTENSITIES) == set(Tissue)


def test_unenhanced_blood_is_not_brighter_than_liver_and_arteries_are_in_the_arterial_phase():
    def mean(phase):
        options = PhantomOptions(phase=phase)
        drawn = [draw_intensities(np.random.default_rng(seed), options, fatty_liver=False) for seed in range(40)]
        return np.mean([intensities.mean_hu for intensities in drawn], 0)

    plain, arterial = mean(Phase.UNENHANCED), mean(Phase.ARTERIAL)
    assert plain[Tissue.ARTERY] < plain[Tissue.LIVER]
    assert arterial[Tissue.ARTERY] > 250
    assert arterial[Tissue.KIDNEY_CORTEX] > arterial[Tissue.KIDNEY_MEDULLA] + 60


def test_a_fatty_liver_is_darker():
    plain, fatty = (draw_intensities(np.random.default_rng(3), REALISTIC, fatty_liver=f) for f in (False, True))
    assert fatty.mean_hu[Tissue.LIVER] < plain.mean_hu[Tissue.LIVER] - 14


def test_noise_of_the_image_has_its_strength_and_is_correlated_in_the_plane():
    grid = SampleGrid((6, 128, 128), (2.0, 0.8, 0.8), (0.0, -50.8, -50.8))
    plan = Acquisition(20.0, 0.8, (0.0, 0.0, 0.0), 5.0, (0.0, 1.0), None)
    hu = acquire(np.zeros(grid.shape_zyx, np.float32), grid, plan, np.random.default_rng(0)).astype(float)
    assert hu.mean() == pytest.approx(5.0, abs=0.5)
    middle = hu[:, 44:84, 44:84]
    assert 18 < middle.std() < 26
    assert np.corrcoef(middle[:, :, 1:].ravel(), middle[:, :, :-1].ravel())[0, 1] > 0.4
    assert abs(np.corrcoef(middle[1:].ravel(), middle[:-1].ravel())[0, 1]) < 0.1


def test_outside_the_field_of_view_is_air():
    grid = SampleGrid((10, 40, 40), (5.0, 1.0, 1.0), (0.0, 0.0, 0.0))
    plan = Acquisition(1.0, 0.5, (0.0, 0.0, 0.0), 0.0, (0.2, 1.0), 15.0)
    hu = acquire(np.full(grid.shape_zyx, 50, np.float32), grid, plan, np.random.default_rng(0))
    assert (hu[:2] == -1024).all()
    assert (hu[2:, 0, 0] == -1024).all()
    assert (hu[2:, 20, 20] > 30).all()
    assert field_of_view(grid, plan).sum() == (hu > -1024).sum()
