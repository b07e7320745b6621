"""Streams of voxels out of files: plain, gzip, zlib, bzip2 or numbers as text, with typed errors for damage."""

from __future__ import annotations

import bz2
import io
import math
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
from isal import igzip, igzip_lib

from flarecli.errors import InputError
from flarecli.files.sources import check_memory, check_regular_file, opened

CHUNK_BYTES = 1 << 20
"""Size of a read: a compressed stream allocates as much as is requested."""

INCOMPLETE_REMEDY = "The file is incomplete, as after a broken download or copy: fetch or export it again."

_GZIP_MAGIC = b"\x1f\x8b"
"""First two bytes of a gzip file. Source: RFC 1952 §2.3.1."""

_DEFLATE_MAX_RATIO = 1032
"""Deflate cannot expand a byte to more than this many. Source: zlib technical details."""

_CORRUPT = cast(type[Exception], igzip_lib.IsalError)  # isal's stubs call it an instance
_LONGEST_LINE_BYTES = 1 << 16
_NUMBER_BYTES = 32  # a number as text, with its value as float64 and in its own type, on the way


class Encoding(Enum):
    """How the voxels of a file are packed."""

    RAW = "raw"
    GZIP = "gzip"
    ZLIB = "zlib"
    BZIP2 = "bzip2"
    TEXT = "text"


def highest_ratio(encoding: Encoding, item_bytes: int) -> float:
    """Largest number of bytes of voxels for a byte of a file."""
    if encoding is Encoding.RAW:
        return 1.0
    if encoding is Encoding.TEXT:
        return (item_bytes + 1) / 2 + 1  # a digit and a space a value, the last without
    return _DEFLATE_MAX_RATIO if encoding in (Encoding.GZIP, Encoding.ZLIB) else math.inf


def gzip_or_raw(path: Path) -> Encoding:
    """Whether a file is compressed with gzip, told by its content.

    Raises:
        InputError: when it is not a regular file, is empty or cannot be read.
    """
    with opened(path) as file:
        magic = file.read(2)
    if not magic:
        raise InputError("is empty (0 bytes)", path=path, remedy=INCOMPLETE_REMEDY)
    return Encoding.GZIP if magic == _GZIP_MAGIC else Encoding.RAW


@contextmanager
def unpacked(
    path: Path, encoding: Encoding, start: int = 0, lines: int = 0, dtype: np.dtype | None = None
) -> Iterator[BinaryIO]:
    """Open the unpacked content of a file.

    Args:
        path: The file.
        encoding: How its content is packed from `start` on.
        start: Bytes before it.
        lines: Lines to pass over behind them.
        dtype: For numbers as text: the type that they are given out in.

    Raises:
        InputError: when the file cannot be read, here or in the body, or when its content is damaged.
    """
    try:
        with opened(path) as file:
            file.seek(start)
            for _ in range(lines):
                if not file.readline(_LONGEST_LINE_BYTES):
                    break
            if encoding is Encoding.GZIP:
                with igzip.open(file, "rb") as stream:
                    yield cast(BinaryIO, stream)
            elif encoding is Encoding.ZLIB:
                yield cast(BinaryIO, io.BufferedReader(_ZlibStream(file), CHUNK_BYTES))
            elif encoding is Encoding.BZIP2:
                with bz2.open(file, "rb") as stream:
                    yield cast(BinaryIO, stream)
            elif encoding is Encoding.TEXT:
                yield io.BytesIO(_numbers(file, path, cast(np.dtype, dtype)))
            else:
                yield file
    except EOFError as error:
        raise InputError("the compressed data end too early", path=path, remedy=INCOMPLETE_REMEDY) from error
    except _CORRUPT as error:
        raise _corrupt(path, error) from error
    except InputError as error:
        cause = error.__cause__  # bz2 and gzip report damage as an OSError without a number
        if isinstance(cause, OSError) and cause.errno is None:
            raise _corrupt(path, cause) from cause
        raise


def skip_bytes(stream: BinaryIO, count: int) -> int:
    """Skip up to `count` bytes; returns how many there were."""
    passed = 0
    while passed < count:
        read = len(stream.read(min(count - passed, CHUNK_BYTES)))
        if not read:
            break
        passed += read
    return passed


def _corrupt(path: Path, error: Exception) -> InputError:
    return InputError(
        "the compressed data are corrupt", path=path, seen=error, remedy="Fetch or export the file again."
    )


class _ZlibStream(io.RawIOBase):
    """A zlib stream (RFC 1950) unpacked step by step; its Adler-32 checksum is verified at its end."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._unpacker: Any = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_ZLIB)
        self._behind: BinaryIO | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        wanted = memoryview(buffer).cast("B")
        content = self._next(len(wanted))
        wanted[: len(content)] = content
        return len(content)

    def _next(self, limit: int) -> bytes:
        while not self._unpacker.eof:
            packed = self._file.read(CHUNK_BYTES) if self._unpacker.needs_input else b""
            if not packed and self._unpacker.needs_input:
                raise EOFError
            content = cast(bytes, self._unpacker.decompress(packed, limit))
            if content:
                return content
        # Bytes behind the stream are given out as they are, so that they are counted.
        if self._behind is None:
            self._behind = io.BytesIO(self._unpacker.unused_data)
        return self._behind.read(limit) or self._file.read(limit)


def _numbers(file: BinaryIO, path: Path, dtype: np.dtype) -> bytes:
    """Numbers as text, in a type's bytes."""
    size = check_regular_file(path).st_size
    check_memory(size * _NUMBER_BYTES / 2, path, "numbers as text")
    exact = dtype if dtype.kind in "iu" and dtype.itemsize == 8 else np.dtype(np.float64)
    try:
        values = np.fromstring(file.read().decode("ascii"), exact, sep=" ")
        with np.errstate(all="ignore"):
            stored = values.astype(dtype)
        if dtype.kind in "iu" and not np.array_equal(stored, values):
            raise ValueError(f"values from {values.min():g} to {values.max():g}, some of them no {dtype}")
        return stored.tobytes()
    except (ValueError, DeprecationWarning, OverflowError) as error:
        raise InputError(
            "the voxels are not numbers as text, as its header says",
            path=path,
            seen=str(error).splitlines()[0],
            expected=f"numbers of type {dtype}, separated by spaces",
            remedy="Fetch or export the file again.",
        ) from error
