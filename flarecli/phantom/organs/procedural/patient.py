"""All organs of one procedural patient, without overlap."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from flarecli.phantom.drawing.shapes import smooth_minimum
from flarecli.phantom.options import REALISTIC, PhantomOptions
from flarecli.phantom.organs.anatomy import Anatomy, Depth, OrganShape
from flarecli.phantom.organs.procedural.build import Position, draw_build
from flarecli.phantom.organs.procedural.kidney import draw_kidney
from flarecli.phantom.organs.procedural.liver import draw_liver
from flarecli.phantom.organs.procedural.pancreas import draw_pancreas
from flarecli.phantom.organs.procedural.spleen import draw_spleen

_GAP_MM = (0.3, 4.0)
"""Thickness of the fat between neighbouring organs."""


def procedural_anatomy(rng: np.random.Generator, options: PhantomOptions = REALISTIC) -> Anatomy:
    """Draw the organs of a patient.

    Args:
        rng: Source of every random choice.
        options: Spread of sizes and shapes, probabilities of a missing kidney and of a large spleen.
    """
    build = draw_build(rng, options)
    missing_side = int(rng.choice((-1, 1))) if rng.random() < options.missing_kidney else 0
    large_spleen = bool(rng.random() < options.splenomegaly)
    kidneys = [draw_kidney(rng, side, build, lone=missing_side != 0) for side in (1, -1) if side != missing_side]
    spleen = draw_spleen(rng, build, large=large_spleen)
    pancreas = draw_pancreas(rng, build)
    liver = draw_liver(rng, build)

    gap_mm = float(rng.uniform(*_GAP_MM))
    placed: list[Depth] = [kidney.depth for kidney in kidneys]
    organs = [OrganShape(2, kidney.box(), kidney.depth, roughness_mm=0.5) for kidney in kidneys]
    organs.append(OrganShape(3, spleen.box(), partial(_displaced, spleen.depth, placed, gap_mm), roughness_mm=0.8))
    placed = [*placed, spleen.depth]
    organs.append(OrganShape(1, liver.box(), partial(_displaced, liver.depth, placed, gap_mm), roughness_mm=1.0))
    placed = [*placed, liver.depth]
    organs.append(OrganShape(4, pancreas.box(), partial(_displaced, pancreas.depth, placed, gap_mm), roughness_mm=1.3))
    return Anatomy(tuple(organs), "procedural", midline_x_mm=0.0, spine_y_mm=build.spine_y_mm)


def _displaced(own: Depth, placed: Sequence[Depth], gap_mm: float, position: Position) -> np.ndarray:
    """Depth of a body that is cut at a distance from others, which leaves a layer of fat."""
    depth = own(position)
    for other in placed:
        depth = smooth_minimum(depth, np.float32(-gap_mm) - other(position), 5.0)
    return depth
