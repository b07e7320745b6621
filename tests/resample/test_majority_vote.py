"""Label maps on other grids."""

from __future__ import annotations

import numpy as np
import pytest

from flarecli.resample import aligned_matrix, area_matrix, labels_above_share, majority_labels


def matrices(kind, shape_in, shape_out):
    return [kind(n_in, n_out) for n_in, n_out in zip(shape_in, shape_out, strict=True)]


def random_labels(shape: tuple[int, int, int]) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 5, shape, np.uint8)


@pytest.mark.parametrize("kind", [area_matrix, aligned_matrix])
def test_the_largest_share_wins(kind) -> None:
    labels = random_labels((9, 11, 7))
    operators = matrices(kind, labels.shape, (5, 13, 4))
    shares = np.stack(
        [np.einsum("zyx,az,by,cx->abc", labels == label, *operators, optimize=True) for label in range(5)]
    )
    result = majority_labels(labels, operators)
    assert result.dtype == np.uint8
    won = np.take_along_axis(shares, result[None].astype(int), axis=0)[0]
    np.testing.assert_allclose(won, shares.max(axis=0), atol=1e-5)


def test_an_organ_wins_against_as_much_background() -> None:
    labels = np.array([0, 3, 0, 0], np.uint8).reshape(1, 1, 4)
    operators = matrices(area_matrix, labels.shape, (1, 1, 2))
    assert majority_labels(labels, operators).ravel().tolist() == [3, 0]


def test_background_can_lose_to_two_organs_together_and_still_win() -> None:
    labels = np.array([0, 0, 0, 1, 2], np.uint8).reshape(1, 1, 5)
    operators = matrices(area_matrix, labels.shape, (1, 1, 1))
    assert majority_labels(labels, operators).item() == 0


def test_later_organs_overwrite_above_a_share() -> None:
    labels = np.array([1, 2, 0, 4], np.uint8).reshape(1, 1, 4)
    operators = matrices(area_matrix, labels.shape, (1, 1, 2))
    assert labels_above_share(labels, operators, 0.5).ravel().tolist() == [2, 4]
    assert labels_above_share(labels, operators, 0.6).ravel().tolist() == [0, 0]


@pytest.mark.parametrize("resampled", [majority_labels, lambda *args: labels_above_share(*args, 0.5)])
def test_the_same_grid_and_strides_change_nothing(resampled) -> None:
    labels = random_labels((6, 5, 4))[::-1, :, ::-1]
    np.testing.assert_array_equal(resampled(labels, matrices(area_matrix, labels.shape, labels.shape)), labels)


def test_no_organ() -> None:
    labels = np.zeros((4, 4, 4), np.uint8)
    assert not majority_labels(labels, matrices(area_matrix, labels.shape, (2, 2, 2))).any()
