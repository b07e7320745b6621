"""Duplicate slices: dropped where pixels and position are equal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import BinaryIO

from flarecli.counts import counted
from flarecli.dicom import tags
from flarecli.dicom.encapsulation import frames_of
from flarecli.dicom.header import DEFLATED, inflated
from flarecli.dicom.multi_frame import number_of_frames
from flarecli.dicom.slices import Slice
from flarecli.dicom.stack import same_place_groups
from flarecli.files.sources import opened
from flarecli.remarks import Remark

EQUAL_VALUES = (
    *(tags.ROWS, tags.COLUMNS, tags.SLOPE, tags.INTERCEPT, tags.BITS_ALLOCATED, tags.PIXEL_REPRESENTATION),
    tags.ORIENTATION,
)
"""Values that are equal in duplicates."""

_SAMPLE_BYTES = 1 << 12

Opener = Callable[[Slice], AbstractContextManager[BinaryIO]]
"""Opens the file of a slice."""


def without_copies(slices: Sequence[Slice]) -> tuple[list[Slice], tuple[str, ...]]:
    """Slices without duplicates, and a warning that counts these; see `unlike_slices`.

    Raises:
        DamagedHeaderError: when pixels cannot be compared because a file is damaged.
        InputError: when a file cannot be read.
    """
    kept = unlike_slices(slices)
    dropped = len(slices) - len(kept)
    if not dropped:
        return list(slices), ()
    names = {id(slice_) for slice_ in kept}
    first = next(slice_.name for slice_ in slices if id(slice_) not in names)
    text = counted(dropped, "duplicate slice was left out", "duplicate slices were left out")
    return kept, (Remark(f"{text} ({first} first)", text),)


def unlike_slices(slices: Sequence[Slice], opener: Opener | None = None) -> list[Slice]:
    """Slices without duplicates, the first of these kept.

    Two slices at one position are duplicates where their stored pixels and scaling are equal, or where they are one SOP
    instance in two transfer syntaxes. Slices with one SOP Instance UID at several positions are all kept.

    Args:
        slices: With position and the values of `EQUAL_VALUES`.
        opener: Opens the file of a slice; None where it lies at its path.

    Raises:
        DamagedHeaderError: when pixels cannot be compared because a file is damaged.
        InputError: when a file cannot be read.
    """
    kept: list[Slice] = []
    for group in same_place_groups(slices):
        kept += group if len(group) == 1 else _unlike(group, opener or _opened)
    return kept


def _unlike(group: Sequence[Slice], opener: Opener) -> list[Slice]:
    """Slices at one position without duplicates. A small part of their pixels tells most phases apart."""
    unlike: list[tuple[Slice, bytes]] = []
    for slice_ in group:
        with opener(slice_) as file:
            sample = _sample(file, slice_)
        if not any(_are_copies(slice_, sample, *other, opener) for other in unlike):
            unlike.append((slice_, sample))
    return [slice_ for slice_, _ in unlike]


def _are_copies(one: Slice, sample: bytes, other: Slice, other_sample: bytes, opener: Opener) -> bool:
    if any(one.values.get(tag) != other.values.get(tag) for tag in EQUAL_VALUES):
        return False
    if one.header.syntax != other.header.syntax:
        uid = one.header.elements.text(tags.SOP_INSTANCE)
        return bool(uid) and uid == other.header.elements.text(tags.SOP_INSTANCE)
    if sample != other_sample:
        return False
    with opener(one) as file, opener(other) as other_file:
        return _stored_in(file, one) == _stored_in(other_file, other)


def _opened(slice_: Slice) -> AbstractContextManager[BinaryIO]:
    return opened(slice_.header.path)


def stored_bytes(slice_: Slice) -> bytes:
    """The stored pixel data of a slice, compressed or not.

    Raises:
        DamagedHeaderError: when compressed frames cannot be separated, or a deflated stream is damaged.
        InputError: when the file cannot be read.
    """
    with _opened(slice_) as file:
        return _stored_in(file, slice_)


def _stored_in(file: BinaryIO, slice_: Slice) -> bytes:
    pixels = slice_.header.pixels
    assert pixels is not None
    if pixels.length is None:
        parts = []
        for fragment in frames_of(file, slice_.header, number_of_frames(slice_.header.elements))[slice_.frame]:
            file.seek(fragment.start)
            parts.append(file.read(fragment.length))
        return b"".join(parts)
    length = frame_bytes(slice_)
    start = pixels.start + slice_.frame * length
    if slice_.header.syntax == DEFLATED:
        file.seek(0)
        return inflated(file, slice_.header.path, start + length)[start:]
    file.seek(start)
    return file.read(length)


def _sample(file: BinaryIO, slice_: Slice) -> bytes:
    """A part of uncompressed pixels, from their middle; nothing of others."""
    pixels = slice_.header.pixels
    assert pixels is not None
    if pixels.length is None or slice_.header.syntax == DEFLATED:
        return b""
    length = frame_bytes(slice_)
    file.seek(pixels.start + slice_.frame * length + length // 2)
    return file.read(min(_SAMPLE_BYTES, length - length // 2))


def frame_bytes(slice_: Slice) -> int:
    """Bytes of one uncompressed frame."""
    return int(slice_.number(tags.ROWS) * slice_.number(tags.COLUMNS) * slice_.number(tags.BITS_ALLOCATED) // 8)
