"""The acquisitions of a series in a collection, each slice once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import BinaryIO

from flarecli.dicom import tags
from flarecli.dicom.choice import SMALL_SHARE, are_interleaved, split_acquisitions
from flarecli.dicom.collection.holders import Holder
from flarecli.dicom.copies import EQUAL_VALUES, unlike_slices
from flarecli.dicom.header import DamagedHeaderError
from flarecli.dicom.slices import Slice
from flarecli.dicom.stack import stacked
from flarecli.errors import InputError

_SMALL = "far fewer slices than the complete acquisition (bolus tracking, test injection)"


def without_copies(slices: list[Slice], name_of: dict[int, str], holder: Holder) -> list[Slice]:
    """Slices without duplicates, as far as these can be compared: what is damaged is refused when it is read."""
    if not _are_placed(slices) or not all(_has_pixels(slice_) for slice_ in slices) or stacked(slices).is_even:
        return slices

    @contextmanager
    def opener(slice_: Slice) -> Iterator[BinaryIO]:
        with holder.opened(name_of[id(slice_)]) as (file, _):
            yield file

    try:
        return unlike_slices(slices, opener)
    except (DamagedHeaderError, InputError):
        return slices


def acquisitions_of(slices: list[Slice]) -> Iterator[tuple[str, Sequence[Slice], str]]:
    """The acquisitions of a series with their names and the reasons to leave them out."""
    if not _are_placed(slices) or (stacked(slices).is_even and not are_interleaved(slices)):
        yield "", slices, ""
        return
    found = split_acquisitions(slices)
    if found is None:
        yield "", slices, ""  # the reason is stated when it is read
        return
    _, stacks = found
    largest = max(len(stack.slices) for _, stack in stacks)
    for label, stack in stacks:
        is_small = not stack.is_even and len(stack.slices) <= SMALL_SHARE * largest
        yield label, stack.slices, _SMALL if is_small else ""


def has_extent(slices: Sequence[Slice]) -> bool:
    """Whether slices lie at several positions, or at unknown ones."""
    places = {slice_.values.get(tags.POSITION) for slice_ in slices}
    return len(places) > 1 or (None in places and len(slices) > 1)


def _are_placed(slices: Sequence[Slice]) -> bool:
    """Whether slices lie at several positions, all of which are known."""
    return (
        len(slices) > 1
        and all(_has_numbers(slice_, tags.POSITION, 3) for slice_ in slices)
        and all(_has_numbers(slice_, tags.ORIENTATION, 6) for slice_ in slices)
        and has_extent(slices)
    )


def _has_pixels(slice_: Slice) -> bool:
    """Whether it is known where the pixels of a slice are stored, and how they are scaled."""
    of_one = [tag for tag in EQUAL_VALUES if tag != tags.ORIENTATION]
    return slice_.header.pixels is not None and all(_has_numbers(slice_, tag, 1) for tag in of_one)


def _has_numbers(slice_: Slice, tag: int, count: int) -> bool:
    value = slice_.values.get(tag)
    return isinstance(value, tuple) and len(value) == count
