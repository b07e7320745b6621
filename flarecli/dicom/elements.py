"""Values of a DICOM data set, decoded with checks: missing and invalid values are distinguished."""

from __future__ import annotations

import math
import re
import struct
from dataclasses import dataclass
from typing import Any

from flarecli.counts import counted
from flarecli.dicom import tags

_SHOWN_LENGTH = 60
_ESCAPE = b"\x1b"
_REALS = {4: "f", 8: "d"}  # formats by length
_CODECS = {
    **{"100": "latin-1", "101": "iso8859-2", "109": "iso8859-3", "110": "iso8859-4", "144": "iso8859-5"},
    **{"127": "iso8859-6", "126": "iso8859-7", "138": "iso8859-8", "148": "iso8859-9", "203": "iso8859-15"},
    **{
        "166": "tis-620",
        "13": "shift_jis",
        "192": "utf-8",
        "GB18030": "gb18030",
        "GBK": "gbk",
        "149": "euc_kr",
        "58": "gb2312",
    },
}
"""Codecs of Python by the ends of the defined terms of Specific Character Set."""

_TWO_BYTES = {b"\x1b$)C": "euc_kr", b"\x1b$)A": "gb2312"}
"""Codecs by the escape sequences before characters of two bytes with the high bit set (ISO 2022 IR 149 and 58)."""

_LONGEST_TEXT = 1024  # longer than any text that distinguishes slices; the rest is not kept in memory


@dataclass(frozen=True)
class Invalid:
    """A value that is not valid for its tag.

    Attributes:
        text: The value as it may be shown.
    """

    text: str


Numbers = tuple[float, ...] | Invalid | None
"""Decoded numbers; None where the tag is missing or empty."""


@dataclass(frozen=True)
class Elements:
    """The elements of a `pydicom` data set, read from their raw bytes.

    pydicom's own conversion warns of some invalid values and fails on others.
    """

    dataset: Any

    def text(self, tag: int) -> str:
        """The text of a tag, trimmed, without control characters; empty where it is missing. UIDs are whole."""
        content = self._bytes(tag)[:_LONGEST_TEXT]
        if content.isascii() and _ESCAPE not in content:
            return _without_controls(content.decode("ascii"))
        return _without_controls(_decoded(content, self._bytes(tags.CHARACTER_SET).decode("latin-1")))

    def shown(self, tag: int) -> str:
        """The text of a tag as messages show it, cut where it is long; empty where it is missing."""
        return printable(self.text(tag))

    def numbers(self, tag: int) -> Numbers:
        """Numbers that are stored as text (DS, IS, FD in text), separated by backslashes."""
        text = self._bytes(tag).decode("latin-1").strip(" \0\t\r\n")
        if not text:
            return None
        try:
            values = tuple(float(part) for part in text.split("\\"))
        except ValueError:
            return Invalid(printable(text))
        return values if all(math.isfinite(value) for value in values) else Invalid(printable(text))

    def binary(self, tag: int, *, signed: bool = False) -> Numbers:
        """One number of 16 or 32 bits (US, SS, UL)."""
        value = getattr(self.dataset.get_item(tag, keep_deferred=True), "value", None) if tag in self.dataset else None
        if isinstance(value, int):  # pydicom converts some elements when a sequence is accessed
            return (float(value),)
        content = self._bytes(tag)
        if not content:
            return None
        if len(content) not in (2, 4):
            return Invalid(counted(len(content), "byte"))
        return (float(int.from_bytes(content, self._byte_order(tag), signed=signed)),)

    def real(self, tag: int) -> Numbers:
        """One floating-point number of 32 or 64 bits (FL, FD)."""
        value = getattr(self.dataset.get_item(tag, keep_deferred=True), "value", None) if tag in self.dataset else None
        if isinstance(value, float):  # pydicom converts some elements when a sequence is accessed
            return (value,)
        content = self._bytes(tag)
        if not content:
            return None
        if len(content) not in _REALS:
            return Invalid(counted(len(content), "byte"))
        (number,) = struct.unpack(("<" if self._byte_order(tag) == "little" else ">") + _REALS[len(content)], content)
        return (number,)

    def items(self, tag: int) -> list[Elements]:
        """The items of a sequence; none where it is missing.

        Raises:
            Exception: of any kind that pydicom raises on a sequence that cannot be parsed.
        """
        if tag not in self.dataset:
            return []
        return [Elements(item) for item in self.dataset[tag].value or ()]

    def _bytes(self, tag: int) -> bytes:
        value = getattr(self.dataset.get_item(tag, keep_deferred=True), "value", None) if tag in self.dataset else None
        return value if isinstance(value, bytes) else value.encode() if isinstance(value, str) else b""

    def _byte_order(self, tag: int) -> Any:
        return "little" if getattr(self.dataset.get_item(tag, keep_deferred=True), "is_little_endian", True) else "big"


def _decoded(content: bytes, character_sets: str) -> str:
    """Text in the character sets that a data set names, as far as it can be read; see PS3.3 §C.12.1.1.2, PS3.5 §6.1."""
    numbers = [re.sub(r"^ISO(_IR| 2022 IR) ", "", name.strip(" \0")) for name in character_sets.split("\\")]
    if _ESCAPE in content:
        for escape, codec in _TWO_BYTES.items():
            if escape in content:
                return content.replace(escape, b"").decode(codec, "replace")
        return content.decode("iso2022_jp_2", "replace")
    codec = next((_CODECS[number] for number in numbers if number in _CODECS), "utf-8")
    try:
        return content.decode(codec)
    except UnicodeDecodeError:
        return content.decode("latin-1")


def printable(text: str) -> str:
    """Text that is safe to show: trimmed, control characters replaced, cut where it is long."""
    shown = _without_controls(text)
    return shown if len(shown) <= _SHOWN_LENGTH else f"{shown[:_SHOWN_LENGTH]}…"


def _without_controls(text: str) -> str:
    """Text trimmed, with control characters replaced."""
    trimmed = text.strip(" \0\t\r\n")
    if trimmed.isprintable():
        return trimmed
    return "".join(letter if letter.isprintable() else " " for letter in trimmed)
