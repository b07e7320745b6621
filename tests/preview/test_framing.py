from __future__ import annotations

import numpy as np

from flarecli.geometry import Grid, Window
from flarecli.measures.organ_profiles import organ_profiles
from flarecli.preview.framing import frame_of
from tests.labelled_volumes import grid_of


def frame(voxels: np.ndarray, grid: Grid, labels: np.ndarray | None = None) -> Window:
    labels = np.zeros(voxels.shape, np.uint8) if labels is None else labels
    return frame_of(voxels.astype(np.int16), grid, organ_profiles(labels, grid))


def patient_on_a_table() -> np.ndarray:
    voxels = np.full((20, 100, 120), -1000)
    voxels[:, 40:80, 30:90] = 40
    voxels[:, 10:14, :] = 300
    return voxels


def test_air_and_table_are_left_out() -> None:
    z, y, x = frame(patient_on_a_table(), grid_of((20, 100, 120), (4.0, 4.0, 4.0)))
    assert z == slice(0, 20)
    assert (y, x) == (slice(38, 82), slice(28, 92))


def test_an_organ_outside_the_body_is_shown_too() -> None:
    labels = np.zeros((20, 100, 120), np.uint8)
    labels[3, 5, 7] = 1
    z, y, x = frame(patient_on_a_table(), grid_of((20, 100, 120), (4.0, 4.0, 4.0)), labels)
    assert z == slice(0, 20)
    assert (y, x) == (slice(3, 82), slice(5, 92))


def test_a_long_scan_is_shown_around_the_organs() -> None:
    labels = np.zeros((300, 8, 8), np.uint8)
    labels[200:220, 4, 4] = 2
    z, _, _ = frame(np.zeros(labels.shape), grid_of(labels.shape, (4.6, 4.0, 4.0)), labels)
    assert z == slice(160, 260)
    labels[298, 4, 4] = 2
    z, _, _ = frame(np.zeros(labels.shape), grid_of(labels.shape, (4.6, 4.0, 4.0)), labels)
    assert z == slice(199, 299)


def test_a_frame_holds_organs_longer_than_its_height() -> None:
    labels = np.zeros((300, 8, 8), np.uint8)
    labels[[10, 290], 4, 4] = 3
    z, _, _ = frame(np.zeros(labels.shape), grid_of(labels.shape, (4.6, 4.0, 4.0)), labels)
    assert z == slice(10, 291)


def test_a_scan_without_a_body_is_shown_whole() -> None:
    assert frame(np.full((5, 6, 7), -1000), grid_of((5, 6, 7))) == (slice(0, 5), slice(0, 6), slice(0, 7))


def test_a_single_row_of_voxels_with_a_gap_has_a_frame() -> None:
    voxels = np.full((1, 1, 90), -1000)
    voxels[..., 10:40] = voxels[..., 50:60] = 40
    assert frame(voxels, grid_of(voxels.shape, (4.0, 4.0, 4.0)))[2] == slice(8, 42)
