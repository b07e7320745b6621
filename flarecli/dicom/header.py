"""The header of one DICOM file, and the position of its pixel data, which are not read."""

from __future__ import annotations

import io
import zlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, Literal

from flarecli.dicom import tags
from flarecli.dicom.elements import Elements, printable
from flarecli.dicom.packages import pydicom_reader
from flarecli.dicom.plain_header import plain_header
from flarecli.files.sources import check_memory, opened

IMPLICIT_LITTLE_ENDIAN = "1.2.840.10008.1.2"
EXPLICIT_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"
DEFLATED = "1.2.840.10008.1.2.1.99"
EXPLICIT_BIG_ENDIAN = "1.2.840.10008.1.2.2"

_MARK_AT, _MARK = 128, b"DICM"
_FIRST_READ = 1 << 16  # headers of slices take 2 to 20 kB
_FIRST_GROUPS = (b"\x02\x00", b"\x08\x00")  # of files without preamble
_LONGEST_HEADER = 1 << 28  # thousands of frames take a few MB
_UNDEFINED_LENGTH = 0xFFFFFFFF
_TAG_LENGTH = 8  # tag with VR and length
_PIXEL_GROUP = 0x7FE0
_TRAILING_READ = 4096
_INFLATED_HEADER = 1 << 24  # the most that a deflated file is inflated to before its sizes are known


class DamagedHeaderError(Exception):
    """A DICOM file whose header cannot be parsed; the message says how, without any value of the header."""


@dataclass(frozen=True)
class PixelData:
    """The position of the pixel data in a file.

    Attributes:
        start: Offset of the first byte; in a deflated file within the inflated data set.
        length: Bytes; None where they are encapsulated and end with a delimiter.
        tag: The element that holds them.
    """

    start: int
    length: int | None
    tag: int


@dataclass(frozen=True)
class Header:
    """The part of a file before its pixel data.

    Attributes:
        path: The file.
        elements: Its elements.
        syntax: UID of its transfer syntax.
        pixels: Position of its pixel data; None where there are none.
        size: Length of the file; of a deflated one, of the data set as far as it was inflated.
        trailing: Bytes behind uncompressed pixels that are neither elements nor zeros.
        media_class: Media Storage SOP Class UID of the file meta information: the only class that a DICOMDIR has.
    """

    path: Path
    elements: Elements
    syntax: str
    pixels: PixelData | None
    size: int
    trailing: int = 0
    media_class: str = ""

    @property
    def sop_class(self) -> str:
        """UID of its SOP class; empty where it has none."""
        return self.elements.text(tags.SOP_CLASS) or self.media_class


def looks_like_dicom(beginning: bytes) -> bool:
    """Whether a file's first bytes are those of DICOM. Source: DICOM PS3.10 §7.1; old archives omit the preamble."""
    if beginning[_MARK_AT : _MARK_AT + len(_MARK)] == _MARK:
        return True
    if len(beginning) < 8 or beginning[:2] not in _FIRST_GROUPS or beginning[3] != 0:
        return False
    vr, length = beginning[4:6], int.from_bytes(beginning[4:8], "little")
    return (vr.isalpha() and vr.isupper()) or length <= 128  # explicit or implicit VR


def read_header(path: Path) -> Header | None:
    """Read the header of a regular file; None where the file is not DICOM.

    Raises:
        DamagedHeaderError: when it is DICOM, but cannot be parsed.
        InputError: when the file cannot be read.
        InstallationError: when pydicom is not installed.
    """
    with opened(path) as file:
        header = header_in(file, path, path.stat().st_size)
        return None if header is None else replace(header, trailing=_trailing(file, header))


def header_in(file: BinaryIO, path: Path, size: int) -> Header | None:
    """Read the header of an open file from its beginning on; None where the file is not DICOM.

    Args:
        file: The file.
        path: The path that the header is to have.
        size: Its length.

    Raises:
        DamagedHeaderError: when it is DICOM, but cannot be parsed.
        InstallationError: when pydicom is not installed.
    """
    beginning = file.read(_FIRST_READ)
    if not looks_like_dicom(beginning):
        return None
    reader = pydicom_reader(path)
    if DEFLATED.encode() in beginning[:1024]:
        check_memory(2 * size, path, "its deflated data set")
        return _deflated_header(reader, path, beginning + file.read())
    plain = plain_header(beginning)
    if plain is not None:
        pixels = PixelData(plain.pixels_start, plain.pixels_length, plain.pixels_tag)
        return Header(path, Elements(plain.elements), EXPLICIT_LITTLE_ENDIAN, pixels, size)
    while True:
        header = _parsed(reader, path, beginning, size)
        if header.pixels is not None or len(beginning) >= size:
            return header
        if header.sop_class and not _may_be_image(header.sop_class):
            return header
        if len(beginning) >= _LONGEST_HEADER:
            raise DamagedHeaderError(f"it has no pixel data within its first {_LONGEST_HEADER >> 20} MB")
        more = file.read(len(beginning) * 15)
        if not more:
            return header
        beginning += more


def inflated(file: BinaryIO, path: Path, length: int) -> bytes:
    """The first `length` bytes of a deflated file's data set; fewer where it holds fewer.

    Args:
        file: The file, at its beginning.
        path: The path that messages name.
        length: Bytes.

    Raises:
        DamagedHeaderError: when its stream is damaged.
        InputError: when memory does not suffice.
    """
    check_memory(length, path, "its inflated data set")
    return _inflate(file.read(), length)[0]


def _may_be_image(sop_class: str) -> bool:
    """Whether an object of this class can be an image that is supported; others may be long and without pixels."""
    return sop_class in tags.CT_CLASSES or sop_class.startswith(tags.SECONDARY_CAPTURE)


def _parsed(reader: Any, path: Path, beginning: bytes, size: int) -> Header:
    stream = _Stream(beginning)
    found, stop = _pixel_finder(stream)
    try:
        dataset = reader.read_partial(stream, stop_when=stop, force=True, specific_tags=list(tags.WANTED))
        syntax = str(dataset.file_meta.get("TransferSyntaxUID", "") or "")
        media_class = printable(str(dataset.file_meta.get("MediaStorageSOPClassUID", "") or ""))
    except Exception as error:  # pydicom raises errors of many types
        if len(beginning) < size:  # what was read ends within an element
            return Header(path, Elements({}), "", None, size)
        raise DamagedHeaderError(f"its header cannot be parsed ({type(error).__name__})") from error
    if not found and len(beginning) >= size and (stream.was_cut or stream.tell() > size):
        raise DamagedHeaderError("it is truncated within its header")
    if not syntax:
        syntax = IMPLICIT_LITTLE_ENDIAN if dataset.original_encoding[0] else EXPLICIT_LITTLE_ENDIAN
        if dataset.original_encoding[1] is False:
            syntax = EXPLICIT_BIG_ENDIAN
    pixels = found[0] if found else None
    return Header(path, Elements(dataset), syntax, pixels, size, media_class=media_class)


class _Stream(io.BytesIO):
    """A byte stream that records whether a read went past its end."""

    was_cut = False

    def read(self, size: int | None = -1) -> bytes:
        content = super().read(size)
        if size is not None and len(content) < size and (content or size != _TAG_LENGTH):
            self.was_cut = True
        return content


def _trailing(file: BinaryIO, header: Header) -> int:
    """Bytes behind the pixels that are neither elements of higher tags nor zeros."""
    pixels = header.pixels
    if pixels is None or pixels.length is None or pixels.start + pixels.length >= header.size:
        return 0
    file.seek(pixels.start + pixels.length)
    behind = file.read(_TRAILING_READ)
    order: Literal["little", "big"] = "big" if header.syntax == EXPLICIT_BIG_ENDIAN else "little"
    group = int.from_bytes(behind[:2], order)
    if (len(behind) >= _TAG_LENGTH and group >= _PIXEL_GROUP) or not any(behind):
        return 0
    return header.size - pixels.start - pixels.length


def _deflated_header(reader: Any, path: Path, content: bytes) -> Header:
    data, is_cut = _inflate(content, _INFLATED_HEADER)
    stream = io.BytesIO(data)
    found, stop = _pixel_finder(stream)
    try:
        dataset = reader.read_dataset(stream, False, True, stop_when=stop, specific_tags=list(tags.WANTED))
    except Exception as error:
        raise DamagedHeaderError(f"its header cannot be parsed ({type(error).__name__})") from error
    pixels = found[0] if found else None
    if pixels is None and is_cut:
        raise DamagedHeaderError("its deflated data end within its header")
    size = len(data)
    if pixels is not None and pixels.length is not None and pixels.start + pixels.length > size:
        check_memory(pixels.start + pixels.length, path, "its inflated data set")
        size = len(_inflate(content, pixels.start + pixels.length)[0])
    return Header(path, Elements(dataset), DEFLATED, pixels, size)


def _inflate(content: bytes, length: int) -> tuple[bytes, bool]:
    """Inflate a data set, at most `length` bytes of it; and whether it ends too early. Source: DICOM PS3.5 §A.5."""
    meta_length = int.from_bytes(content[140:144], "little")
    if content[132:136] != b"\x02\x00\x00\x00" or 144 + meta_length > len(content):
        raise DamagedHeaderError("its file meta information is incomplete")
    try:
        stream = zlib.decompressobj(-zlib.MAX_WBITS)
        inflated_part = stream.decompress(content[144 + meta_length :], max(1, length))
        return inflated_part, not stream.eof and len(inflated_part) < length
    except zlib.error as error:
        raise DamagedHeaderError("its deflated data are damaged") from error


def _pixel_finder(stream: io.BytesIO) -> tuple[list[PixelData], Any]:
    """A list that receives the position of the pixel data, and the condition that stops pydicom there."""
    found: list[PixelData] = []

    def stop(tag: int, vr: str | None, length: int) -> bool:
        if tag not in tags.PIXEL_DATA:
            return False
        if not found:
            found.append(PixelData(stream.tell(), None if length == _UNDEFINED_LENGTH else length, int(tag)))
        return True

    return found, stop
