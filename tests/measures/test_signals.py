"""What probabilities say about each organ."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.ndimage

from flarecli.measures.signals import _surface_voxels, organ_signals


def probabilities_of(labels: np.ndarray, sure: float) -> np.ndarray:
    """`sure` for the voxel's class, the rest shared by the others."""
    return np.where(np.arange(5)[:, None, None, None] == labels, sure, (1 - sure) / 4).astype(np.float32)


def ball(shape: tuple[int, int, int] = (24, 24, 24), radius: float = 8.0) -> np.ndarray:
    z, y, x = np.indices(shape) - (np.array(shape).reshape(3, 1, 1, 1) - 1) / 2
    return z**2 + y**2 + x**2 < radius**2


def test_certain_scores_promise_a_perfect_overlap() -> None:
    labels = ball().astype(np.uint8) * 3
    spleen = organ_signals(probabilities_of(labels, 1.0), labels, 0.008)[2]
    assert spleen.label == 3
    assert spleen.expected_dsc == pytest.approx(1.0)
    assert spleen.mean_margin == pytest.approx(1.0)
    assert spleen.border_uncertainty == 0.0
    assert spleen.probability_ml == pytest.approx(np.count_nonzero(labels) * 0.008)


def test_the_promise_is_the_mean_overlap_of_maps_drawn_from_the_probabilities() -> None:
    rng = np.random.default_rng(0)
    labels = ball((32, 32, 32), 11).astype(np.uint8)
    probabilities = np.zeros((5, 32, 32, 32), np.float32)
    probabilities[1] = np.where(labels, rng.uniform(0.6, 1.0, labels.shape), rng.uniform(0, 0.05, labels.shape))
    probabilities[0] = 1 - probabilities[1]
    overlaps = []
    for _ in range(20):
        drawn = rng.random(labels.shape) < probabilities[1]
        overlaps.append(2 * np.count_nonzero(drawn & (labels > 0)) / (np.count_nonzero(drawn) + labels.sum()))
    assert organ_signals(probabilities, labels, 0.001)[0].expected_dsc == pytest.approx(np.mean(overlaps), abs=0.01)


def test_a_doubtful_border_is_measured_against_the_surface() -> None:
    labels = ball((32, 32, 32), 11).astype(np.uint8)
    probabilities = probabilities_of(labels, 1.0)
    shell = ball((32, 32, 32), 13) & ~ball((32, 32, 32), 9)
    probabilities[1][shell] = np.where(labels[shell], 0.6, 0.4)
    probabilities[0][shell] = 1 - probabilities[1][shell]
    liver = organ_signals(probabilities, labels, 0.001)[0]
    # Four voxels thick, a little over one voxel's layer of surface.
    assert 3 < liver.border_uncertainty < 6
    assert liver.expected_dsc < 0.85


def test_an_organ_that_nothing_speaks_for_has_no_promise() -> None:
    labels = ball().astype(np.uint8)
    kidneys = organ_signals(probabilities_of(labels, 1.0), labels, 0.008)[1]
    assert math.isnan(kidneys.expected_dsc)
    assert kidneys.mean_margin == 0
    assert kidneys.as_dict()["expected_dsc"] is None


def test_an_organ_that_lost_everywhere_by_a_little_promises_nothing() -> None:
    labels = np.zeros((24, 24, 24), np.uint8)
    probabilities = probabilities_of(labels, 1.0)
    probabilities[4][ball()] = 0.45
    probabilities[0][ball()] = 0.55
    assert organ_signals(probabilities, labels, 0.008)[3].expected_dsc == 0.0


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 1, 9), (2, 5, 6), (7, 1, 6), (12, 11, 10)])
@pytest.mark.parametrize("density", [0.3, 0.9, 1.0])
def test_the_surface_is_where_a_neighbour_is_missing_and_beyond_the_scan_all_are(
    shape: tuple[int, int, int], density: float
) -> None:
    mask = np.random.default_rng(1).random(shape) < density
    expected = np.count_nonzero(mask & ~scipy.ndimage.binary_erosion(mask, border_value=0))
    assert _surface_voxels(mask) == expected


def test_an_organ_that_touches_opposite_faces_keeps_its_surface_there() -> None:
    labels = np.ones((6, 8, 10), np.uint8)
    probabilities = np.zeros((5, *labels.shape), np.float32)
    probabilities[:2] = 0.5
    assert organ_signals(probabilities, labels, 1.0)[0].border_uncertainty == 480 / (480 - 4 * 6 * 8)


def test_the_least_certain_slice_is_where_most_voxels_are_expected_to_be_wrong() -> None:
    labels = ball().astype(np.uint8)
    probabilities = probabilities_of(labels, 1.0)
    assert math.isnan(organ_signals(probabilities, labels, 0.008, z_mm=range(24))[0].least_certain_z_mm)
    probabilities[1][9][labels[9] == 1] = 0.6
    probabilities[0][9][labels[9] == 1] = 0.4
    probabilities[1][14][labels[14] == 0] = 0.3  # more voxels, each less wrong; more is expected to be wrong in all
    z_mm = [100.0 + 2.5 * place for place in range(24)]
    liver = organ_signals(probabilities, labels, 0.008, z_mm=z_mm)[0]
    assert liver.least_certain_z_mm == z_mm[14]
    assert math.isnan(organ_signals(probabilities, labels, 0.008)[0].least_certain_z_mm)
