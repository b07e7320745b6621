"""Checks whether a file can be a CT scan of a body: type, shape, geometry.

Each check raises an `InputError` that says what was seen, what was expected and what to do, or returns
warnings. Limits are wide: a real scan must never be refused.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from flarecli.errors import InputError

SPACING_LIMITS_MM = (0.1, 20.0)
"""Voxel sizes outside are units mixed up (m, µm) rather than a body CT; clinical ones are 0.4 to 10 mm."""

FIELD_LIMITS_MM = (30.0, 2500.0)
"""Edge lengths of a scan: below, no organ fits in; above, no patient does."""

SPACING_AGREEMENT = 1e-3
"""Relative difference between header spacing and affine that float32 storage and rounded headers explain."""

SHEAR_LIMIT_DEG = 1.0
"""Axes further from a right angle are a tilted gantry or a damaged affine; distances would be wrong."""

SHEAR_NOTICE_DEG = 0.05
"""A shear above this is reported: ITK refuses some such files."""

_SINGULAR_VOLUME = 1e-3  # of the voxel's edges multiplied; sheared by a right angle less 0.06 degrees
_AXES = "ijk"


def check_type(dtype: np.dtype, path: Path) -> None:
    """Refuse anything but plain integers and real numbers."""
    if dtype.kind not in "iuf":
        raise InputError(
            "holds colours or complex numbers, not HU" if dtype.kind in "cV" else "holds no numbers",
            path=path,
            seen=f"data type {dtype}",
            expected="integers or floating-point numbers",
            remedy="Give the CT scan itself, not a rendering or a raw reconstruction.",
        )


def check_shape(shape: tuple[int, ...], path: Path) -> tuple[int, int, int]:
    """The three spatial sizes of an array with one volume; further axes of length 1 are dropped."""
    if len(shape) < 3:
        raise InputError(
            "is not a volume",
            path=path,
            seen=f"{len(shape)} dimensions, shape {shape}",
            expected="3 dimensions",
            remedy="Give the whole scan, not a slice of it.",
        )
    if any(size != 1 for size in shape[3:]):
        raise InputError(
            "holds several volumes",
            path=path,
            seen=f"shape {shape}",
            expected="one volume: 3 dimensions, further ones of length 1",
            remedy="Save the time point or phase to be segmented as a file of its own.",
        )
    i, j, k = shape[:3]
    if min(i, j, k) < 2:
        raise InputError(
            "has a single slice",
            path=path,
            seen=f"shape {(i, j, k)}",
            expected="at least 2 voxels along each axis",
            remedy="Give the whole scan, not a slice of it.",
        )
    return i, j, k


def check_affine(affine_ras: np.ndarray, path: Path) -> tuple[str, ...]:
    """Refuse affines that are singular or sheared; warn of a slight shear."""
    columns = np.asarray(affine_ras, dtype=np.float64)[:3, :3]
    if not is_invertible(affine_ras):
        raise _singular(columns, path)
    directions = columns / np.linalg.norm(columns, axis=0)
    shears = {
        f"{_AXES[a]} and {_AXES[b]}": float(np.degrees(np.arcsin(min(1.0, abs(directions[:, a] @ directions[:, b])))))
        for a, b in ((0, 1), (0, 2), (1, 2))
    }
    axes, shear_deg = max(shears.items(), key=lambda item: item[1])
    if shear_deg > SHEAR_LIMIT_DEG:
        raise InputError(
            f"the affine is sheared: axes {axes} are not at a right angle",
            path=path,
            seen=f"{shear_deg:.2f}° off a right angle",
            expected=f"at most {SHEAR_LIMIT_DEG:g}°",
            remedy="Resample the scan to a rectangular grid (gantry tilt: dcm2niix writes a corrected file).",
        )
    if shear_deg > SHEAR_NOTICE_DEG:
        return (f"the affine is slightly sheared: axes {axes} are {shear_deg:.2f}° off a right angle",)
    return ()


def is_invertible(affine_ras: np.ndarray) -> bool:
    """Whether each axis has a length and a direction of its own."""
    columns = np.asarray(affine_ras, dtype=np.float64)[:3, :3]
    with np.errstate(over="ignore"):
        edges = np.linalg.norm(columns, axis=0)
    if not np.isfinite(edges).all() or not edges.all():
        return False
    return bool(abs(np.linalg.det(columns / edges)) >= _SINGULAR_VOLUME)


def _singular(columns: np.ndarray, path: Path) -> InputError:
    return InputError(
        "the affine cannot be inverted: some axis has no direction of its own",
        path=path,
        seen=columns.tolist(),
        expected="three independent axes",
        remedy="The header is damaged: export the image again from its original.",
    )


def reconciled_spacing(
    header_spacing_ijk_mm: tuple[float, float, float], affine_ras: np.ndarray
) -> tuple[tuple[float, float, float], tuple[str, ...]]:
    """The header's own spacing where the affine agrees with it, else the affine's with a warning.

    Where they agree the header's float32 value is kept to the bit: network grids are rounded from it.
    """
    i, j, k = (float(size) for size in np.linalg.norm(affine_ras[:3, :3], axis=0))
    if np.allclose(header_spacing_ijk_mm, (i, j, k), rtol=SPACING_AGREEMENT, atol=0.0):
        return header_spacing_ijk_mm, ()
    return (i, j, k), (
        f"the header's voxel size ({_listed(header_spacing_ijk_mm)} mm) contradicts its affine "
        f"({_listed((i, j, k))} mm); the affine's is used",
    )


def check_spacing(spacing_ijk_mm: tuple[float, float, float], shape_ijk: tuple[int, int, int], path: Path) -> None:
    """Refuse voxel sizes and fields of view that no body CT has."""
    low, high = SPACING_LIMITS_MM
    if not all(low <= size <= high for size in spacing_ijk_mm):
        raise InputError(
            "the voxel size cannot be that of a body CT",
            path=path,
            seen=f"{_listed(spacing_ijk_mm)} mm",
            expected=f"{low:g} to {high:g} mm along each axis",
            remedy="Check the header: the unit must be mm, and no axis may be missing its size.",
        )
    low, high = FIELD_LIMITS_MM
    extent_mm = [size * count for size, count in zip(spacing_ijk_mm, shape_ijk, strict=True)]
    if not all(low <= length <= high for length in extent_mm):
        raise InputError(
            "the field of view cannot hold an abdomen",
            path=path,
            seen=f"{_listed(extent_mm)} mm",
            expected=f"{low:g} to {high:g} mm along each axis",
            remedy="Check the voxel size in the header, or give a scan that covers more of the abdomen.",
        )


def _listed(values: tuple[float, ...] | list[float]) -> str:
    return " × ".join(f"{value:.6g}" for value in values)
