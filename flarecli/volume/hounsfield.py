"""Stored values to int16 HU in canonical order, slice by slice: no full-size array but the result."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from flarecli.counts import counted
from flarecli.errors import InputError
from flarecli.volume.source import StoredScan

_INT16 = np.iinfo(np.int16)


def hounsfield_zyx(scan: StoredScan, path: Path) -> tuple[np.ndarray, tuple[str, ...]]:
    """Convert a scan to HU, rounded to the nearest whole number and clipped to the range of int16.

    Unscaled int16 values are not copied where the file's axes differ from the canonical ones by flips only:
    the stored array itself is flipped in place. Memory that is read-only, or that NumPy does not own, is copied.

    Returns:
        int16 array of shape (z, y, x), C-contiguous, and warnings.

    Raises:
        InputError: when values are NaN or infinite.
    """
    orientation = scan.source.orientation
    is_scaled = (scan.slope, scan.intercept) != (1.0, 0.0)
    if scan.stored_ijk.dtype == np.int16 and not is_scaled:
        if orientation.keeps_order and _is_owned_by_numpy(scan.stored_ijk):
            voxels = scan.stored_ijk.T
            _reverse_in_place(voxels, orientation.reversed_axes)
            return np.ascontiguousarray(voxels), ()
        return np.array(orientation.canonical_view(scan.stored_ijk), order="C"), ()
    view = orientation.canonical_view(scan.stored_ijk)
    voxels = np.empty(view.shape, np.int16)
    not_finite = clipped = 0
    for stored_slice, voxel_slice in zip(view, voxels, strict=True):
        values = _scaled(stored_slice, scan.slope, scan.intercept) if is_scaled else stored_slice
        if values.dtype.kind == "f":
            not_finite += int(np.count_nonzero(~np.isfinite(values)))
            values = np.rint(values)
        if not_finite:
            continue  # the conversion has no meaning any more, the count has
        if not np.can_cast(values.dtype, np.int16):
            clipped += int(np.count_nonzero((values < _INT16.min) | (values > _INT16.max)))
            lowest = 0 if values.dtype.kind == "u" else _INT16.min
            values = np.clip(values, lowest, _INT16.max)
        voxel_slice[...] = values
    if not_finite:
        raise InputError(
            "holds values that are not numbers",
            path=path,
            seen=f"{counted(not_finite, 'voxel')} NaN or infinite",
            expected="finite HU everywhere",
            remedy="Replace them, for example by -1024 outside the patient, or export the scan again.",
        )
    if clipped:
        return voxels, (f"values were clipped to {_INT16.min} to {_INT16.max} HU in {counted(clipped, 'voxel')}",)
    return voxels, ()


def _scaled(stored: np.ndarray, slope: float, intercept: float) -> np.ndarray:
    """One slice in float32, or in float64 where the stored type needs it to be exact."""
    exact = np.result_type(stored.dtype, np.float32)
    with np.errstate(over="ignore", invalid="ignore"):  # infinite results are counted and refused
        return stored.astype(exact) * exact.type(slope) + exact.type(intercept)


def _is_owned_by_numpy(array: np.ndarray) -> bool:
    """Whether the memory of an array is writable and owned by NumPy."""
    is_writeable = array.flags.writeable
    while isinstance(array.base, np.ndarray):
        array = array.base
    return is_writeable and array.flags.owndata


def _reverse_in_place(voxels_zyx: np.ndarray, reversed_xyz: tuple[bool, bool, bool]) -> None:
    """Reverse axes of a C-contiguous array with one slice of extra memory."""
    reverse_x, reverse_y, reverse_z = reversed_xyz
    depth = len(voxels_zyx)
    if reverse_z:
        for z in range(depth // 2):
            lower = voxels_zyx[z].copy()
            voxels_zyx[z] = voxels_zyx[depth - 1 - z]
            voxels_zyx[depth - 1 - z] = lower
    if reverse_x or reverse_y:
        for voxel_slice in voxels_zyx:
            voxel_slice[...] = voxel_slice[:: -1 if reverse_y else 1, :: -1 if reverse_x else 1].copy()
