"""NIfTI-1 files as a scan in Hounsfield units, and label maps written back onto them."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from pathlib import Path

import numpy as np

HEADER_BYTES, VOXELS_START = 348, 352
TYPES = {2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 256: "i1", 512: "u2", 768: "u4"}
"""NIfTI's codes of the types of voxels."""

MM = {0: 1.0, 1: 1000.0, 2: 1.0, 3: 0.001}
"""Millimetres of NIfTI's units of length."""

LIMITS_MM = (0.1, 20.0)
"""Voxel sizes of a CT scan of a body; others are in another unit."""

AGREEMENT = 1e-3
"""How far the voxel sizes that a header states and those of its position may differ, relative."""


@dataclass(frozen=True)
class Scan:
    """A scan whose axes are z, y, x and grow to Superior, Anterior and Right.

    Attributes:
        hu: int16, shape (z, y, x).
        spacing_mm: Voxel size along z, y and x.
        header: The file's header.
        order: "<" or ">", the byte order of the header.
        stored_axes: For x, y and z: which axis of the file runs along it.
        reversed_axes: For x, y and z: whether that axis runs against it.
    """

    hu: np.ndarray
    spacing_mm: tuple[float, float, float]
    header: bytes
    order: str
    stored_axes: tuple[int, ...]
    reversed_axes: tuple[bool, ...]


def read_scan(path: Path) -> Scan:
    """Read a NIfTI-1 file, `.nii` or `.nii.gz`; values are rounded to whole HU.

    Raises:
        ValueError: when it is none, or holds no volume of numbers.
    """
    content = path.read_bytes()
    if content[:2] == b"\x1f\x8b":
        content = gzip.decompress(content)
    header = content[:HEADER_BYTES]
    if header[344:348] != b"n+1\0":
        raise ValueError(f"{path} is not a NIfTI-1 file of one part")
    order = "<" if int.from_bytes(header[:4], "little") == HEADER_BYTES else ">"
    dimensions = np.frombuffer(header, f"{order}i2", 8, 40)
    shape = tuple(int(size) for size in dimensions[1:4])
    code = int(np.frombuffer(header, f"{order}i2", 1, 70)[0])
    if dimensions[0] < 3 or any(size > 1 for size in dimensions[4 : dimensions[0] + 1]) or code not in TYPES:
        raise ValueError(f"{path} holds no volume of numbers: dimensions {dimensions.tolist()}, type {code}")
    start, slope, intercept = np.frombuffer(header, f"{order}f4", 3, 108).tolist()
    stored = np.frombuffer(content, f"{order}{TYPES[code]}", int(np.prod(shape)), int(start)).reshape(shape, order="F")
    affine = position(header, order)
    stored_axes, reversed_axes = orientation(affine)
    sizes_mm = spacing(header, order, affine)
    x_mm, y_mm, z_mm = (sizes_mm[axis] for axis in stored_axes)
    view = canonical_view(stored, stored_axes, reversed_axes)
    return Scan(hounsfield(view, slope, intercept), (z_mm, y_mm, x_mm), header, order, stored_axes, reversed_axes)


def position(header: bytes, order: str) -> np.ndarray:
    """The 4x4 matrix from voxels of the file to world millimetres: the sform, else the qform."""
    qform, sform = np.frombuffer(header, f"{order}i2", 2, 252)
    if sform > 0:
        rows = np.frombuffer(header, f"{order}f4", 12, 280).reshape(3, 4)
        return np.vstack([rows, [0, 0, 0, 1]]).astype(np.float64)
    if qform <= 0:
        raise ValueError("the header does not state the orientation of the patient")
    b, c, d, x, y, z = np.frombuffer(header, f"{order}f4", 6, 256).astype(np.float64)
    a = np.sqrt(max(0.0, 1.0 - (b * b + c * c + d * d)))
    sizes = np.frombuffer(header, f"{order}f4", 8, 76).astype(np.float64)
    rotation = np.array(
        [
            [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
            [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
            [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c],
        ]
    )
    affine = np.eye(4)
    affine[:3, :3] = rotation * sizes[1:4] * [1, 1, -1 if sizes[0] < 0 else 1]
    affine[:3, 3] = x, y, z
    return affine


def orientation(affine: np.ndarray) -> tuple[tuple[int, ...], tuple[bool, ...]]:
    """For x, y and z: which axis of the file runs along it, and whether against it; of an oblique one the nearest."""
    left, _, right = np.linalg.svd(affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0))
    turned = left @ right
    directions = [0, 0, 0]
    for axis in np.argsort(-np.abs(turned).max(axis=0), kind="stable"):
        directions[axis] = int(np.argmax(np.abs(turned[:, axis])))
        turned[directions[axis]] = 0
    stored_axes = tuple(directions.index(direction) for direction in range(3))
    return stored_axes, tuple(bool(affine[direction, axis] < 0) for direction, axis in enumerate(stored_axes))


def spacing(header: bytes, order: str, affine: np.ndarray) -> list[float]:
    """Voxel sizes along the file's axes, mm: those that the header states, where the position does not contradict."""
    stated = [float(size) for size in np.frombuffer(header, f"{order}f4", 3, 80)]
    lengths = [float(length) for length in np.linalg.norm(affine[:3, :3], axis=0)]
    found = stated if np.allclose(stated, lengths, rtol=AGREEMENT, atol=0.0) else lengths
    is_mm = all(LIMITS_MM[0] <= size <= LIMITS_MM[1] for size in found)
    return found if is_mm else [size * MM.get(header[123] & 7, 1.0) for size in found]


def hounsfield(values: np.ndarray, slope: float, intercept: float) -> np.ndarray:
    """Stored values as whole HU, int16."""
    if slope not in (0.0, 1.0) or (intercept != 0.0 and slope != 0.0):
        exact = np.result_type(values.dtype, np.float32).type
        values = values.astype(exact) * exact(slope) + exact(intercept)
    if values.dtype.kind == "f":
        if not np.isfinite(values).all():
            raise ValueError("the scan holds values that are not numbers")
        values = np.rint(values)
    return np.ascontiguousarray(np.clip(values, -32768, 32767).astype(np.int16))


def canonical_view(stored_ijk: np.ndarray, stored_axes: tuple[int, ...], reversed_axes: tuple[bool, ...]) -> np.ndarray:
    """An array in the file's axes seen as (z, y, x)."""
    steps = tuple(slice(None, None, -1 if against else None) for against in reversed_axes)
    return stored_ijk.transpose(stored_axes)[steps].transpose(2, 1, 0)


def write_labels(path: Path, labels: np.ndarray, scan: Scan) -> None:
    """Write a uint8 label map of shape (z, y, x) onto the scan's own axes and position."""
    steps = tuple(slice(None, None, -1 if against else None) for against in scan.reversed_axes)
    stored = labels.transpose(2, 1, 0)[steps].transpose(np.argsort(scan.stored_axes))
    header = bytearray(scan.header)
    header[70:74] = np.array([2, 8], f"{scan.order}i2").tobytes()  # unsigned bytes
    header[108:120] = np.array([VOXELS_START, 1.0, 0.0], f"{scan.order}f4").tobytes()
    header[124:132] = bytes(8)  # the range of values to show
    content = bytes(header) + bytes(VOXELS_START - HEADER_BYTES) + stored.astype(np.uint8).tobytes(order="F")
    path.write_bytes(gzip.compress(content, 6, mtime=0) if path.name.endswith(".gz") else content)
