"""Text on a picture, in Pillow's built-in font."""

from __future__ import annotations

import unicodedata
from functools import cache

from PIL import ImageDraw, ImageFont

Colour = tuple[int, int, int]


def write(
    draw: ImageDraw.ImageDraw,
    place: tuple[float, float],
    text: str,
    size_px: int,
    colour: Colour,
    anchor: str,
) -> None:
    """Write a line of text with a dark rim, legible on bright bone too; `anchor` as Pillow's text anchors."""
    draw.text(place, _drawable(text), fill=colour, font=_font(size_px), anchor=anchor, stroke_width=1, stroke_fill=0)


def width_px(text: str, size_px: int) -> int:
    """Width of a line of text."""
    return round(_font(size_px).getlength(_drawable(text)))


def fitted(text: str, size_px: int, max_px: int) -> str:
    """The text, shortened in its middle where it is too wide: names of cases differ at their ends."""
    if width_px(text, size_px) <= max_px:
        return text
    kept = len(text) - 1
    while kept > 1 and width_px(_shortened(text, kept), size_px) > max_px:
        kept -= 1
    return _shortened(text, kept)


def _shortened(text: str, kept: int) -> str:
    return f"{text[: (kept + 1) // 2]}...{text[len(text) - kept // 2 :]}"


@cache
def _font(size_px: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size_px)


def _drawable(text: str) -> str:
    """The text in ASCII, all that Pillow's own font holds: accents are dropped, other letters become "?"."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return "".join(c if c.isprintable() and c.isascii() else "?" for c in plain)
