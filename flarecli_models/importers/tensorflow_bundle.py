"""Reads TensorFlow's variable bundles (checkpoint format V2, SavedModel `variables/`) without TensorFlow.

A bundle is an index, `<prefix>.index`, and one or more data files, `<prefix>.data-0000S-of-0000N`. The index is a
LevelDB table from variable names to protocol buffers that say where in the data files the values lie.

Source of the format: LevelDB table format documentation; TensorFlow `tensor_bundle.proto`.
"""

from __future__ import annotations

import math
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from flarecli_models.importers.regular_file import open_regular

_TABLE_MAGIC = 0xDB4775248B80FB57
_FOOTER_BYTES = 48
_DTYPES: dict[int, np.dtype] = {
    1: np.dtype("<f4"),
    2: np.dtype("<f8"),
    3: np.dtype("<i4"),
    9: np.dtype("<i8"),
    19: np.dtype("<f2"),
}
_LARGEST_INDEX_BYTES = 16_000_000
_MOST_SHARDS = 99_999
_MOST_AXES = 32
_LONGEST_VARINT = 10
_ATTRIBUTE_SUFFIX = "/.ATTRIBUTES/VARIABLE_VALUE"


class BundleError(ValueError):
    """The files are not a readable variable bundle; the message names file, finding and expectation."""


@dataclass(frozen=True)
class BundleEntry:
    """Where one variable lies.

    Attributes:
        dtype: Number of the type in TensorFlow's `DataType`.
        shape: Shape of the variable.
        shard: Number of its data file.
        offset: First byte in the data file.
        size: Number of bytes.
        checksum: Masked CRC-32C of the bytes.
    """

    dtype: int
    shape: tuple[int, ...]
    shard: int
    offset: int
    size: int
    checksum: int


class TensorFlowBundle:
    """The variables of a bundle, by name without the suffix `/.ATTRIBUTES/VARIABLE_VALUE`.

    Args:
        path: SavedModel folder, its `variables` folder, or the prefix or `.index` file of a bundle.

    Raises:
        BundleError: when there is no bundle there or its index is damaged.
    """

    def __init__(self, path: Path) -> None:
        self.prefix = _bundle_prefix(Path(path))
        index = self.prefix.with_name(self.prefix.name + ".index")
        self.entries: dict[str, BundleEntry] = {}
        self.shards = 1
        try:
            for key, value in _table_items(index):
                if not key:
                    self.shards = _header_shards(index, value)
                elif key != b"_CHECKPOINTABLE_OBJECT_GRAPH":
                    self.entries[key.decode().removesuffix(_ATTRIBUTE_SUFFIX)] = _bundle_entry(value)
        except BundleError:
            raise
        except (IndexError, ValueError, struct.error, TypeError, OverflowError) as error:
            raise BundleError(f"{index}: the index is damaged ({error})") from error

    def data_files(self) -> list[Path]:
        """The data files that the index refers to."""
        return [
            self.prefix.with_name(f"{self.prefix.name}.data-{shard:05d}-of-{self.shards:05d}")
            for shard in range(self.shards)
        ]

    def read(self, name: str) -> np.ndarray:
        """Read one variable.

        Raises:
            BundleError: when it is not there, its type is none of the numeric ones, or its data file is missing,
                too short, or does not match the checksum.
        """
        if name not in self.entries:
            raise BundleError(f"{self.prefix}: no variable {name!r} among {len(self.entries)}")
        entry = self.entries[name]
        dtype = _DTYPES.get(entry.dtype)
        if dtype is None:
            raise BundleError(f"{self.prefix}: variable {name!r} has type number {entry.dtype}, not a plain number")
        files = self.data_files()
        if entry.shard >= len(files):
            raise BundleError(f"{self.prefix}: variable {name!r} lies in data file {entry.shard} of {len(files)}")
        file = files[entry.shard]
        expected = math.prod(entry.shape) * dtype.itemsize
        try:
            with open_regular(file) as data:
                length = os.fstat(data.fileno()).st_size
                start = min(entry.offset, length)
                data.seek(start)
                # No more than the file has is asked for: the memory for it is taken beforehand.
                content = data.read(min(entry.size, expected, length - start))
        except OSError as error:
            raise BundleError(f"{file}: cannot be read ({error.strerror}); the index names it") from error
        if len(content) != entry.size or entry.size != expected:
            raise BundleError(f"{file}: variable {name!r} has {len(content)} bytes, expected {expected}")
        if entry.checksum != masked_crc32c(content):
            raise BundleError(f"{file}: the bytes of variable {name!r} do not match their checksum")
        try:
            return np.frombuffer(content, dtype).reshape(entry.shape)
        except ValueError as error:
            raise BundleError(f"{self.prefix}: variable {name!r} has an impossible shape ({error})") from error


def masked_crc32c(content: bytes) -> int:
    """CRC-32C (Castagnoli) of the bytes, masked as LevelDB and TensorFlow store it."""
    crc = 0xFFFFFFFF
    for byte in content:
        crc = _CRC_TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def _crc_table() -> list[int]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return table


_CRC_TABLE = _crc_table()


def _bundle_prefix(path: Path) -> Path:
    if path.name.endswith(".index"):
        candidates = [path]
    elif path.is_dir():
        candidates = [path / "variables" / "variables.index", path / "variables.index", *path.glob("*.index")]
    else:
        candidates = [path.with_name(path.name + ".index")]
    for candidate in candidates:
        if candidate.is_file():
            return candidate.with_name(candidate.name.removesuffix(".index"))
    raise BundleError(f"{path}: no variable bundle (variables.index) found there")


def _table_items(path: Path) -> Iterator[tuple[bytes, bytes]]:
    """All entries of a LevelDB table file."""
    try:
        with open_regular(path) as file:
            content = file.read(_LARGEST_INDEX_BYTES + 1)
    except OSError as error:
        raise BundleError(f"{path}: cannot be read ({error.strerror})") from error
    if len(content) > _LARGEST_INDEX_BYTES:
        raise BundleError(f"{path}: more than {_LARGEST_INDEX_BYTES} bytes, too long for an index")
    if len(content) < _FOOTER_BYTES or struct.unpack("<Q", content[-8:])[0] != _TABLE_MAGIC:
        raise BundleError(f"{path}: not an index of a TensorFlow variable bundle (magic number missing)")
    footer = content[-_FOOTER_BYTES:]
    try:
        _, position = _block_handle(footer, 0)
        index_handle, _ = _block_handle(footer, position)
        for _, handle in _block_items(_block(path, content, index_handle)):
            yield from _block_items(_block(path, content, _block_handle(handle, 0)[0]))
    except IndexError as error:
        raise BundleError(f"{path}: the index ends in the middle of an entry") from error


def _block(path: Path, content: bytes, handle: tuple[int, int]) -> bytes:
    offset, size = handle
    block = content[offset : offset + size + 5]
    if len(block) != size + 5:
        raise BundleError(f"{path}: the index is shorter than its table says")
    if block[size] != 0:
        raise BundleError(f"{path}: block compression type {block[size]}, expected 0 (none)")
    if struct.unpack("<I", block[size + 1 :])[0] != masked_crc32c(block[: size + 1]):
        raise BundleError(f"{path}: a block of the index does not match its checksum")
    return block[:size]


def _block_handle(content: bytes, position: int) -> tuple[tuple[int, int], int]:
    offset, position = _varint(content, position)
    size, position = _varint(content, position)
    return (offset, size), position


def _block_items(block: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Entries of a table block; keys share prefixes with their predecessors."""
    if len(block) < 4:
        raise BundleError(f"a block of {len(block)} bytes in the index, expected at least 4")
    restarts = struct.unpack("<I", block[-4:])[0]
    end = len(block) - 4 * (restarts + 1)
    position, key = 0, b""
    while position < end:
        shared, position = _varint(block, position)
        fresh, position = _varint(block, position)
        length, position = _varint(block, position)
        if shared > len(key) or position + fresh + length > end:
            raise BundleError("an entry of the index is longer than its block")
        key = key[:shared] + block[position : position + fresh]
        position += fresh
        yield key, block[position : position + length]
        position += length


def _varint(content: bytes, position: int) -> tuple[int, int]:
    value = 0
    for digit in range(_LONGEST_VARINT):
        byte = content[position + digit]
        value |= (byte & 0x7F) << 7 * digit
        if byte < 0x80:
            return value, position + digit + 1
    raise BundleError(f"a number of more than {_LONGEST_VARINT} bytes in the index")


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Field numbers and values of a protocol buffer."""
    position = 0
    while position < len(message):
        tag, position = _varint(message, position)
        number, kind = tag >> 3, tag & 7
        if kind == 0:
            value, position = _varint(message, position)
            yield number, value
        elif kind == 2:
            length, position = _varint(message, position)
            if position + length > len(message):
                raise BundleError("a field of an index entry is longer than the entry")
            yield number, message[position : position + length]
            position += length
        elif kind == 5:
            yield number, struct.unpack("<I", message[position : position + 4])[0]
            position += 4
        elif kind == 1:
            yield number, struct.unpack("<Q", message[position : position + 8])[0]
            position += 8
        else:
            raise BundleError(f"wire type {kind} in an index entry, expected 0, 1, 2 or 5")


def _header_shards(path: Path, message: bytes) -> int:
    fields = dict(_fields(message))
    if fields.get(2, 0) != 0:
        raise BundleError(f"{path}: big-endian bundle, expected little-endian")
    shards = fields.get(1, 1)
    if not isinstance(shards, int) or not 1 <= shards <= _MOST_SHARDS:
        raise BundleError(f"{path}: the index states {shards!r:.40} data files, expected 1 to {_MOST_SHARDS}")
    return shards


def _bundle_entry(message: bytes) -> BundleEntry:
    numbers = {1: 0, 3: 0, 4: 0, 5: 0, 6: 0}
    shape: tuple[int, ...] = ()
    for field, value in _fields(message):
        if field == 2 and isinstance(value, bytes):
            sizes = [dict(_fields(dimension)) for number, dimension in _fields(value) if number == 2]  # type: ignore[arg-type]
            shape = tuple(int(size.get(1, 0)) for size in sizes)
            if len(shape) > _MOST_AXES or any(size >= 1 << 63 for size in shape):
                raise BundleError(f"a variable of {len(shape)} axes, one of them of an impossible size, in the index")
        elif isinstance(value, int):
            numbers[field] = value
    return BundleEntry(numbers[1], shape, numbers[3], numbers[4], numbers[5], numbers[6])
