"""Names and messages as they may be shown: on terminals, which obey control characters, and in spreadsheets, which
compute formulas."""

from __future__ import annotations

import re

_FORMULA = re.compile(r"[=+\-@\t\r]")
_QUOTED = re.compile(r"'+[=+\-@\t\r]")
_CONTROLS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # terminals act on them; line ends and tabs of messages are kept
    "\u200e\u200f\u202a-\u202e\u2066-\u2069"  # turn the direction of what follows
    "\u2028\u2029\ud800-\udfff]"  # ends of lines of other standards; bytes of file names that are not UTF-8
)


def printable(text: str) -> str:
    """A text with control characters and bytes that are not UTF-8 as escapes: `\\x1b`, `\\udcfc`; line ends remain."""
    return _CONTROLS.sub(_escaped, text)


def printable_name(name: object) -> str:
    """A file or case name on one line, as `printable` gives it."""
    return printable(str(name)).replace("\n", "\\n").replace("\t", "\\t")


def table_cell(text: str) -> str:
    """A text for a cell of a CSV table, in UTF-8, that no spreadsheet takes for a formula.

    Texts that begin with `=`, `+`, `-`, `@`, a tab or a carriage return get an apostrophe before them, which
    spreadsheets take for "text" (OWASP, CSV injection); what begins with apostrophes before such a character gets one
    more, so that `text_of_cell` restores it. Bytes that are not UTF-8 become escapes.
    """
    text = text.encode("utf-8", "backslashreplace").decode("utf-8")
    return f"'{text}" if _FORMULA.match(text) or _QUOTED.match(text) else text


def text_of_cell(cell: str) -> str:
    """The text that `table_cell` made a cell of."""
    return cell[1:] if _QUOTED.match(cell) else cell


def _escaped(found: re.Match[str]) -> str:
    code = ord(found.group())
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
