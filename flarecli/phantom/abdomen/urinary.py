"""Bladder, ureters and renal pelves, which are not labelled as kidney."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from flarecli.phantom.body.landmarks import Landmarks, Place
from flarecli.phantom.drawing.canvas import Drawable, Palette, Solid
from flarecli.phantom.drawing.shapes import Ellipsoid, tube_through
from flarecli.phantom.options import PhantomOptions
from flarecli.phantom.tissues import Tissue

_KIDNEYS = (("right_kidney", 1.0), ("left_kidney", -1.0))
_REPLACEABLE = (Tissue.VISCERAL_FAT, Tissue.SMALL_VESSEL, Tissue.SOFT_TISSUE)
_PARENCHYMA = (Tissue.KIDNEY_CORTEX, Tissue.KIDNEY_MEDULLA)


def draw_bladder(rng: np.random.Generator, lm: Landmarks, palette: Palette) -> Drawable:
    """Draw it with its wall; to be drawn before the organs."""
    shape = Ellipsoid(
        (lm.bottom_z - 190, lm.spine_y + 70, lm.midline_x + rng.normal(0, 4)),
        rng.uniform(0.8, 1.3) * np.array([32, 28, 38]),
    )
    wall = palette.add(Tissue.MUSCLE)
    return Solid(shape, ((0.0, wall), (4.0, palette.add(Tissue.URINE))))


def draw_pelves_and_ureters(
    rng: np.random.Generator, lm: Landmarks, palette: Palette, options: PhantomOptions
) -> Iterator[Drawable]:
    """Draw pelves and ureters; to be drawn after the organs.

    A narrow pelvis fills what the kidney leaves of its sinus. A wide one, with probability `options.wide_pelvis`, takes
    the place of parenchyma and reaches out of the kidney towards the spine.
    """
    for name, side in _KIDNEYS:
        kidney = lm.places.get(name)
        if kidney is not None:
            yield from _one_side(rng, kidney, side, lm, palette, is_wide=rng.random() < options.wide_pelvis)


def _one_side(
    rng: np.random.Generator, kidney: Place, side: float, lm: Landmarks, palette: Palette, *, is_wide: bool
) -> Iterator[Drawable]:
    z, y, x = kidney.centre + rng.normal(0, 3, 3)
    radius = rng.uniform(7, 15) if is_wide else rng.uniform(2, 6)
    out = rng.uniform(0.7, 1.2)
    pelvis = [
        (z + 5, y + 1, x - side * 2 * out, 0.55 * radius),
        (z - 1, y + 4, x - side * 10 * out, 0.9 * radius),
        (z - 8, y + 7, x - side * 19 * out, radius),
        (z - 18, y + 8, x - side * 24 * out, 0.45 * radius),
    ]
    ureter = [
        pelvis[-1],
        (z - 45, y + 4, x - side * 24, 2.5),
        (lm.bottom_z - 60, lm.spine_y + 42, lm.midline_x + side * 38, 2.5),
    ]
    urine = palette.add(Tissue.URINE, offset_hu=rng.uniform(0, 20))
    over = palette.where(*_REPLACEABLE, *(_PARENCHYMA if is_wide else ()))
    for knots in (pelvis, ureter):
        yield Solid(tube_through(knots, 5 * len(knots)), ((0.0, urine),), over, roughness_mm=0.8)
