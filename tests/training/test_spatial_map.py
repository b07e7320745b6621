"""The composed map of a sample's voxels: its parts by hand, its ranges, its speed-up exact for what is linear."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.interpolate import BSpline

from flarecli.training.views.spatial_map import (
    SpatialMap,
    SpatialRanges,
    draw_map,
    quadratic_spline_weights,
    rotation_matrix,
)

pytestmark = pytest.mark.any_backend

STILL = SpatialRanges(elastic_mm=0, axis_scale=0, global_scale=0, rotation_rad=0, translation_mm=0)


def drawn(ranges: SpatialRanges, seed: int = 0, base_scale: float = 1.0) -> SpatialMap:
    return draw_map(
        ranges,
        np.random.default_rng(seed),
        sample_middle_mm=(14.0, 18.0, 22.0),
        scan_middle_mm=(50.0, 60.0, 70.0),
        extent_mm=(32.0, 40.0, 48.0),
        base_scale=base_scale,
    )


def test_without_changes_middles_meet_and_steps_are_kept() -> None:
    positions = drawn(STILL).positions((8, 10, 12), (4.0, 4.0, 4.0), (2.0, 1.0, 5.0))
    assert positions.shape == (3, 8, 10, 12)
    assert positions[0, :, 0, 0] == pytest.approx((np.arange(8) * 4 - 14 + 50) / 2)
    assert positions[1, 0, :, 0] == pytest.approx((np.arange(10) * 4 - 18 + 60) / 1)
    assert positions[2, 0, 0, :] == pytest.approx((np.arange(12) * 4 - 22 + 70) / 5, rel=1e-6)


def test_base_scale_widens_the_view() -> None:
    step = drawn(STILL, base_scale=1.3).positions((8, 10, 12), (4.0,) * 3, (1.0,) * 3)[:, 1, 1, 1]
    first = drawn(STILL, base_scale=1.3).positions((8, 10, 12), (4.0,) * 3, (1.0,) * 3)[:, 0, 0, 0]
    assert (step - first).tolist() == pytest.approx([5.2] * 3, rel=1e-5)


@pytest.mark.parametrize("shape", [(8, 10, 12), (7, 9, 11), (1, 2, 3)])
def test_the_affine_part_is_exact_on_the_fine_grid(shape: tuple[int, int, int]) -> None:
    mapping = drawn(SpatialRanges(elastic_mm=0), seed=5)
    positions = mapping.positions(shape, (4.0, 4.0, 4.0), (2.0, 3.0, 1.5))
    grid = np.stack(np.meshgrid(*(np.arange(n) * 4.0 for n in shape), indexing="ij"), -1)
    expected = (grid - mapping.sample_middle_mm) @ mapping.linear.T + np.asarray(mapping.scan_middle_mm)
    np.testing.assert_allclose(np.moveaxis(positions, 0, -1), expected / (2.0, 3.0, 1.5), rtol=0, atol=2e-4)


def test_ranges_are_those_of_the_published_code() -> None:
    rotations, scales, shifts, nodes = [], [], [], []
    for seed in range(400):
        mapping = drawn(SpatialRanges(), seed)
        lengths = np.linalg.norm(mapping.linear, axis=0)
        scales.append(lengths)
        rotations.append(mapping.linear / lengths)
        shifts.append(np.asarray(mapping.scan_middle_mm) - (50, 60, 70))
        nodes.append(mapping.nodes_mm)
    assert np.abs(shifts).max() == pytest.approx(20, abs=0.2)
    assert np.abs(nodes).max() == pytest.approx(15, abs=0.01)
    assert nodes[0].shape == (3, 8, 8, 8)
    assert 0.9 * 0.8 <= np.min(scales) < 0.76
    assert 1.27 < np.max(scales) <= 1.1 * 1.2
    for rotation in rotations[:20]:
        np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)
    # In Rz Rx Ry the sine of the angle about x is the entry that takes y to z.
    about_x = np.arcsin([rotation[0, 1] for rotation in rotations])
    assert np.abs(about_x).max() == pytest.approx(0.35, abs=0.01)


def test_rotations_turn_as_named() -> None:
    quarter = np.pi / 2
    np.testing.assert_allclose(rotation_matrix(np.array([quarter, 0, 0])) @ [0, 0, 1], [0, 1, 0], atol=1e-12)
    np.testing.assert_allclose(rotation_matrix(np.array([0, quarter, 0])) @ [1, 0, 0], [0, 0, 1], atol=1e-12)
    np.testing.assert_allclose(rotation_matrix(np.array([0, 0, quarter])) @ [0, 1, 0], [1, 0, 0], atol=1e-12)


def test_spline_weights_are_those_of_a_quadratic_spline() -> None:
    positions = np.linspace(0, 60, 31)
    weights = quadratic_spline_weights(positions, 60.0, 8)
    np.testing.assert_allclose(weights.sum(axis=0), 1, atol=1e-12)
    step = 60 / 6
    for node in range(8):
        knots = (np.arange(4) + node - 2) * step
        expected = np.nan_to_num(BSpline.basis_element(knots, extrapolate=False)(positions))
        np.testing.assert_allclose(weights[node], expected, atol=1e-9)


def test_elastic_displacement_is_the_tensor_product_before_all_else() -> None:
    mapping = drawn(SpatialRanges(axis_scale=0, global_scale=0, rotation_rad=0, translation_mm=0), seed=2)
    positions = mapping.positions((8, 10, 12), (4.0,) * 3, (1.0,) * 3)
    still = drawn(STILL).positions((8, 10, 12), (4.0,) * 3, (1.0,) * 3)
    at = (2, 4, 6)  # on the coarse grid
    weights = [
        quadratic_spline_weights(np.array([index * 4.0]), extent, 8)[:, 0]
        for index, extent in zip(at, (32.0, 40.0, 48.0), strict=True)
    ]
    expected = np.einsum("cijk,i,j,k->c", mapping.nodes_mm, *weights)
    np.testing.assert_allclose((positions - still)[(slice(None), *at)], expected, atol=1e-4)
    assert np.abs(expected).max() > 1
