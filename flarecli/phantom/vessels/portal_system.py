"""Portal, splenic and superior mesenteric vein along the pancreas, and the arteries beside them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from flarecli.phantom.body.landmarks import Landmarks
from flarecli.phantom.drawing.canvas import Drawable, Palette, Solid
from flarecli.phantom.drawing.shapes import tube_through
from flarecli.phantom.organs.anatomy import Anatomy
from flarecli.phantom.randomness import spread_uniform
from flarecli.phantom.tissues import Tissue
from flarecli.phantom.vessels.grooves import behind, behind_front, beside, organ_of

_LIVER, _PANCREAS = 1, 4

_PORTAL_RADIUS_MM = (5.0, 9.0)
_MESENTERIC_RADIUS_MM = (4.0, 7.5)
_SPLENIC_RADIUS_MM = (2.8, 6.2)
"""Ranges in adults; in unenhanced scans wide veins resemble the pancreas."""

_LEAST_RADIUS_MM = 2.0

_KNOT_MM = 14.0
_HEAD_REACH_MM = 12.0


def draw_portal_system(
    rng: np.random.Generator, anatomy: Anatomy, lm: Landmarks, palette: Palette, before_spine_y: float, spread: float
) -> Iterator[Drawable]:
    """The veins that drain gut and spleen, in the grooves of the pancreas, with arteries; none without a pancreas.

    Args:
        rng: Random numbers.
        anatomy: The organs.
        lm: Landmarks.
        palette: The parts; new ones are added.
        before_spine_y: Position of the great vessels anterior to the spine, mm.
        spread: Scale of the variation of the veins' widths; 1 is the range of adults.
    """
    pancreas, place = organ_of(anatomy, _PANCREAS), lm.places.get("pancreas")
    if pancreas is None or place is None:
        return
    x = lm.midline_x
    vein, artery = palette.add(Tissue.PORTAL_VEIN), palette.add(Tissue.ARTERY)
    portal_r, mesenteric_r, splenic_r = (
        spread_uniform(rng, *ends, spread, _LEAST_RADIUS_MM)
        for ends in (_PORTAL_RADIUS_MM, _MESENTERIC_RADIUS_MM, _SPLENIC_RADIUS_MM)
    )
    neck_x = x + 4 + rng.normal(0, 7)
    neck = behind_front(pancreas, neck_x, 0.8 * portal_r)
    if neck is None:
        neck = np.array([place.centre[0] - 2, place.centre[1] - 6, neck_x])
    spleen = lm.places.get("spleen")
    hilum = spleen.centre + np.array([0, 22, 26]) if spleen else neck + np.array([20, -30, -85])

    # The splenic vein keeps to the back of body and tail, and leaves the tail for the hilum.
    along = [(*hilum, splenic_r - 0.5)]
    for knot_x in np.arange(hilum[2] + _KNOT_MM, neck_x - _KNOT_MM / 2, _KNOT_MM):
        point = behind(pancreas, knot_x, splenic_r)
        if point is not None:
            wavering = rng.normal(0, 2.0, 2)
            along.append((point[0] + wavering[0], point[1] + min(wavering[1], 0.0), knot_x, splenic_r))
    along.append((*neck, max(splenic_r, 0.8 * portal_r)))
    yield Solid(tube_through(along, 6 * len(along)), ((0.0, vein),))
    usual = np.array([neck[0] + 38, neck[1] - 4, x + 34])
    hepatic = beside(organ_of(anatomy, _LIVER), usual, 6.0, 18.0)
    yield Solid(tube_through([(*neck, portal_r), (*hepatic, portal_r)], 10), ((0.0, vein),))
    companion = [(z + 9, py + 3, px, 2.5) for z, py, px, _ in along]
    yield Solid(tube_through(companion, 6 * len(along)), ((0.0, artery),))

    below = [(*neck, 0.9 * portal_r)]
    # A generator of its own: what is drawn after the vessels does not depend on how many knots this course has.
    course = rng.spawn(1)[0]
    forwards = 0.0
    for drop in (18, 36):
        forwards += course.uniform(0, 9)
        usual = np.array([neck[0] - drop, neck[1] + forwards, neck_x + course.normal(2, 3)])
        below.append((*beside(pancreas, usual, mesenteric_r, _HEAD_REACH_MM), mesenteric_r))
    below.append((neck[0] - 110, below[-1][1] + 8, x + 18, 0.7 * mesenteric_r))
    yield Solid(tube_through(below, 14), ((0.0, vein),))
    # The artery lies to the left of the vein.
    superior = [
        (neck[0] + 10, before_spine_y + 8, x - 6, 4),
        (neck[0] - 10, below[1][1] - 4, below[1][2] - mesenteric_r - 9, 4),
        (neck[0] - 110, below[-1][1] - 2, x + 2, 3),
    ]
    yield Solid(tube_through(superior, 10), ((0.0, artery),))
    coeliac = [
        (neck[0] + 22, before_spine_y + 8, x - 6, 4),
        (neck[0] + 25, neck[1] + 2, x - 4, 3.5),
        (neck[0] + 30, neck[1] + 4, x + 26, 2.5),
    ]
    yield Solid(tube_through(coeliac, 8), ((0.0, artery),))
