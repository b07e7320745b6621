"""Axis operators: what each conserves, and that it is what it says."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.ndimage
from hypothesis import given, settings
from hypothesis import strategies as st

from flarecli.resample import (
    aligned_matrix,
    area_matrix,
    composed,
    crop_and_pad_rows,
    gaussian_matrix,
    linear_matrix,
    resample_separable,
    sampled_matrix,
)
from flarecli.resample.axis import linear_taps
from tests.shared_data import shared_path

sizes = st.integers(1, 70)
quick = settings(deadline=None, max_examples=60)


@quick
@given(sizes, sizes)
def test_area_rows_sum_to_one_and_conserve_the_mean(n_in: int, n_out: int) -> None:
    matrix = area_matrix(n_in, n_out)
    assert matrix.min() >= 0
    np.testing.assert_allclose(matrix.sum(axis=1), 1, atol=1e-12)
    np.testing.assert_allclose(matrix.mean(axis=0), 1 / n_in, atol=1e-9)


def test_area_splits_a_sample_between_two_parts() -> None:
    np.testing.assert_allclose(area_matrix(3, 2), [[2 / 3, 1 / 3, 0], [0, 1 / 3, 2 / 3]], atol=1e-15)


def test_area_of_a_whole_factor_is_the_block_mean() -> None:
    signal = np.random.default_rng(0).normal(size=60)
    np.testing.assert_allclose(area_matrix(60, 12) @ signal, signal.reshape(12, 5).mean(axis=1), atol=1e-12)


@pytest.mark.parametrize(("n_in", "n_out"), [(512, 80), (334, 160), (3, 2), (300, 70)])
def test_area_parts_read_no_more_samples_than_they_cover(n_in: int, n_out: int) -> None:
    starts, stops = np.arange(n_out) * n_in // n_out, -(-np.arange(1, n_out + 1) * n_in // n_out)
    for row, start, stop in zip(area_matrix(n_in, n_out), starts, stops, strict=True):
        np.testing.assert_array_equal(np.flatnonzero(row), np.arange(start, stop))


@quick
@given(sizes, st.floats(0.05, 12.0))
def test_gaussian_is_scipys_with_the_same_radius(n: int, sigma: float) -> None:
    signal = np.random.default_rng(n).normal(size=n)
    radius = int(np.ceil(4 * sigma + 0.5))
    expected = scipy.ndimage.gaussian_filter1d(signal, sigma, mode="reflect", radius=radius)
    matrix = gaussian_matrix(n, sigma)
    np.testing.assert_allclose(matrix.sum(axis=1), 1, atol=1e-12)
    np.testing.assert_allclose(matrix @ signal, expected, atol=1e-10)


@quick
@given(sizes, sizes)
def test_linear_is_scipys_grid_zoom(n_in: int, n_out: int) -> None:
    signal = np.random.default_rng(n_in).normal(size=n_in)
    matrix = linear_matrix(n_in, n_out)
    position = (np.arange(n_out) + 0.5) * n_in / n_out - 0.5
    expected = scipy.ndimage.map_coordinates(signal, [position], order=1, mode="nearest")
    np.testing.assert_allclose(matrix.sum(axis=1), 1, atol=1e-12)
    np.testing.assert_allclose(matrix @ signal, expected, atol=1e-10)
    if n_out >= n_in:
        zoomed = scipy.ndimage.zoom(signal, n_out / n_in, order=1, mode="nearest", grid_mode=True)
        np.testing.assert_allclose(matrix @ signal, zoomed, atol=1e-10)


@quick
@given(sizes, sizes)
def test_linear_taps_are_ordered_and_on_the_axis(n_in: int, n_out: int) -> None:
    lower, upper_weight = linear_taps(n_in, n_out)
    assert (np.diff(lower) >= 0).all()
    assert 0 <= lower.min() <= lower.max() <= max(n_in - 2, 0)
    assert 0 <= upper_weight.min() <= upper_weight.max() <= 1


@pytest.mark.parametrize("n", [1, 2, 17])
def test_equal_sizes_and_no_smoothing_are_the_identity(n: int) -> None:
    for matrix in (area_matrix(n, n), linear_matrix(n, n), gaussian_matrix(n, 0.0)):
        np.testing.assert_array_equal(matrix, np.eye(n))


def test_crop_and_pad_rows() -> None:
    signal = np.arange(1.0, 7.0)
    extended = crop_and_pad_rows(np.eye(6), cropping=(2, 0), padding=(1, 3)) @ signal
    np.testing.assert_array_equal(extended, [0, 3, 4, 5, 6, 0, 0, 0])


def test_composed_does_the_first_then_the_second() -> None:
    signal = np.random.default_rng(2).normal(size=40)
    first, second = gaussian_matrix(40, 1.3), area_matrix(40, 7)
    np.testing.assert_allclose(composed(first, second) @ signal, second @ (first @ signal), atol=1e-12)


@quick
@given(sizes, sizes)
def test_aligned_is_interpolation_between_the_outermost_centres(n_in: int, n_out: int) -> None:
    signal = np.random.default_rng(n_in).normal(size=n_in)
    matrix = aligned_matrix(n_in, n_out)
    positions = np.linspace(0, n_in - 1, n_out) if n_out > 1 else np.zeros(1)
    np.testing.assert_allclose(matrix.sum(axis=1), 1, atol=1e-12)
    np.testing.assert_allclose(matrix @ signal, np.interp(positions, np.arange(n_in), signal), atol=1e-12)


def test_aligned_is_pytorchs_align_corners() -> None:
    with np.load(shared_path("fixtures/efficientsegnet_prepost.npz")) as fixture:
        image, expected = fixture["resample/image_int16"], fixture["resample/torch_align_corners_float32"]
    matrices = (aligned_matrix(n_in, n_out) for n_in, n_out in zip(image.shape, expected.shape, strict=True))
    np.testing.assert_allclose(resample_separable(image, *matrices), expected, rtol=0, atol=5e-4)


def test_sampling_at_any_positions_and_beyond_the_ends() -> None:
    matrix = sampled_matrix(4, np.array([-2.0, 0.0, 1.25, 3.0, 9.0]))
    np.testing.assert_allclose(matrix @ np.array([10.0, 20.0, 40.0, 80.0]), [10, 10, 25, 80, 80])
    np.testing.assert_array_equal(sampled_matrix(7, np.linspace(0, 6, 5)), aligned_matrix(7, 5))
