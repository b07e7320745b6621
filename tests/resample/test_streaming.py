"""Streamed application of 1-D resampling matrices against the direct product."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flarecli.errors import InputError
from flarecli.resample import area_matrix, crop_and_pad_rows, gaussian_matrix, resample_separable

sides = st.tuples(st.integers(1, 14), st.integers(1, 14), st.integers(1, 14))


@settings(deadline=None, max_examples=40)
@given(sides, sides, st.booleans())
def test_streamed_equals_direct(shape: tuple[int, ...], target: tuple[int, ...], reverse: bool) -> None:
    voxels = np.random.default_rng(1).integers(-1024, 3000, shape).astype(np.int16)
    if reverse:
        voxels = voxels[:, ::-1, ::-1]
    matrices = [area_matrix(n, m) @ gaussian_matrix(n, 0.8) for n, m in zip(shape, target, strict=True)]
    direct = np.einsum("az,by,cx,zyx->abc", *matrices, voxels.astype(np.float64))
    streamed = resample_separable(voxels, *matrices)
    assert streamed.dtype == np.float32
    np.testing.assert_allclose(streamed, direct, atol=2e-3)


def test_samples_without_weight_are_not_read() -> None:
    voxels = np.full((12, 13, 14), np.nan, np.float32)
    voxels[4:7, 3:11, 2:5] = 7
    matrices = [
        crop_and_pad_rows(np.eye(n), cropping, (1, 2))
        for n, cropping in zip(voxels.shape, [(4, 5), (3, 2), (2, 9)], strict=True)
    ]
    out = resample_separable(voxels, *matrices)
    np.testing.assert_array_equal(out[1:-2, 1:-2, 1:-2], 7)
    assert np.count_nonzero(out) == 3 * 8 * 3


def test_a_region_outside_everything_is_zero() -> None:
    matrices = [np.zeros((2, 5))] * 3
    np.testing.assert_array_equal(resample_separable(np.ones((5, 5, 5), np.int16), *matrices), 0)


def test_memory_is_the_output_and_two_slices() -> None:
    voxels = np.zeros((80, 256, 256), np.int16)
    matrices = [area_matrix(n, m) for n, m in zip(voxels.shape, (40, 64, 64), strict=True)]
    tracemalloc.start()
    try:
        resample_separable(voxels, *matrices)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    output, image = 40 * 64 * 64 * 4, 256 * 256 * 4
    assert peak < output + 3 * image


def test_operators_of_another_shape_are_refused() -> None:
    with pytest.raises(InputError, match=r"\(3, 4, 5\).*\(3, 4, 6\)"):
        resample_separable(np.zeros((3, 4, 5), np.int16), np.eye(3), np.eye(4), np.eye(6))
