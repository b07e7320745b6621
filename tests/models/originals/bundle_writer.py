"""Writes TensorFlow variable bundles, so that tests of the reader need neither TensorFlow nor published files."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from flarecli_models.importers.tensorflow_bundle import masked_crc32c

SUFFIX = "/.ATTRIBUTES/VARIABLE_VALUE"
_DTYPES = {np.dtype("<f4"): 1, np.dtype("<f8"): 2, np.dtype("<i4"): 3, np.dtype("<i8"): 9, np.dtype("<f2"): 19}
_TABLE_MAGIC = 0xDB4775248B80FB57
_STRING = 7


def write_bundle(
    prefix: Path, variables: Mapping[str, np.ndarray], entries_in_block: int = 1000, object_graph: bool = True
) -> None:
    """Write `<prefix>.index` and its one data file, with an object graph entry as TensorFlow's SavedModels have.

    Args:
        prefix: Path of the bundle without `.index`; its folder is made.
        variables: Arrays by name, without TensorFlow's suffix.
        entries_in_block: Entries of one block of the table.
        object_graph: Whether to write the entry that is not a variable.
    """
    prefix.parent.mkdir(parents=True, exist_ok=True)
    data = bytearray()
    items = [(b"", _field(1, 1) + _field(3, _field(1, 1)))]
    contents = {f"{name}{SUFFIX}": array for name, array in variables.items()}
    if object_graph:
        graph = b"an object graph"
        items.append((b"_CHECKPOINTABLE_OBJECT_GRAPH", _entry(_STRING, (), len(data), graph)))
        data += graph
    for name in sorted(contents):
        array = np.ascontiguousarray(contents[name])
        content = array.tobytes()
        items.append((name.encode(), _entry(_DTYPES[array.dtype], array.shape, len(data), content)))
        data += content
    prefix.with_name(f"{prefix.name}.data-00000-of-00001").write_bytes(data)
    prefix.with_name(f"{prefix.name}.index").write_bytes(_table(items, entries_in_block))


def _table(items: list[tuple[bytes, bytes]], entries_in_block: int) -> bytes:
    table = bytearray()
    handles = []
    for start in range(0, len(items), entries_in_block):
        block = items[start : start + entries_in_block]
        handles.append((block[-1][0] + b"~", _append_block(table, block)))
    metaindex = _append_block(table, [])
    index = _append_block(table, handles)
    footer = (metaindex + index).ljust(40, b"\0")
    return bytes(table + footer + struct.pack("<Q", _TABLE_MAGIC))


def _append_block(table: bytearray, items: list[tuple[bytes, bytes]]) -> bytes:
    """Append a block of key-sorted items whose keys share prefixes; return its handle."""
    block, before = bytearray(), b""
    for key, value in items:
        shared = 0
        while shared < min(len(before), len(key)) and before[shared] == key[shared]:
            shared += 1
        block += _varint(shared) + _varint(len(key) - shared) + _varint(len(value)) + key[shared:] + value
        before = key
    block += struct.pack("<II", 0, 1)
    handle = _varint(len(table)) + _varint(len(block))
    stored = bytes(block) + b"\0"
    table += stored + struct.pack("<I", masked_crc32c(stored))
    return handle


def _entry(dtype: int, shape: tuple[int, ...], offset: int, content: bytes) -> bytes:
    dimensions = b"".join(_field(2, _field(1, size)) for size in shape)
    checksum = _varint(6 << 3 | 5) + struct.pack("<I", masked_crc32c(content))
    return _field(1, dtype) + _field(2, dimensions) + _field(4, offset) + _field(5, len(content)) + checksum


def _field(number: int, value: int | bytes) -> bytes:
    """A protocol buffer field; zero is left out, as proto3 writers do."""
    if isinstance(value, bytes):
        return _varint(number << 3 | 2) + _varint(len(value)) + value
    return _varint(number << 3) + _varint(value) if value else b""


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
