"""Restored labels against interpolating every score everywhere."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
import scipy.ndimage
from hypothesis import given, settings
from hypothesis import strategies as st

from flarecli.errors import InputError
from flarecli.resample import aligned_matrix, class_map, linear_matrix, restore_labels, restore_mask, window_of_mask

inputs = st.tuples(st.integers(1, 7), st.integers(1, 7), st.integers(1, 7))
grids = st.tuples(st.integers(1, 17), st.integers(1, 17), st.integers(1, 17))


def organ_like_scores(shape: tuple[int, ...], classes: int = 5, smoothness: float = 2.0) -> np.ndarray:
    noise = np.random.default_rng(3).normal(size=(classes, *shape))
    smooth = [scipy.ndimage.gaussian_filter(channel, smoothness) for channel in noise]
    return np.stack(smooth).astype(np.float32)


def interpolated(scores: np.ndarray, grid: tuple[int, ...]) -> np.ndarray:
    """All scores on the grid, in double precision."""
    matrices = [linear_matrix(n, m) for n, m in zip(scores.shape[1:], grid, strict=True)]
    return np.einsum("az,by,cx,kzyx->kabc", *matrices, scores.astype(np.float64), optimize=True)


def assert_equal_but_for_ties(labels: np.ndarray, dense: np.ndarray) -> None:
    """Labels are the arg-max of `dense`, or within rounding of it."""
    highest = dense.max(axis=0)
    chosen = np.take_along_axis(dense, labels[None].astype(np.intp), axis=0)[0]
    np.testing.assert_allclose(chosen, highest, atol=1e-6)
    assert np.count_nonzero(labels != dense.argmax(axis=0)) <= 1e-4 * labels.size


@settings(deadline=None, max_examples=60)
@given(inputs, grids, st.integers(0, 2**31))
def test_any_sizes_equal_dense_interpolation(shape: tuple[int, ...], grid: tuple[int, int, int], seed: int) -> None:
    # Multiples of 1/8 on axes that divide exactly would tie; random floats do not.
    scores = np.random.default_rng(seed).random((4, *shape), dtype=np.float32)
    out = np.full(grid, 255, np.uint8)
    restore_labels(scores, grid, out)
    assert_equal_but_for_ties(out, interpolated(scores, grid))


@pytest.mark.parametrize("grid", [(50, 61, 43), (20, 24, 28), (9, 11, 13)])
def test_organ_like_scores_equal_dense_interpolation(grid: tuple[int, int, int]) -> None:
    scores = organ_like_scores((20, 24, 28))
    out = np.empty(grid, np.uint8)
    restore_labels(scores, grid, out)
    assert len(np.unique(out)) == 5
    assert_equal_but_for_ties(out, interpolated(scores, grid))


def test_bit_for_bit_as_the_same_arithmetic_without_skipping() -> None:
    """Cells that are skipped and cells that are not give what the full float32 interpolation gives."""
    scores = organ_like_scores((10, 12, 14))
    grid = (33, 29, 31)
    out = np.empty(grid, np.uint8)
    restore_labels(scores, grid, out)
    taps = [linear_matrix(n, m) for n, m in zip(scores.shape[1:], grid, strict=True)]
    lower = [np.minimum((matrix > 0).argmax(axis=1), matrix.shape[1] - 2) for matrix in taps]
    upper_weight = [
        matrix[np.arange(len(low)), low + 1].astype(np.float32) for matrix, low in zip(taps, lower, strict=True)
    ]
    lower_weight = [np.float32(1) - weight for weight in upper_weight]
    for z in range(grid[0]):
        below, above = scores[:, lower[0][z]], scores[:, lower[0][z] + 1]
        plane = lower_weight[0][z] * below + upper_weight[0][z] * above
        dense = np.zeros((len(scores), *grid[1:]), np.float32)
        for dy, y_weight in ((0, lower_weight[1]), (1, upper_weight[1])):
            for dx, x_weight in ((0, lower_weight[2]), (1, upper_weight[2])):
                corner = plane[:, (lower[1] + dy)[:, None], (lower[2] + dx)[None, :]]
                dense += corner * (y_weight[:, None] * x_weight[None, :])
        highest = np.sort(dense, axis=0)
        tied = highest[-1] == highest[-2]
        assert np.count_nonzero(tied) < 5
        np.testing.assert_array_equal(out[z][~tied], dense.argmax(axis=0)[~tied])


def test_scipy_agrees() -> None:
    scores = organ_like_scores((8, 9, 10), classes=3)
    zoomed = np.stack([scipy.ndimage.zoom(channel, 3, order=1, mode="nearest", grid_mode=True) for channel in scores])
    out = np.empty(zoomed.shape[1:], np.uint8)
    restore_labels(scores, (24, 27, 30), out)
    assert np.count_nonzero(out != zoomed.argmax(axis=0)) <= 2


def test_a_window_is_that_part_of_the_whole_and_may_be_a_reversed_view() -> None:
    scores = organ_like_scores((10, 12, 14))
    whole = np.empty((31, 33, 35), np.uint8)
    restore_labels(scores, whole.shape, whole)
    storage = np.zeros((16, 20, 12), np.uint8)
    restore_labels(scores, whole.shape, storage[:, ::-1, ::-1], origin_zyx=(15, 3, 9))
    np.testing.assert_array_equal(storage[:, ::-1, ::-1], whole[15:31, 3:23, 9:21])


def test_threads_do_not_change_the_result() -> None:
    scores = organ_like_scores((20, 24, 28), smoothness=0.7)
    results = []
    for threads in (1, 2, 4):
        out = np.empty((47, 51, 60), np.uint8)
        restore_labels(scores, out.shape, out, threads=threads)
        results.append(out)
    np.testing.assert_array_equal(results[0], results[1])
    np.testing.assert_array_equal(results[0], results[2])


def test_ties_go_to_the_lowest_class() -> None:
    scores = np.zeros((4, 3, 3, 3), np.float32)
    scores[2:] = 1
    out = np.empty((5, 5, 5), np.uint8)
    restore_labels(scores, out.shape, out)
    np.testing.assert_array_equal(out, 2)
    np.testing.assert_array_equal(class_map(scores), 2)


def test_class_map_is_argmax() -> None:
    scores = np.random.default_rng(0).integers(0, 3, (5, 6, 7, 8)).astype(np.float32)
    np.testing.assert_array_equal(class_map(scores), scores.argmax(axis=0))


def test_memory_stays_that_of_a_slice() -> None:
    scores = organ_like_scores((24, 32, 32), smoothness=4)
    out = np.empty((120, 160, 160), np.uint8)
    tracemalloc.start()
    try:
        restore_labels(scores, out.shape, out, threads=1)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    dense_scores = 5 * out.size * 4
    assert peak < 0.06 * dense_scores


def test_a_window_that_leaves_the_grid_is_refused() -> None:
    with pytest.raises(InputError, match=r"leaves the grid.*\(4, 4, 4\)"):
        restore_labels(
            np.zeros((2, 2, 2, 2), np.float32), (4, 4, 4), np.empty((3, 3, 3), np.uint8), origin_zyx=(2, 0, 0)
        )


def test_an_empty_window_is_nothing_to_do() -> None:
    restore_labels(np.zeros((2, 2, 2, 2), np.float32), (4, 4, 4), np.empty((0, 3, 3), np.uint8))


@settings(deadline=None, max_examples=60)
@given(inputs, grids, st.integers(0, 2**31))
def test_any_mask_is_the_sign_of_dense_interpolation(
    shape: tuple[int, int, int], grid: tuple[int, int, int], seed: int
) -> None:
    logits = np.random.default_rng(seed).normal(size=shape).astype(np.float32)
    out = np.empty(grid, bool)
    restore_mask(logits, grid, out)
    matrices = [aligned_matrix(n, m) for n, m in zip(shape, grid, strict=True)]
    dense = np.einsum("az,by,cx,zyx->abc", *matrices, logits.astype(np.float64), optimize=True)
    is_sure = np.abs(dense) > 1e-6
    np.testing.assert_array_equal(out[is_sure], dense[is_sure] >= 0)


def test_a_logit_of_zero_counts_and_strides_do_not_matter() -> None:
    logits = np.full((2, 3, 4), -1, np.float32)
    logits[0] = 0
    buffer = np.zeros((9, 5, 4), bool)
    restore_mask(logits, (9, 3, 4), buffer[::-1, ::2])
    np.testing.assert_array_equal(buffer[-1, ::2], True)
    assert not buffer[:-1].any()
    assert not buffer[:, 1::2].any()


@settings(deadline=None, max_examples=60)
@given(inputs, grids, st.integers(0, 2**31))
def test_outside_its_window_a_mask_is_empty(shape: tuple[int, int, int], grid: tuple[int, int, int], seed: int) -> None:
    logits = np.random.default_rng(seed).normal(loc=-2, size=shape).astype(np.float32)
    whole = np.empty(grid, bool)
    restore_mask(logits, grid, whole)
    window = window_of_mask(logits, grid)
    if window is None:
        assert not whole.any()
        return
    part = np.empty(whole[window].shape, bool)
    z, y, x = window
    restore_mask(logits, grid, part, (z.start, y.start, x.start))
    assembled = np.zeros(grid, bool)
    assembled[window] = part
    np.testing.assert_array_equal(assembled, whole)


def test_the_window_of_a_mask_reaches_to_the_neighbouring_logits() -> None:
    logits = np.full((5, 5, 5), -1, np.float32)
    logits[2, 3, 4] = 0
    assert window_of_mask(logits, (9, 9, 9)) == (slice(2, 6), slice(4, 9), slice(6, 9))
