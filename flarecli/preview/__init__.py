"""A picture of a result: slices in three planes with the organs' contours, as PNG."""

from flarecli.preview.sheet import check_preview_path, draw_sheet, write_preview

__all__ = ["check_preview_path", "draw_sheet", "write_preview"]
