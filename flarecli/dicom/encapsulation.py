"""Compressed pixel data: the fragments of a file, and which belong to which frame. Source: DICOM PS3.5 §A.4."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import BinaryIO

from flarecli.counts import counted
from flarecli.dicom.header import DamagedHeaderError, Header
from flarecli.files.sources import opened

_ITEM, _DELIMITER = 0xFFFEE000, 0xFFFEE0DD
_JPEG_ENDS, _JPEG_STARTS = b"\xff\xd9", (b"\xff\xd8", b"\xff\x4f")
_JPEG_FAMILY = "1.2.840.10008.1.2.4."


@dataclass(frozen=True)
class Fragment:
    """A piece of compressed data: where it starts in the file, and its length."""

    start: int
    length: int


def problem(header: Header) -> str:
    """What is wrong with a file's compressed data; empty where nothing is seen without decoding them."""
    try:
        with opened(header.path) as file:
            _, fragments = fragments_of(file, header)
            if not fragments:
                return "it holds no compressed data"
            if header.syntax.startswith(_JPEG_FAMILY) and header.syntax < _JPEG_FAMILY + "95":
                return _jpeg_problem(file, fragments)
    except DamagedHeaderError as error:
        return str(error)
    return ""


def fragments_of(file: BinaryIO, header: Header) -> tuple[list[int], list[Fragment]]:
    """The basic offset table (empty where the file has none) and the fragments after it.

    Raises:
        DamagedHeaderError: when the file ends before the delimiter.
    """
    assert header.pixels is not None
    place = header.pixels.start
    items: list[Fragment] = []
    while True:
        file.seek(place)
        head = file.read(8)
        if len(head) < 8:
            raise DamagedHeaderError("it is truncated within its compressed pixel data")
        group, element, length = struct.unpack("<HHI", head)
        tag = group << 16 | element
        if tag == _DELIMITER:
            break
        if tag != _ITEM or place + 8 + length > header.size:
            raise DamagedHeaderError("its compressed pixel data are truncated or damaged")
        items.append(Fragment(place + 8, length))
        place += 8 + length
    if not items:
        return [], []
    table, *fragments = items
    file.seek(table.start)
    return [value for (value,) in struct.iter_unpack("<I", file.read(table.length // 4 * 4))], fragments


def frames_of(file: BinaryIO, header: Header, count: int) -> list[list[Fragment]]:
    """The fragments of each frame.

    Raises:
        DamagedHeaderError: when they cannot be assigned to frames.
    """
    offsets, fragments = fragments_of(file, header)
    if count == 1:
        return [fragments]
    if len(fragments) == count:
        return [[fragment] for fragment in fragments]
    if len(offsets) != count or not fragments:
        raise DamagedHeaderError(f"it has {counted(len(fragments), 'fragment')} for {counted(count, 'frame')}")
    base = fragments[0].start - 8
    frames: list[list[Fragment]] = [[] for _ in range(count)]
    frame = 0
    for fragment in fragments:
        while frame + 1 < count and fragment.start - 8 - base >= offsets[frame + 1]:
            frame += 1
        frames[frame].append(fragment)
    if not all(frames):
        raise DamagedHeaderError("its offset table leaves frames without data")
    return frames


def _jpeg_problem(file: BinaryIO, fragments: list[Fragment]) -> str:
    """What is wrong with the first and last marker of a JPEG stream; empty where nothing is."""
    file.seek(fragments[0].start)
    if file.read(2) not in _JPEG_STARTS:
        return "its compressed pixel data do not begin as JPEG does"
    last = fragments[-1]
    file.seek(last.start + max(0, last.length - 4))
    if _JPEG_ENDS not in file.read(min(4, last.length)):
        return "its compressed pixel data lack the marker of the end of the image"
    return ""
