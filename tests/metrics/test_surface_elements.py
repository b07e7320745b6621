"""The table of surface elements is marching cubes', and codes name the right voxels."""

from __future__ import annotations

import numpy as np
import pytest

from flarecli.metrics.surface_elements import area_by_code_mm2, corner_codes, on_surface
from tests.metrics.direct_surface import triangle_vectors
from tests.shared_data import shared_path


@pytest.mark.parametrize("spacing_mm", [(1.0, 1.0, 1.0), (5.0, 0.7, 0.9), (0.33, 2.5, 1.7)])
def test_areas_are_those_of_marching_cubes(spacing_mm: tuple[float, float, float]) -> None:
    s0, s1, s2 = spacing_mm
    scale = np.array([s1 * s2, s0 * s2, s0 * s1])
    expected = [np.linalg.norm(np.array(triangle_vectors(code)) * scale, axis=1).sum() for code in range(1, 255)]
    np.testing.assert_allclose(area_by_code_mm2(spacing_mm)[1:255], expected, rtol=1e-14)


def test_areas_are_those_of_the_published_table() -> None:
    published = np.load(shared_path("fixtures/evaluate/surfel_normals.npz"))
    np.testing.assert_allclose(area_by_code_mm2((1, 1, 1)), published["area_1mm"], rtol=1e-15)


def test_inside_and_outside_have_no_area_and_all_else_has() -> None:
    areas = area_by_code_mm2((1, 1, 1))
    assert areas[0] == areas[255] == 0
    assert (areas[1:255] > 0).all()
    assert areas[0b11110000] == 1  # a flat face
    assert areas[1] == pytest.approx(np.sqrt(3) / 8)  # one corner


def test_codes_of_a_single_voxel_hold_each_bit_once() -> None:
    codes = corner_codes(np.ones((1, 1, 1), dtype=bool))
    # The voxel is the upper neighbour (offset 1, 1, 1; the last bit) of the first lattice point.
    assert codes.reshape(-1).tolist() == [1, 2, 4, 8, 16, 32, 64, 128]


def test_a_full_block_has_its_surface_only_on_the_outside() -> None:
    codes = corner_codes(np.ones((3, 4, 5), dtype=bool))
    assert codes.shape == (4, 5, 6)
    assert (codes[1:-1, 1:-1, 1:-1] == 255).all()
    surface = on_surface(codes)
    assert not surface[1:-1, 1:-1, 1:-1].any()
    assert surface.sum() == 4 * 5 * 6 - 2 * 3 * 4
