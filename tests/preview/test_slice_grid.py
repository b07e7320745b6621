"""Grids of slices: as many pictures as slices, each with its own proportions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from flarecli.preview.slice_grid import GridSlice, write_slice_grid


def _slice(shape: tuple[int, int], aspect: float = 1.0) -> GridSlice:
    labels = np.zeros(shape, np.uint8)
    labels[shape[0] // 4 : shape[0] // 2, shape[1] // 4 : shape[1] // 2] = 1
    return GridSlice(np.full(shape, 0.5, np.float32), labels, (0.0, 1.0), aspect)


def test_every_slice_is_a_cell_with_grey_levels_and_contours(tmp_path: Path) -> None:
    path = tmp_path / "grid.png"
    write_slice_grid(path, [[_slice((30, 30)), _slice((30, 60))], [_slice((60, 30))]])
    with Image.open(path) as image:
        pixels = np.asarray(image).astype(int)
    height, width = (pixels.shape[0] + 2) // 2, (pixels.shape[1] + 2) // 2
    is_grey = np.ptp(pixels, axis=2) == 0
    for row, column in ((0, 0), (0, 1), (1, 0)):
        cell = np.s_[row * height : (row + 1) * height, column * width : (column + 1) * width]
        assert ((pixels[cell].max(axis=2) == 128) & is_grey[cell]).any()
        assert not is_grey[cell].all()
    assert not pixels[height:, width:].any()


def test_pixels_keep_the_proportions_of_voxels() -> None:
    assert _slice((10, 40), aspect=2.0).size_px == (240, 120)
    assert _slice((40, 10), aspect=0.5).size_px[0] * 2 == _slice((40, 10), aspect=0.5).size_px[1]
