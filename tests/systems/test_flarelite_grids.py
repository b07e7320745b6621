"""The part of a scan that flarelite's first network sees, and the voxels that its networks see it in."""

from __future__ import annotations

import numpy as np
import pytest

from flarecli.geometry import Window, whole_window
from flarecli.systems.flarelite.body import body_window
from flarecli.systems.flarelite.constants import FlareliteConstants, SpacingRange
from flarecli.systems.flarelite.network_grid import network_grid
from tests.systems.scans import scan_of

CONSTANTS = FlareliteConstants()
AIR_HU, BODY_HU = -1000, 40

THREE_MM = SpacingRange(3.0, 3.5)


def grid_shapes(extent_mm: tuple[int, int, int]) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
    """Voxels and input of the network for a scan of 1 mm."""
    scan = scan_of(np.zeros(extent_mm, np.int16), (1.0, 1.0, 1.0)).grid
    grid = network_grid(whole_window(scan), scan, THREE_MM, 16)
    for extent, size, step in zip(extent_mm, grid.shape_zyx, grid.spacing_mm, strict=True):
        assert size * step == pytest.approx(extent), "it covers the window edge to edge"
    return grid.shape_zyx, grid.padded_zyx


@pytest.mark.parametrize(
    ("extent_mm", "shape", "padded"),
    [
        (56, 16, 16),  # all voxels of 3.5 mm
        (57, 19, 32),  # one input more: down to 3 mm, then padding
        (90, 30, 32),
        (96, 32, 32),  # filled
        (100, 32, 32),
        (1, 1, 16),
    ],
)
def test_the_input_is_filled_as_far_as_the_finest_spacing_goes(extent_mm: int, shape: int, padded: int) -> None:
    assert grid_shapes((extent_mm, 112, 96)) == ((shape, 32, 32), (padded, 32, 32))


def test_an_inexact_voxel_size_asks_for_no_larger_input() -> None:
    for step in (3.5, 3.5000001, 3.4999999):
        scan = scan_of(np.zeros((32, 32, 32), np.int16), (step,) * 3).grid
        assert network_grid(whole_window(scan), scan, THREE_MM, 16).padded_zyx == (32, 32, 32)


def test_a_part_of_the_scan_has_its_own_voxels() -> None:
    scan = scan_of(np.zeros((40, 100, 100), np.int16), (4.0, 1.0, 1.0)).grid
    window: Window = (slice(0, 24), slice(10, 58), slice(50, 100))
    grid = network_grid(window, scan, THREE_MM, 16)
    assert grid.window == window
    assert grid.shape_zyx == (32, 16, 16)
    assert grid.spacing_mm == pytest.approx((3.0, 3.0, 3.125))
    assert grid.voxel_mm3 == pytest.approx(3.0 * 3.0 * 3.125)


def scanned() -> np.ndarray:
    """A body of 40x200x300 mm, off the centre of the scan."""
    voxels = np.full((20, 300, 400), AIR_HU, np.int16)
    voxels[:, 60:260, 40:340] = BODY_HU
    return voxels


def test_the_body_is_found_with_its_margin_over_the_whole_length() -> None:
    scan = scan_of(scanned(), (2.0, 1.0, 1.0))
    assert body_window(scan.voxels, scan.grid, CONSTANTS) == (slice(0, 20), slice(40, 280), slice(20, 360))


def test_the_margin_ends_with_the_scan() -> None:
    scan = scan_of(scanned()[:, 56:262, 38:341], (2.0, 1.0, 1.0))
    assert body_window(scan.voxels, scan.grid, CONSTANTS) == whole_window(scan.grid)


def test_neither_a_table_nor_a_blanket_counts() -> None:
    voxels = scanned()
    voxels[:, 20:40] = BODY_HU  # a table, and a mattress of air
    voxels[:, 100:102, 340:] = BODY_HU  # a fold that touches the body
    scan = scan_of(voxels, (2.0, 1.0, 1.0))
    assert body_window(scan.voxels, scan.grid, CONSTANTS) == (slice(0, 20), slice(40, 280), slice(20, 360))


def test_large_voxels_are_all_looked_at() -> None:
    scan = scan_of(scanned()[:, ::5, ::5], (2.0, 5.0, 5.0))
    assert body_window(scan.voxels, scan.grid, CONSTANTS) == (slice(0, 20), slice(8, 56), slice(4, 72))


@pytest.mark.parametrize("hu", [AIR_HU, BODY_HU])
def test_without_a_border_of_the_body_the_whole_scan_is_seen(hu: int) -> None:
    scan = scan_of(np.full((20, 30, 40), hu, np.int16), (2.0, 1.0, 1.0))
    assert body_window(scan.voxels, scan.grid, CONSTANTS) == whole_window(scan.grid)
