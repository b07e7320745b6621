"""Duplicate slices: dropped where pixels and position are equal."""

from __future__ import annotations

from collections.abc import Sequence

from flarecli.counts import counted
from flarecli.dicom import tags
from flarecli.dicom.encapsulation import frames_of
from flarecli.dicom.header import DEFLATED, inflated
from flarecli.dicom.slices import Slice
from flarecli.dicom.stack import same_place_groups
from flarecli.files.sources import opened
from flarecli.remarks import Remark

_EQUAL_TAGS = (tags.ROWS, tags.COLUMNS, tags.SLOPE, tags.INTERCEPT, tags.BITS_ALLOCATED, tags.PIXEL_REPRESENTATION)


def without_copies(slices: Sequence[Slice]) -> tuple[list[Slice], tuple[str, ...]]:
    """Slices without duplicates, and a warning that counts these.

    Two slices at one position are duplicates where their stored pixels and scaling are equal, or where they are one SOP
    instance in two transfer syntaxes. Slices with one SOP Instance UID at several positions are all kept.
    """
    kept: list[Slice] = []
    for group in same_place_groups(slices):
        unlike: list[Slice] = []
        for slice_ in group:
            if not any(_are_copies(slice_, other) for other in unlike):
                unlike.append(slice_)
        kept += unlike
    dropped = len(slices) - len(kept)
    if not dropped:
        return list(slices), ()
    names = {id(slice_) for slice_ in kept}
    first = next(slice_.name for slice_ in slices if id(slice_) not in names)
    text = counted(dropped, "duplicate slice was left out", "duplicate slices were left out")
    return kept, (Remark(f"{text} ({first} first)", text),)


def _are_copies(one: Slice, other: Slice) -> bool:
    if any(one.values.get(tag) != other.values.get(tag) for tag in _EQUAL_TAGS):
        return False
    if one.values.get(tags.ORIENTATION) != other.values.get(tags.ORIENTATION):
        return False
    if one.header.syntax != other.header.syntax:
        uid = one.header.elements.text(tags.SOP_INSTANCE)
        return bool(uid) and uid == other.header.elements.text(tags.SOP_INSTANCE)
    return stored_bytes(one) == stored_bytes(other)


def stored_bytes(slice_: Slice) -> bytes:
    """The stored pixel data of a slice, compressed or not.

    Raises:
        DamagedHeaderError: when compressed frames cannot be separated, or a deflated stream is damaged.
        InputError: when the file cannot be read.
    """
    pixels = slice_.header.pixels
    assert pixels is not None
    if pixels.length is None:
        frames = int(slice_.header.elements.text(tags.NUMBER_OF_FRAMES) or 1)
        with opened(slice_.header.path) as file:
            parts = []
            for fragment in frames_of(file, slice_.header, frames)[slice_.frame]:
                file.seek(fragment.start)
                parts.append(file.read(fragment.length))
        return b"".join(parts)
    length = frame_bytes(slice_)
    start = pixels.start + slice_.frame * length
    if slice_.header.syntax == DEFLATED:
        return inflated(slice_.header.path, start + length)[start:]
    with opened(slice_.header.path) as file:
        file.seek(start)
        return file.read(length)


def frame_bytes(slice_: Slice) -> int:
    """Bytes of one uncompressed frame."""
    return int(slice_.number(tags.ROWS) * slice_.number(tags.COLUMNS) * slice_.number(tags.BITS_ALLOCATED) // 8)
