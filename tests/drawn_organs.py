"""The organs of an anatomy as a label map on a grid, without anything around them."""

from __future__ import annotations

import numpy as np

from flarecli.phantom.drawing.canvas import Canvas
from flarecli.phantom.drawing.lattice import SampleGrid
from flarecli.phantom.organs.anatomy import Anatomy


def drawn_organs(anatomy: Anatomy, grid: SampleGrid) -> np.ndarray:
    """Uint8 labels of shape `grid.shape_zyx`."""
    canvas = Canvas(grid)
    for organ in anatomy.organs:
        if found := organ.depth(canvas):
            canvas.paint(found[0], found[1] > 0, organ.label)
    return canvas.parts
