"""Pixels of slices as HU: each with its own rescale slope and intercept, read directly into the array of the scan."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from flarecli.counts import counted
from flarecli.dicom import tags
from flarecli.dicom.copies import frame_bytes, stored_bytes
from flarecli.dicom.decoding import FrameDecoder, frame_decoder
from flarecli.dicom.header import (
    DEFLATED,
    EXPLICIT_BIG_ENDIAN,
    EXPLICIT_LITTLE_ENDIAN,
    IMPLICIT_LITTLE_ENDIAN,
    DamagedHeaderError,
)
from flarecli.dicom.multi_frame import number_of_frames
from flarecli.dicom.slices import Slice
from flarecli.errors import InputError
from flarecli.files.sources import check_memory, opened
from flarecli.hardware.processors import available_processors

_INT16 = np.iinfo(np.int16)
_NATIVE = (IMPLICIT_LITTLE_ENDIAN, EXPLICIT_LITTLE_ENDIAN, EXPLICIT_BIG_ENDIAN, DEFLATED)
_MOST_THREADS = 4
_DECODING_BYTES = 12  # a pixel while a slice is decoded or scaled in float64
_TISSUE_LIKE_HU = -1000  # padding above this value may be confused with tissue
_PADDED_SHARE = 0.01


def check_storage(slices: Sequence[Slice], path: Path) -> None:
    """Refuse pixel data of an unsupported kind or wrong length, before memory is allocated.

    Raises:
        InputError: names the slice.
    """
    for slice_ in slices:
        pixels = slice_.header.pixels
        assert pixels is not None
        if pixels.tag != tags.PIXEL_DATA[0]:
            raise InputError(
                "pixels are stored as floating-point numbers, which is not supported",
                path=path,
                seen=f"element {pixels.tag >> 16:04x},{pixels.tag & 0xFFFF:04x} in {slice_.name}",
                expected="Pixel Data (7fe0,0010)",
                remedy="Export the series as CT slices with integer pixels.",
            )
        if pixels.length is None:
            if slice_.header.syntax in _NATIVE:
                raise InputError(
                    "the pixel data are compressed, and the transfer syntax says that they are not",
                    path=path,
                    seen=f"Pixel Data (7fe0,0010) of undefined length and transfer syntax {slice_.header.syntax} in "
                    f"{slice_.name}",
                    expected="the transfer syntax of the compression",
                    remedy="Whatever wrote the file gave it a wrong header: export the series again.",
                )
            continue
        frames = number_of_frames(slice_.header.elements)
        expected, row = frames * frame_bytes(slice_), int(slice_.number(tags.COLUMNS))
        if not expected <= pixels.length < expected + max(2, row):
            raise InputError(
                "Pixel Data (7fe0,0010) do not have the length that Rows, Columns and Bits Allocated give",
                path=path,
                seen=f"{counted(pixels.length, 'byte')} in {slice_.name}",
                expected=f"{expected} bytes",
                remedy="The file is damaged: copy or export it again.",
            )


def read_hounsfield(slices: Sequence[Slice], path: Path) -> tuple[np.ndarray, tuple[str, ...]]:
    """HU of slices in their order, rounded to integers and clipped to the range of int16.

    Returns:
        int16 array of shape (slices, rows, columns), C-contiguous, writable; and warnings.

    Raises:
        InputError: when a file cannot be read or decoded, or memory does not suffice.
        InstallationError: when a package for compressed pixels is not installed.
    """
    rows, columns = int(slices[0].number(tags.ROWS)), int(slices[0].number(tags.COLUMNS))
    shape = len(slices), rows, columns
    threads_used = min(_MOST_THREADS, available_processors())
    decoding_bytes = threads_used * _DECODING_BYTES * rows * columns
    content = f"{columns} × {rows} × {len(slices)} voxels of int16"
    check_memory(2 * np.prod(shape, dtype=float) + decoding_bytes, path, content)
    native = [slice_.header.syntax in _NATIVE for slice_ in slices]
    voxels = np.empty(shape, np.int16)
    clipped = padded = 0
    with _decoders(slices, native, path) as decoders:

        def fill(index: int) -> tuple[int, int]:
            slice_ = slices[index]
            try:
                decode = _native if native[index] else decoders[slice_.header.syntax]
                stored = _used_bits(decode(slice_, voxels[index]), slice_)
            except DamagedHeaderError as error:
                raise InputError(
                    "a slice cannot be read",
                    path=slice_.header.path,
                    seen=str(error),
                    remedy="The file is damaged: copy or export it again.",
                ) from error
            return _rescale(stored, slice_, voxels[index])

        with ThreadPoolExecutor(threads_used, "flare-dicom") as threads:
            for clipped_here, padded_here in threads.map(fill, range(len(slices))):
                clipped += clipped_here
                padded += padded_here
    warnings = []
    if clipped:
        warnings.append(f"values were clipped to {_INT16.min} to {_INT16.max} HU in {counted(clipped, 'voxel')}")
    if padded > _PADDED_SHARE * voxels.size:
        hu = _rescaled(np.array([slices[0].number(tags.PADDING)]), slices[0])[0]
        warnings.append(
            f"{padded / voxels.size:.0%} of the voxels are padding (Pixel Padding Value) of {hu:g} HU, like tissue "
            "rather than air: results near the edge of the field of view may be worse"
        )
    return voxels, tuple(warnings)


@contextmanager
def _decoders(slices: Sequence[Slice], native: Sequence[bool], path: Path) -> Iterator[dict[str, FrameDecoder]]:
    """The decoders of compressed slices by transfer syntax."""
    with ExitStack() as stack:
        found: dict[str, FrameDecoder] = {}
        for slice_, is_native in zip(slices, native, strict=True):
            if not is_native and slice_.header.syntax not in found:
                found[slice_.header.syntax] = stack.enter_context(frame_decoder(slice_, path))
        yield found


def _native(slice_: Slice, target: np.ndarray) -> np.ndarray:
    """Words of an uncompressed slice; those of 16 bits share the memory of the target where possible."""
    dtype = _word_type(slice_).newbyteorder(">" if slice_.header.syntax == EXPLICIT_BIG_ENDIAN else "<")
    pixels = slice_.header.pixels
    assert pixels is not None
    if dtype.itemsize == 2 and slice_.header.syntax != DEFLATED:
        length = frame_bytes(slice_)
        with opened(slice_.header.path) as file:
            file.seek(pixels.start + slice_.frame * length)
            if file.readinto(target) != length:  # type: ignore[attr-defined]
                raise DamagedHeaderError("its length changed while it was read")
        return target.view(dtype)
    content = stored_bytes(slice_)
    if len(content) != target.size * dtype.itemsize:
        raise DamagedHeaderError("its pixel data are truncated")
    return np.frombuffer(content, dtype).reshape(target.shape)


def _word_type(slice_: Slice) -> np.dtype:
    """The integer type of Bits Allocated and Pixel Representation."""
    kind = "i" if slice_.number(tags.PIXEL_REPRESENTATION) == 1 else "u"
    return np.dtype(f"{kind}{int(slice_.number(tags.BITS_ALLOCATED)) // 8}")


def _used_bits(words: np.ndarray, slice_: Slice) -> np.ndarray:
    """Stored values: words without the bits outside Bits Stored, which may hold an overlay or copies of the sign.

    Source: DICOM PS3.5 §8.1.1.
    """
    allocated, used, high = (int(slice_.number(tag)) for tag in (tags.BITS_ALLOCATED, tags.BITS_STORED, tags.HIGH_BIT))
    if used == allocated:
        return words
    # Decoders return words of 8 bits for a compressed image of 8 bits, whatever Bits Allocated says.
    shifted = np.left_shift(words.astype(_word_type(slice_), copy=False), allocated - 1 - high)
    return np.right_shift(shifted, allocated - used, out=shifted)


def _rescale(stored: np.ndarray, slice_: Slice, target: np.ndarray) -> tuple[int, int]:
    """Write stored values as HU into the target, whose memory they may share.

    Returns:
        Number of clipped voxels, and of padding voxels.
    """
    padded = _padded(stored, slice_)
    slope, intercept = slice_.number(tags.SLOPE), slice_.number(tags.INTERCEPT)
    lowest, highest = _rescaled(np.array([stored.min(), stored.max()], float), slice_)
    fits = _INT16.min <= min(lowest, highest) and max(lowest, highest) <= _INT16.max
    if slope == 1 and intercept % 1 == 0 and fits and stored.dtype.itemsize == 2:
        # Modulo 2^16 the sum is correct for signed and unsigned stored types.
        target.view(np.uint16)[...] = stored.view(stored.dtype.str.replace("i", "u"))
        target += np.int16((int(intercept) + 32768) % 65536 - 32768)
        return 0, padded
    values = np.rint(_rescaled(stored.astype(np.float64), slice_))
    clipped = 0
    if not fits:
        clipped = int(np.count_nonzero((values < _INT16.min) | (values > _INT16.max)))
        np.clip(values, _INT16.min, _INT16.max, out=values)
    target[...] = values
    return clipped, padded


def _rescaled(values: np.ndarray, slice_: Slice) -> np.ndarray:
    return np.asarray(values * slice_.number(tags.SLOPE) + slice_.number(tags.INTERCEPT))


def _padded(stored: np.ndarray, slice_: Slice) -> int:
    """Number of voxels of the padding value, where that is in the range of tissue."""
    padding: Any = slice_.values.get(tags.PADDING)
    if not isinstance(padding, tuple) or _rescaled(np.array(padding), slice_)[0] <= _TISSUE_LIKE_HU:
        return 0
    return int(np.count_nonzero(stored == padding[0]))
