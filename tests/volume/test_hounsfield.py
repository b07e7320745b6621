"""Stored values become int16 HU: exact, rounded to nearest, clipped with a word, in little memory."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from flarecli.errors import InputError
from flarecli.volume.hounsfield import hounsfield_zyx
from flarecli.volume.source import SourceGeometry, StoredScan
from tests.synthetic_ct import affine, ct_voxels

PATH = Path("scan.nii.gz")
RAS = affine()
LPS = affine(directions=np.diag([-1.0, -1.0, 1.0]))
LPI = affine(directions=np.diag([-1.0, -1.0, -1.0]))
SAGITTAL = affine(directions=np.array([[0.0, 0, -1], [1, 0, 0], [0, -1, 0]]))


def _scan(stored_ijk: np.ndarray, matrix: np.ndarray = RAS, slope: float = 1.0, intercept: float = 0.0) -> StoredScan:
    i, j, k = stored_ijk.shape
    source = SourceGeometry.of_affine((i, j, k), matrix)
    return StoredScan(np.asfortranarray(stored_ijk), slope, intercept, source)


@pytest.mark.parametrize("matrix", [RAS, LPS, LPI, SAGITTAL], ids=["RAS", "LPS", "LPI", "sagittal"])
@pytest.mark.parametrize("dtype", [np.int16, np.int32, np.float32, np.float64])
def test_any_type_and_orientation(dtype: type, matrix: np.ndarray) -> None:
    scan = _scan(ct_voxels((6, 7, 8)).astype(dtype), matrix)
    expected = scan.source.orientation.canonical_view(scan.stored_ijk).astype(np.int16)
    voxels, warnings = hounsfield_zyx(scan, PATH)
    np.testing.assert_array_equal(voxels, expected)
    assert voxels.dtype == np.int16
    assert voxels.flags.c_contiguous
    assert warnings == ()


@pytest.mark.parametrize("matrix", [RAS, LPS, LPI])
def test_int16_is_not_copied_where_axes_only_flip(matrix: np.ndarray) -> None:
    scan = _scan(ct_voxels((6, 7, 8)), matrix)
    assert np.shares_memory(hounsfield_zyx(scan, PATH)[0], scan.stored_ijk)


def test_memory_that_may_not_be_written_is_copied() -> None:
    scan = _scan(ct_voxels((6, 7, 8)), LPS)
    scan.stored_ijk.flags.writeable = False
    before = scan.stored_ijk.copy()
    voxels, _ = hounsfield_zyx(scan, PATH)
    np.testing.assert_array_equal(scan.stored_ijk, before)
    np.testing.assert_array_equal(voxels, before.T[:, ::-1, ::-1])


@pytest.mark.parametrize("matrix", [RAS, LPS, SAGITTAL])
def test_memory_of_another_owner_is_copied(matrix: np.ndarray) -> None:
    """A view of memory that its owner frees must not become the result, whatever its axes."""
    values = ct_voxels((6, 7, 8))
    memory = bytearray(values.tobytes(order="F"))
    stored = np.frombuffer(memory, np.int16).reshape(values.shape, order="F")
    voxels, _ = hounsfield_zyx(_scan(stored, matrix), PATH)
    expected = voxels.copy()
    memory[:] = bytes(len(memory))
    np.testing.assert_array_equal(voxels, expected)
    assert not np.shares_memory(voxels, stored)


@pytest.mark.parametrize(
    ("dtype", "slope", "intercept"),
    [(np.uint16, 1.0, -1024.0), (np.int16, 0.5, 3.0), (np.float32, 2.0, -1.0)],
)
def test_slope_and_intercept(dtype: type, slope: float, intercept: float) -> None:
    stored = np.arange(2 * 3 * 500).reshape(2, 3, 500).astype(dtype)
    voxels, _ = hounsfield_zyx(_scan(stored, RAS, slope, intercept), PATH)
    np.testing.assert_array_equal(voxels, np.rint(stored.T.astype(float) * slope + intercept))


def test_values_are_rounded_to_nearest() -> None:
    stored = np.array([-1.6, -0.4, 0.4, 0.6, 1.49, 99.51, -1023.9, 3.2], np.float32).reshape(2, 2, 2)
    voxels, _ = hounsfield_zyx(_scan(stored), PATH)
    assert sorted(voxels.ravel().tolist()) == [-1024, -2, 0, 0, 1, 1, 3, 100]


@pytest.mark.parametrize("dtype", [np.uint16, np.int32, np.float32, np.float64])
def test_values_beyond_int16_are_set_to_its_limits_with_a_word(dtype: type) -> None:
    stored = ct_voxels((4, 4, 4)).clip(0).astype(dtype)
    stored[0, 0, 0] = 60000
    voxels, (warning,) = hounsfield_zyx(_scan(stored), PATH)
    assert voxels[0, 0, 0] == 32767
    assert warning == "values were clipped to -32768 to 32767 HU in 1 voxel"


def test_large_int32_keeps_its_last_digit_under_a_slope() -> None:
    stored = np.full((2, 2, 2), 16_777_217 * 10, np.int32)
    voxels, _ = hounsfield_zyx(_scan(stored, RAS, 1.0, -167_772_000.0), PATH)
    assert np.unique(voxels).tolist() == [170]


@pytest.mark.parametrize("slope", [1.0, 2.0])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_numbers_are_refused_and_counted(value: float, slope: float) -> None:
    stored = ct_voxels((4, 5, 6)).astype(np.float32)
    stored[0, 0, 0] = stored[3, 4, 5] = stored[1, 2, 2] = value
    with pytest.raises(InputError, match="not numbers") as caught:
        hounsfield_zyx(_scan(stored, slope=slope), PATH)
    assert caught.value.seen == "3 voxels NaN or infinite"


def test_memory_is_the_result_and_a_few_slices() -> None:
    scan = _scan(np.zeros((64, 64, 100), np.float32), LPS, 2.0, -1.0)
    tracemalloc.start()
    voxels, _ = hounsfield_zyx(scan, PATH)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < voxels.nbytes * 1.3
