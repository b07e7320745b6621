"""Comparison of the pixel data of files that have one SOP Instance UID: duplicates have the same."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import BinaryIO

from flarecli.dicom.collection.holders import Holder
from flarecli.dicom.header import DEFLATED, DamagedHeaderError, header_in, inflated
from flarecli.errors import InputError

_AT_A_TIME = 1 << 20  # bytes
_END_OF_FRAGMENTS = b"\xfe\xff\xdd\xe0\0\0\0\0"  # sequence delimitation item. Source: PS3.5 §A.4
_END_BYTES = 1 << 12  # the delimiter, and elements behind the pixels


@dataclass(frozen=True)
class StoredPixels:
    """The stored pixel data of a file.

    Attributes:
        syntax: UID of the transfer syntax.
        digest: SHA-256.
        are_whole: Whether the file is as long as its header says; of compressed pixels, whether their end is marked.
    """

    syntax: str
    digest: str
    are_whole: bool


@dataclass
class PixelComparison:
    """Compares files of one holder; each is read once."""

    holder: Holder
    _read: dict[str, StoredPixels] = field(default_factory=dict, repr=False)

    def of(self, name: str) -> StoredPixels:
        """The pixel data of a file; those of a damaged file are not whole."""
        if name not in self._read:
            try:
                self._read[name] = _stored_pixels(self.holder, name)
            except (DamagedHeaderError, InputError):
                self._read[name] = StoredPixels("", "", are_whole=False)
        return self._read[name]

    def are_copies(self, one: str, other: str) -> bool:
        """Whether two whole files of one SOP instance have the same pixel data or different transfer syntaxes."""
        found = self.of(one), self.of(other)
        return found[0].syntax != found[1].syntax or found[0].digest == found[1].digest


def _stored_pixels(holder: Holder, name: str) -> StoredPixels:
    with holder.opened(name) as (file, size):
        header = header_in(file, holder.path / name, size)
        pixels = None if header is None else header.pixels
        if header is None or pixels is None:
            return StoredPixels("", "", are_whole=False)
        if header.syntax == DEFLATED:
            assert pixels.length is not None  # no compressed frames are deflated
            file.seek(0)
            content = inflated(file, holder.path, pixels.start + pixels.length)[pixels.start :]
            return StoredPixels(header.syntax, hashlib.sha256(content).hexdigest(), len(content) == pixels.length)
        file.seek(pixels.start)
        if pixels.length is None:
            digest, _, end = _digest(file, size)
            return StoredPixels(header.syntax, digest, _END_OF_FRAGMENTS in end)
        digest, length, _ = _digest(file, pixels.length)
        return StoredPixels(header.syntax, digest, length == pixels.length)


def _digest(file: BinaryIO, most: int) -> tuple[str, int, bytes]:
    """SHA-256 of the next bytes, how many these are, and the last of them."""
    digest, length, end = hashlib.sha256(), 0, b""
    while length < most and (part := file.read(min(_AT_A_TIME, most - length))):
        digest.update(part)
        length += len(part)
        end = (end + part)[-_END_BYTES:]
    return digest.hexdigest(), length, end
