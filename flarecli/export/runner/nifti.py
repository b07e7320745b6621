"""NIfTI-1 files as a scan in Hounsfield units, and label maps written back onto them."""

from __future__ import annotations

import gzip
import os
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

HEADER_BYTES, VOXELS_START = 348, 352
TYPES = {2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 256: "i1", 512: "u2", 768: "u4", 1024: "i8", 1280: "u8"}
"""NIfTI's codes of the types of voxels."""

POSITION_CODES = range(1, 6)
"""NIfTI's codes of sform and qform; with 0, and with codes that it does not define, there is none."""

MM = {0: 1.0, 1: 1000.0, 2: 1.0, 3: 0.001}
"""Millimetres of NIfTI's units of length."""

LIMITS_MM = (0.1, 20.0)
"""Voxel sizes of a CT scan of a body; others are in another unit."""

AGREEMENT = 1e-3
"""How far the voxel sizes that a header states and those of its position may differ, relative."""

SINGULAR_VOLUME = 1e-3
"""Of a voxel, by the product of its edges: with less, an axis has no direction of its own."""

LARGEST_COSINE = 0.0175
"""Of the angle between two axes, 1 degree off a right angle: beyond, distances would be wrong."""

LARGEST_QUATERNION = 1.0 + 3 * 2.0**-23
"""Sum of the squares of b, c and d of a rotation; float32 storage explains so much more than 1."""


GEOMETRY = ((76, 92), (123, 124), (252, 328))
"""Bytes of a header that say where the voxels lie: handedness and voxel sizes, their unit, qform and sform."""


class ScanError(ValueError):
    """A scan that cannot be read or segmented; says why."""


@dataclass(frozen=True)
class Scan:
    """A scan whose axes are z, y, x and grow to Superior, Anterior and Right.

    Attributes:
        hu: int16, shape (z, y, x).
        spacing_mm: Voxel size along z, y and x.
        header: The file's header; of it `write_labels` needs `GEOMETRY` alone.
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
        ScanError: when it is none, is damaged, or holds no volume of numbers of a known position.
        OSError: when it cannot be opened.
    """
    content = unpacked(path)
    header = content[:HEADER_BYTES]
    if header[344:348] != b"n+1\0":
        raise ScanError(f"{path} is not a NIfTI-1 file of one part")
    order = "<" if 1 <= int.from_bytes(header[40:42], "little") <= 7 else ">"
    dimensions = np.frombuffer(header, f"{order}i2", 8, 40).tolist()
    shape = tuple(dimensions[1:4])
    code = int(np.frombuffer(header, f"{order}i2", 1, 70)[0])
    further = dimensions[4 : dimensions[0] + 1]
    if not 3 <= dimensions[0] <= 7 or min(shape) < 2 or any(size != 1 for size in further) or code not in TYPES:
        raise ScanError(f"{path} holds no volume of numbers: dimensions {dimensions}, type {code}")
    dtype = np.dtype(f"{order}{TYPES[code]}")
    count = shape[0] * shape[1] * shape[2]
    start = voxels_start(content, order, count * dtype.itemsize, shape[0] * shape[1] * dtype.itemsize, path)
    stored = np.frombuffer(content, dtype, count, start).reshape(shape, order="F")
    try:
        affine, codes = position(header, order)
        stored_axes, reversed_axes = orientation(affine)
        sizes_mm = spacing(header, order, affine)
        hu = hounsfield(canonical_view(stored, stored_axes, reversed_axes), *scaling(header, order))
    except ScanError as error:
        raise ScanError(f"{path}: {error}") from None
    x_mm, y_mm, z_mm = (sizes_mm[axis] for axis in stored_axes)
    header = header[:252] + np.array(codes, f"{order}i2").tobytes() + header[256:]
    return Scan(hu, (z_mm, y_mm, x_mm), header, order, stored_axes, reversed_axes)


def unpacked(path: Path) -> bytes:
    """The content of a file, without its compression."""
    content = path.read_bytes()
    if content[:2] != b"\x1f\x8b":
        return content
    try:
        return gzip.decompress(content)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ScanError(f"{path}: its compressed data are damaged or incomplete: {error}") from None


def voxels_start(content: bytes, order: str, voxels_bytes: int, slice_bytes: int, path: Path) -> int:
    """The byte at which the voxels begin: that of the header, or where it cannot be right, that which the length says.

    It is not right within the header and its extensions, as 0 is, which some programs write.
    """
    stated = float(np.frombuffer(content, f"{order}f4", 1, 108)[0])
    is_whole = bool(np.isfinite(stated)) and HEADER_BYTES <= stated < 2**62 and stated == int(stated)
    end = end_of_extensions(content, order)
    is_clear = is_whole and stated >= (VOXELS_START if end is None else end)
    others = [VOXELS_START, HEADER_BYTES] if end is None else [end]
    starts = [int(stated), *others] if is_whole else others
    for start in starts:
        if start + voxels_bytes == len(content):
            return start
    if not is_clear:
        raise ScanError(f"{path} does not say where its voxels start, and its length fits none of the bytes {starts}")
    behind = len(content) - starts[0] - voxels_bytes
    if behind < 0 or behind >= slice_bytes:
        raise ScanError(f"{path} holds {'fewer' if behind < 0 else 'more'} voxels than its header says")
    return starts[0]


def end_of_extensions(content: bytes, order: str) -> int | None:
    """The byte behind the extensions of the header; None where there are none, or where they make no sense."""
    if content[HEADER_BYTES : HEADER_BYTES + 1] in (b"", b"\0"):
        return None
    end = VOXELS_START
    while end + 8 <= len(content):
        size = int(np.frombuffer(content, f"{order}i4", 1, end)[0])
        if size < 16 or size % 16:  # no further one: here the voxels begin
            return end if end > VOXELS_START else None
        end += size
    return None


def scaling(header: bytes, order: str) -> tuple[float, float]:
    """Slope and intercept; 1 and 0 where the slope says that there are none: 0, or not a number."""
    slope, intercept = np.frombuffer(header, f"{order}f4", 2, 112).tolist()
    if slope == 0.0 or not np.isfinite(slope):
        return 1.0, 0.0
    if not np.isfinite(intercept):
        raise ScanError("the scaling of the values in its header is damaged")
    return slope, intercept


def position(header: bytes, order: str) -> tuple[np.ndarray, tuple[int, int]]:
    """The 4x4 matrix from voxels of the file to world millimetres, and the codes of qform and sform that say so.

    The sform counts before the qform, unless it has no inverse (zeros) and the qform has one.
    """
    qform, sform = (
        code if code in POSITION_CODES else 0 for code in np.frombuffer(header, f"{order}i2", 2, 252).tolist()
    )
    if not qform and not sform:
        raise ScanError("the header does not state the orientation of the patient")
    rows = np.frombuffer(header, f"{order}f4", 12, 280).reshape(3, 4)
    of_sform = np.vstack([rows, [0, 0, 0, 1]]).astype(np.float64)
    if not sform or (not is_position(of_sform) and qform and is_position(of_qform(header, order))):
        affine, sform = of_qform(header, order), 0
    else:
        affine = of_sform
    if not is_position(affine):
        raise ScanError("the position in its header is none: some axis has no length, or no direction of its own")
    directions = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    if np.abs(directions.T @ directions - np.eye(3)).max() > LARGEST_COSINE:
        raise ScanError("the axes of its header are not at right angles")
    return affine, (qform, sform)


def of_qform(header: bytes, order: str) -> np.ndarray:
    """The 4x4 matrix of the qform; not finite where its numbers make no rotation."""
    b, c, d, x, y, z = np.frombuffer(header, f"{order}f4", 6, 256).astype(np.float64)
    squares = b * b + c * c + d * d
    a = np.sqrt(max(0.0, 1.0 - squares)) if squares <= LARGEST_QUATERNION else np.nan
    sizes = np.frombuffer(header, f"{order}f4", 4, 76).astype(np.float64)
    rotation = np.array(
        [
            [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
            [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
            [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c],
        ]
    )
    affine = np.eye(4)
    affine[:3, :3] = rotation * np.abs(sizes[1:4]) * [1, 1, -1 if sizes[0] == -1 else 1]
    affine[:3, 3] = x, y, z
    return affine


def is_position(affine: np.ndarray) -> bool:
    """Whether each axis has a length and a direction of its own."""
    if not np.isfinite(affine).all():
        return False
    lengths = np.linalg.norm(affine[:3, :3], axis=0)
    return bool(lengths.all()) and abs(float(np.linalg.det(affine[:3, :3] / lengths))) >= SINGULAR_VOLUME


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
    stated = [abs(float(size)) for size in np.frombuffer(header, f"{order}f4", 3, 80)]
    lengths = [float(length) for length in np.linalg.norm(affine[:3, :3], axis=0)]
    found = stated if np.allclose(stated, lengths, rtol=AGREEMENT, atol=0.0) else lengths
    for factor in (1.0, MM.get(header[123] & 7, 1.0)):
        in_mm = [size * factor for size in found]
        if all(LIMITS_MM[0] <= size <= LIMITS_MM[1] for size in in_mm):
            return in_mm
    raise ScanError(f"no CT scan of a body has voxels of {found}, in the unit of the header")


def hounsfield(values: np.ndarray, slope: float, intercept: float) -> np.ndarray:
    """Stored values as whole HU, int16."""
    if (slope, intercept) != (1.0, 0.0):
        exact = np.result_type(values.dtype, np.float32).type
        with np.errstate(over="ignore", invalid="ignore"):  # refused below
            values = values.astype(exact) * exact(slope) + exact(intercept)
    if values.dtype.kind == "f":
        if not np.isfinite(values).all():
            raise ScanError("it holds values that are not numbers")
        values = np.rint(values)
    if not np.can_cast(values.dtype, np.int16):
        values = np.clip(values, 0 if values.dtype.kind == "u" else -32768, 32767)
    return np.ascontiguousarray(values.astype(np.int16))


def canonical_view(stored_ijk: np.ndarray, stored_axes: tuple[int, ...], reversed_axes: tuple[bool, ...]) -> np.ndarray:
    """An array in the file's axes seen as (z, y, x)."""
    steps = tuple(slice(None, None, -1 if against else None) for against in reversed_axes)
    return stored_ijk.transpose(stored_axes)[steps].transpose(2, 1, 0)


def write_labels(path: Path, labels: np.ndarray, scan: Scan) -> None:
    """Write a uint8 label map of shape (z, y, x) onto the scan's own axes and position.

    Nothing else of the scan's header is taken over: its texts may name the patient. The file appears whole or not at
    all, by a temporary one in its folder; a link keeps pointing to its target.
    """
    steps = tuple(slice(None, None, -1 if against else None) for against in scan.reversed_axes)
    stored = labels.transpose(2, 1, 0)[steps].transpose(np.argsort(scan.stored_axes))
    header = bytearray(HEADER_BYTES)
    header[0:4] = np.array([HEADER_BYTES], f"{scan.order}i4").tobytes()
    header[40:56] = np.array([3, *stored.shape, 1, 1, 1, 1], f"{scan.order}i2").tobytes()
    header[70:74] = np.array([2, 8], f"{scan.order}i2").tobytes()  # unsigned bytes
    header[76:108] = np.ones(8, f"{scan.order}f4").tobytes()  # of further axes, which there are none of
    header[108:120] = np.array([VOXELS_START, 1.0, 0.0], f"{scan.order}f4").tobytes()
    for start, stop in GEOMETRY:
        header[start:stop] = scan.header[start:stop]
    header[344:348] = b"n+1\0"
    content = bytes(header) + bytes(VOXELS_START - HEADER_BYTES) + stored.astype(np.uint8).tobytes(order="F")
    if path.name.lower().endswith(".gz"):
        content = gzip.compress(content, 6, mtime=0)
    target = Path(os.path.realpath(path))
    temporary = target.with_name(f".unfinished-{os.getpid()}-{os.urandom(4).hex()}")
    try:
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
