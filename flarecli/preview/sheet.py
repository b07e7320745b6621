"""The preview picture: axial slices above, coronal and sagittal ones below, all at one scale."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from flarecli.files.atomic import atomic_path
from flarecli.files.destinations import check_suffix
from flarecli.geometry import Grid
from flarecli.measures.organ_profiles import OrganProfile, organ_profiles
from flarecli.pictures.lettering import Colour, fitted, width_px, write
from flarecli.preview.framing import frame_of
from flarecli.preview.panels import Panel, choose_panels
from flarecli.preview.slice_picture import WINDOW_LEVEL_HU, WINDOW_WIDTH_HU, draw_slice
from flarecli.volume import Volume

_WIDTH_PX = 1600
_MARGIN_PX = 24
_GAP_PX = 8
HEADER_PX = 92
FOOTER_PX = 48
_LARGEST_ROW_PX = (480, 640)  # heights of the two rows, so that the sheet fits a screen
_PNG_COMPRESSION = 3

_BACKGROUND: Colour = (14, 15, 18)
_BORDER: Colour = (46, 49, 56)
_TEXT: Colour = (236, 238, 242)
_MUTED: Colour = (150, 155, 165)

_TITLE_SIZE_PX, _LEGEND_SIZE_PX, _LETTER_SIZE_PX, _SMALL_SIZE_PX = 24, 16, 14, 13
_SWATCH_PX = 15


def write_preview(path: Path, volume: Volume, labels: NDArray[np.integer], title: str) -> None:
    """Draw slices of a scan with the organs' contours into a PNG file, whole or not at all.

    Slices are shown as radiologists look at them: the patient's right on the left of the picture. Pixels are
    square in millimetres, whatever the voxels are. Slices are chosen such that each organ is seen near its
    largest.

    Args:
        path: Ends in `.png`.
        volume: The scan.
        labels: Its label map, integers, shape (z, y, x); may be empty.
        title: What is written on top; accents are dropped, letters without an ASCII base become "?".

    Raises:
        UsageError: when the name has another ending.
        InputError: when the label map does not fit the scan, or the folder cannot be written to.
    """
    check_preview_path(path)
    sheet = draw_sheet(volume, labels, title)
    with atomic_path(path) as temporary:
        sheet.save(temporary, format="PNG", compress_level=_PNG_COMPRESSION)


def check_preview_path(path: Path) -> None:
    """Refuse a file name that `write_preview` could not write to, before anything is computed.

    Raises:
        UsageError: when the suffix is not `.png`.
    """
    check_suffix(path, "preview", ".png")


def draw_sheet(volume: Volume, labels: NDArray[np.integer], title: str) -> Image.Image:
    """Draw what `write_preview` writes.

    Raises:
        InputError: when the label map does not fit the scan.
    """
    profiles = organ_profiles(labels, volume.grid)
    panels = choose_panels(profiles, volume.grid, frame_of(volume.voxels, volume.grid, profiles))
    rows = [[panel for panel in panels if panel.plane.row == row] for row in (0, 1)]
    px_per_mm = min(_scale(row, largest) for row, largest in zip(rows, _LARGEST_ROW_PX, strict=True))
    heights = [max(panel.cell_px(px_per_mm)[1] for panel in row) for row in rows]
    widths = [sum(panel.cell_px(px_per_mm)[0] + _GAP_PX for panel in row) - _GAP_PX for row in rows]
    size = (
        max(_WIDTH_PX, *(width + 2 * _MARGIN_PX for width in widths)),
        HEADER_PX + sum(heights) + _GAP_PX + FOOTER_PX,
    )
    sheet = Image.new("RGB", size, _BACKGROUND)
    _draw_header(sheet, profiles, volume.grid, title)
    top = HEADER_PX
    for row, width, height in zip(rows, widths, heights, strict=True):
        left = (sheet.width - width) // 2
        for panel in row:
            picture = draw_slice(volume.voxels[panel.view], labels[panel.view], panel.picture_px(px_per_mm))
            cell = (left, top, panel.cell_px(px_per_mm)[0], height)
            _draw_panel(sheet, cell, panel, picture)
            left += cell[2] + _GAP_PX
        top += height + _GAP_PX
    _draw_footer(sheet, px_per_mm)
    return sheet


def _scale(row: Sequence[Panel], largest_px: int) -> float:
    """Pixels per millimetre at which a row of panels fills the width, or the height that it may have."""
    room_px = _WIDTH_PX - 2 * _MARGIN_PX - _GAP_PX * (len(row) - 1)
    return min(
        room_px / sum(panel.extent_mm[1] for panel in row),
        largest_px / max(panel.extent_mm[0] for panel in row),
    )


def _draw_panel(sheet: Image.Image, cell: tuple[int, int, int, int], panel: Panel, picture: Image.Image) -> None:
    """Paste a slice into the middle of its cell (left, top, width, height) and letter it."""
    left, top, width, height = cell
    draw = ImageDraw.Draw(sheet)
    sheet.paste(picture, (left + (width - picture.width) // 2, top + (height - picture.height) // 2))
    right, bottom = left + width - 1, top + height - 1
    draw.rectangle((left, top, right, bottom), outline=_BORDER)
    middle_x, middle_y = left + width // 2, top + height // 2
    places = ((left + 8, middle_y), (right - 8, middle_y), (middle_x, top + 6), (middle_x, bottom - 6))
    for letter, place, anchor in zip(panel.plane.sides, places, ("lm", "rm", "ma", "md"), strict=True):
        write(draw, place, letter, _LETTER_SIZE_PX, _MUTED, anchor)
    write(draw, (left + 8, top + 6), panel.caption, _SMALL_SIZE_PX, _TEXT, "la")


def _draw_header(sheet: Image.Image, profiles: Sequence[OrganProfile], grid: Grid, title: str) -> None:
    """Write title and size of the scan on the left, colours, names and volumes of the organs on the right."""
    draw = ImageDraw.Draw(sheet)
    left = sheet.width - _MARGIN_PX
    for profile in reversed(profiles):
        organ, is_present = profile.organ, profile.voxels > 0
        amount = _millilitres(profile.voxels * grid.voxel_ml) if is_present else "not found"
        left -= max(width_px(text, _LEGEND_SIZE_PX) for text in (organ.name, amount))
        write(draw, (left, 24), organ.name, _LEGEND_SIZE_PX, _TEXT if is_present else _MUTED, "la")
        write(draw, (left, 47), amount, _LEGEND_SIZE_PX, _MUTED, "la")
        left -= _SWATCH_PX + 9
        swatch = (left, 25, left + _SWATCH_PX, 25 + _SWATCH_PX)
        draw.rounded_rectangle(swatch, 4, fill=organ.colour if is_present else None, outline=organ.colour)
        left -= 32
    title = fitted(title, _TITLE_SIZE_PX, left - _MARGIN_PX)
    write(draw, (_MARGIN_PX, 20), title, _TITLE_SIZE_PX, _TEXT, "la")
    voxels = " x ".join(str(length) for length in reversed(grid.shape_zyx))
    spacing = " x ".join(f"{step_mm:.3g}" for step_mm in reversed(grid.spacing_mm))
    write(draw, (_MARGIN_PX, 53), f"{voxels} voxels of {spacing} mm", _LETTER_SIZE_PX, _MUTED, "la")


def _millilitres(volume_ml: float) -> str:
    if volume_ml < 0.1:
        return "< 0.1 mL"
    return f"{volume_ml:.1f} mL" if volume_ml < 10 else f"{volume_ml:,.0f} mL"


def _draw_footer(sheet: Image.Image, px_per_mm: float) -> None:
    """Write the window on the left, draw a scale bar of a round length on the right."""
    draw = ImageDraw.Draw(sheet)
    middle = sheet.height - FOOTER_PX // 2 + 2
    low_hu, high_hu = (WINDOW_LEVEL_HU + side * WINDOW_WIDTH_HU // 2 for side in (-1, 1))
    write(draw, (_MARGIN_PX, middle), f"window {low_hu} to {high_hu} HU", _SMALL_SIZE_PX, _MUTED, "lm")
    fitting_mm = [length_mm for length_mm in (100, 50, 20, 10, 5, 2, 1) if length_mm * px_per_mm <= 200]
    if fitting_mm:
        right = sheet.width - _MARGIN_PX
        left = right - round(fitting_mm[0] * px_per_mm)
        draw.line((left, middle, right, middle), fill=_MUTED, width=2)
        for end in (left, right):
            draw.line((end, middle - 5, end, middle + 5), fill=_MUTED, width=2)
        write(draw, (left - 10, middle), f"{fitting_mm[0]} mm", _SMALL_SIZE_PX, _MUTED, "rm")
