"""Heart, great vessels, renal vessels, oesophagus, adrenal glands."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from flarecli.phantom.body.landmarks import Landmarks
from flarecli.phantom.drawing.canvas import Drawable, Palette, Solid
from flarecli.phantom.drawing.shapes import Ellipsoid, Tube, smooth_curve, tube_through
from flarecli.phantom.options import PhantomOptions
from flarecli.phantom.organs.anatomy import Anatomy
from flarecli.phantom.tissues import Tissue
from flarecli.phantom.vessels.grooves import beside, organ_of
from flarecli.phantom.vessels.portal_system import draw_portal_system

_CHEST = (Tissue.LUNG, Tissue.LUNG_VESSEL, Tissue.VISCERAL_FAT, Tissue.SMALL_VESSEL, Tissue.MUSCLE)


def draw_vessels(
    rng: np.random.Generator, anatomy: Anatomy, lm: Landmarks, palette: Palette, options: PhantomOptions
) -> Iterator[Drawable]:
    """Heart, oesophagus, great vessels, adrenal glands and the portal system, in drawing order."""
    x, y = lm.midline_x, lm.spine_y
    artery = palette.add(Tissue.ARTERY)
    cava = palette.add(Tissue.VENA_CAVA)
    yield from _heart(rng, lm, palette)
    oesophagus = [
        (400, y + 34, x - 4, 8),
        (120, y + 38, x - 8, 8),
        (70, y + 46, x - 16, 8),
        (lm.dome_at(y + 50, x - 25) - 30, y + 44, x - 0.3 * lm.half_width, 9),
    ]
    yield Solid(tube_through(oesophagus, 14), ((0.0, palette.add(Tissue.GUT_WALL)),))

    fork = lm.bottom_z - 20
    before = y + 33
    aorta_r = rng.uniform(9, 13)
    aorta = [
        (500, y + 22, x - 18, aorta_r + 1.5),
        (150, y + 22, x - 18, aorta_r + 1),
        (60, before - 4, x - 8, aorta_r),
        (0, before, x - 7, aorta_r),
        (-70, before + 2, x - 7, aorta_r * 0.9),
        (fork, before + 4, x - 3, aorta_r * 0.8),
    ]
    yield Solid(tube_through(aorta, 30), ((0.0, artery),))
    cava_r = rng.uniform(9, 13)
    liver = organ_of(anatomy, 1)
    top = lm.dome_at(lm.centre_y, x + 20)
    vein = [(fork, before - 2, x + 12, cava_r * 0.9), (-70, before + 2, x + 19, cava_r)]
    for share in np.linspace(0, 1, 6):
        usual = np.array([share * (top - 5), before + 2 + 14 * share, x + 22])
        vein.append((*beside(liver, usual, 0.9 * cava_r, 6 + 18 * share), cava_r * (1 + 0.15 * share)))
    vein.append((top + 20, vein[-1][1] + 3, vein[-1][2] - 4, cava_r * 1.1))
    flattening = rng.uniform(1.0, 1.5) if rng.random() < 0.7 else 1.0
    yield Solid(tube_through(vein, 28, flattening=(1.0, flattening, 0.9)), ((0.0, cava),))
    for side in (-1.0, 1.0):
        iliac = [
            (fork + 5, before + 2, x + side * 4, 7),
            (fork - 60, before - 2, x + side * 35, 6),
            (fork - 140, y + 50, x + side * 70, 6),
        ]
        yield Solid(tube_through(iliac, 10), ((0.0, artery),))
        companion = [(z - 6, py - 10, px + 4 * side, r + 1.5) for z, py, px, r in iliac]
        yield Solid(tube_through(companion, 10), ((0.0, cava),))
        kidney = lm.places.get("right_kidney" if side > 0 else "left_kidney")
        if kidney is not None:
            kz, ky, kx = kidney.centre
            root = x + (20 if side > 0 else -8)
            renal = [
                (kz + 6, before, root, 5),
                (kz + 3, (before + ky) / 2 + 6, (root + kx) / 2, 5),
                (kz, ky, kx - side * 6, 4.5),
            ]
            yield Solid(tube_through(renal, 8), ((0.0, cava),))
            thin = [(z + 7, py - 6, px, 3) for z, py, px, _ in renal]
            yield Solid(tube_through(thin, 8), ((0.0, artery),))
            yield from _adrenal(
                rng, side, kidney.high[0], (kidney.centre[1] + y + 30) / 2, (kx + x + side * 25) / 2, palette
            )

    yield from draw_portal_system(rng, anatomy, lm, palette, before, options.vein_spread)


def _heart(rng: np.random.Generator, lm: Landmarks, palette: Palette) -> Iterator[Drawable]:
    """Chambers in muscle in fat, lying on the diaphragm, apex to the left."""
    fat = palette.add(Tissue.VISCERAL_FAT)
    muscle, blood = palette.add(Tissue.HEART_MUSCLE), palette.add(Tissue.HEART_BLOOD)
    x, y = lm.midline_x - 22 + rng.normal(0, 6), lm.centre_y + 0.25 * lm.half_depth
    floor = np.mean([lm.dome_at(y, x), lm.dome_at(y, x - 30)])
    size = rng.uniform(0.85, 1.15)
    centre = np.array([floor + 34 * size, y, x])
    turn = (rng.uniform(20, 45), 0.0, -20.0)
    rim = rng.uniform(2, 7)
    body = Ellipsoid(centre, np.array([44, 45, 62]) * size + rim, turn)
    yield Solid(body, ((0.0, fat), (rim, muscle)), palette.where(*_CHEST), roughness_mm=1.5)
    for shift, radii in (
        ((-4, 6, -26), (22, 20, 27)),
        ((-8, 18, 14), (25, 16, 32)),
        ((10, -20, -2), (22, 17, 26)),
        ((6, 2, 36), (25, 19, 16)),
    ):
        chamber = Ellipsoid(centre + np.array(shift) * size, np.array(radii) * size, turn)
        yield Solid(chamber, ((0.0, blood),), palette.where(Tissue.HEART_MUSCLE), roughness_mm=2.0)
    great = Tube(np.array([centre + np.array([25, -5, 18]), centre + np.array([140, -10, 12])]), np.array([17.0, 15.0]))
    yield Solid(great, ((0.0, blood),))


def _adrenal(
    rng: np.random.Generator, side: float, z: float, y: float, x: float, palette: Palette
) -> Iterator[Drawable]:
    gland = palette.add(Tissue.ADRENAL)
    height = rng.uniform(8, 16)
    for spread in (-1.0, 1.0):
        limb = np.array(
            [
                (z + height, y + 6, x, 3.0),
                (z, y, x + spread * 5, 3.5),
                (z - height, y - 10, x + spread * 11 + side * 3, 2.5),
            ]
        )
        yield Solid(tube_through(limb, 6), ((0.0, gland),))


def liver_vessels(rng: np.random.Generator, lm: Landmarks) -> list[Tube]:
    """Courses of the hepatic veins and portal branches inside the liver."""
    liver = lm.places.get("liver")
    if liver is None:
        return []
    confluence = np.array(
        [liver.centre[0] + 0.35 * (liver.high[0] - liver.centre[0]), liver.centre[1] - 12, lm.midline_x + 24]
    )
    hilum = np.array([liver.centre[0] - 14, liver.centre[1] - 6, lm.midline_x + 34])
    tubes = []
    for root, ends in (
        (confluence, ((-55, -20, 60), (-45, 45, 25), (-10, 50, -45))),
        (hilum, ((10, -25, 65), (-25, 15, 60), (20, 30, 45), (25, 45, -25))),
    ):
        for end in ends:
            tip = root + np.array(end) + rng.normal(0, 8, 3)
            middle = (root + tip) / 2 + rng.normal(0, 5, 3)
            knots = np.array([(*root, 5.5), (*middle, 4.0), (*tip, 1.8)])
            curve = smooth_curve(knots, 8)
            tubes.append(Tube(curve[:, :3], curve[:, 3]))
    return tubes
