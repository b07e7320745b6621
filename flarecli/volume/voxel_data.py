"""Reads the stored voxels of a file into one array, by their position and encoding.

The size that a header states is compared with the file before memory is taken, and with what is unpacked while it
is unpacked; checksums of compressed data are verified.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from flarecli.counts import counted
from flarecli.errors import InputError
from flarecli.files.sources import check_memory, check_regular_file
from flarecli.volume.unpacking import CHUNK_BYTES, INCOMPLETE_REMEDY, Encoding, highest_ratio, skip_bytes, unpacked

_WRONG_SIZE_REMEDY = "Sizes or type in the header are wrong, or the file was damaged: export the image again."


@dataclass(frozen=True)
class VoxelData:
    """Where the voxels of an image lie.

    Attributes:
        paths: The files, in order; each holds an equal share.
        encoding: How they are packed.
        start: Bytes of each file before the packed data; None where the voxels are the file's last bytes.
        skips: Bytes of the unpacked data before the voxels. Where there are several, the first is what the header
            says, and a later one is taken where the length fits it exactly and not the first.
        is_clear: Whether the header's statement may be followed where no length fits exactly.
        lines: Lines of each file to pass over before the packed data.
    """

    paths: tuple[Path, ...]
    encoding: Encoding
    start: int | None = 0
    skips: tuple[int, ...] = (0,)
    is_clear: bool = True
    lines: int = 0


@dataclass(frozen=True)
class _Part:
    """The share of one file: where it is, and what the header says of its size."""

    path: Path
    data: VoxelData
    bytes: int
    slice_bytes: int
    stated: str

    def misplaced(self, skip: int) -> tuple[str, ...]:
        """A warning where the voxels do not start where the header says."""
        if skip == self.data.skips[0] and self.data.is_clear:
            return ()
        return (
            f"the header does not say rightly where the voxels start; byte {skip} is taken, where the file's length "
            "fits exactly",
        )

    def left_over(self, count: int) -> tuple[str, ...]:
        """A warning of bytes behind the voxels.

        Raises:
            InputError: when another slice would fit into them.
        """
        if not count:
            return ()
        if count >= self.slice_bytes:
            raise InputError(
                "holds more voxels than its header says",
                path=self.path,
                seen=f"at least {counted(count, 'byte')} behind the voxels",
                expected=f"{self.bytes} bytes for {self.stated}, and nothing behind them",
                remedy=_WRONG_SIZE_REMEDY,
            )
        return (
            f"{counted(count, 'byte follows', 'bytes follow')} the voxels, not read; check that the file is complete",
        )

    def too_short(self, seen_bytes: object) -> InputError:
        return InputError(
            "holds fewer voxels than its header says",
            path=self.path,
            seen=f"{seen_bytes} bytes of voxels",
            expected=f"{self.bytes} bytes for {self.stated}",
            remedy=INCOMPLETE_REMEDY,
        )

    def start_unknown(self, length: object) -> InputError:
        return InputError(
            "the header does not say where the voxels start",
            path=self.path,
            seen=f"{length} bytes",
            expected=" or ".join(str(skip + self.bytes) for skip in self.data.skips)
            + f" bytes, for {self.stated} from byte {' or '.join(map(str, self.data.skips))}",
            remedy=_WRONG_SIZE_REMEDY,
        )


def read_stored(
    data: VoxelData, shape: tuple[int, ...], dtype: np.dtype, path: Path, *, beside_bytes: int = 0
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Unpack the voxels into one array.

    Args:
        data: Where they lie.
        shape: Sizes of the axes, the fastest first.
        dtype: Type of the values, in the file's byte order.
        path: The image's file, for messages.
        beside_bytes: What the caller will need beside the stored values, for the check of memory.

    Returns:
        Array of the shape, Fortran order, native byte order, in memory of its own; and warnings.

    Raises:
        InputError: when a file is missing, damaged, too short or much too long, or when memory does not suffice.
    """
    stated = f"shape {shape} of {dtype}"
    whole_bytes = math.prod(shape) * dtype.itemsize
    share_bytes, rest = divmod(whole_bytes, len(data.paths))
    slice_bytes = math.prod(shape[:2]) * dtype.itemsize
    parts = [_Part(file, data, share_bytes, slice_bytes, stated) for file in data.paths]
    if rest or share_bytes % dtype.itemsize:
        raise InputError(
            "its data files cannot hold equal shares of the voxels",
            path=path,
            seen=counted(len(data.paths), "file"),
            expected=f"a divisor of the voxels of {stated}",
            remedy=_WRONG_SIZE_REMEDY,
        )
    for part in parts:
        size = check_regular_file(part.path).st_size
        # A damaged size in the header must not reserve memory that the file cannot fill.
        if share_bytes > size * highest_ratio(data.encoding, dtype.itemsize):
            raise part.too_short(f"at most {int(size * highest_ratio(data.encoding, dtype.itemsize))}")
    check_memory(whole_bytes + beside_bytes, path, f"{' × '.join(map(str, shape))} voxels of {dtype}")
    buffer = np.empty(whole_bytes, np.uint8)
    warnings: dict[str, None] = {}
    for number, part in enumerate(parts):
        unfilled = buffer[number * share_bytes : (number + 1) * share_bytes]
        warnings |= dict.fromkeys(_read_part(part, unfilled, dtype))
    stored = buffer.view(dtype).reshape(shape, order="F")
    if not dtype.isnative:
        stored = stored.byteswap(inplace=True).view(dtype.newbyteorder("="))
    return stored, tuple(warnings)


def _read_part(part: _Part, buffer: np.ndarray, dtype: np.dtype) -> tuple[str, ...]:
    data = part.data
    if data.encoding is Encoding.RAW:
        return _read_raw(part, buffer)
    if data.is_clear:
        filled, left_over = _fill(part, data.skips[0], buffer, dtype)
        if filled == part.bytes and not left_over:
            return ()
        length = data.skips[0] + filled + left_over
    else:
        length = _length(part, dtype)
    for skip in data.skips:
        if skip + part.bytes == length:
            _fill(part, skip, buffer, dtype)
            return part.misplaced(skip)
    if not data.is_clear:
        raise part.start_unknown(length)
    if filled < part.bytes:
        raise part.too_short(filled)
    return part.left_over(left_over)


def _read_raw(part: _Part, buffer: np.ndarray) -> tuple[str, ...]:
    """Read uncompressed data, whose length is known beforehand."""
    data = part.data
    with unpacked(part.path, Encoding.RAW, data.start or 0, data.lines) as stream:
        before = stream.tell()
        length = os.fstat(stream.fileno()).st_size - before
        skips = (length - part.bytes,) if data.start is None else data.skips
        fitting = [skip for skip in skips if skip + part.bytes == length]
        if not fitting and not data.is_clear:
            raise part.start_unknown(length)
        skip = fitting[0] if fitting else skips[0]
        if skip < 0 or skip + part.bytes > length:
            raise part.too_short(max(0, length - max(skip, 0)))
        stream.seek(before + skip)
        filled = _fill_from(stream, buffer)
        if filled < part.bytes:
            raise part.too_short(filled)
    if data.start is None:
        return ()
    return part.misplaced(skip) + part.left_over(length - skip - part.bytes)


def _fill(part: _Part, skip: int, buffer: np.ndarray, dtype: np.dtype) -> tuple[int, int]:
    """Unpack into the buffer from a place on.

    Returns:
        How many bytes were filled, and how many follow behind them, counted up to a slice.
    """
    with unpacked(part.path, part.data.encoding, part.data.start or 0, part.data.lines, dtype) as stream:
        if skip_bytes(stream, skip) < skip:
            return 0, 0
        filled = _fill_from(stream, buffer)
        # To the end, where the checksum is verified; what is longer by a slice is refused anyway.
        return filled, skip_bytes(stream, max(part.slice_bytes, 1)) if filled == part.bytes else 0


def _fill_from(stream: BinaryIO, buffer: np.ndarray) -> int:
    unfilled = buffer.data
    while unfilled:
        count = stream.readinto(unfilled[:CHUNK_BYTES])  # type: ignore[attr-defined]
        if not count:
            break
        unfilled = unfilled[count:]
    return buffer.nbytes - len(unfilled)


def _length(part: _Part, dtype: np.dtype) -> int:
    """The unpacked length, counted up to more than what any start explains."""
    with unpacked(part.path, part.data.encoding, part.data.start or 0, part.data.lines, dtype) as stream:
        return skip_bytes(stream, max(part.data.skips) + part.bytes + part.slice_bytes)
