"""The four organs themselves and what lies inside them: cortex and medulla, vessels, lesions, cysts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from flarecli.geometry import Window
from flarecli.phantom.body.landmarks import Landmarks
from flarecli.phantom.drawing.canvas import MAX_PARTS, Canvas, Palette, Solid
from flarecli.phantom.drawing.shapes import Ellipsoid
from flarecli.phantom.options import PhantomOptions
from flarecli.phantom.organs.anatomy import Anatomy
from flarecli.phantom.tissues import Tissue
from flarecli.phantom.vessels.great_vessels import liver_vessels

_GUT_WALL_MM = 2.5
_LUMEN = (Tissue.GUT_FLUID, Tissue.GUT_FOOD, Tissue.STOOL, Tissue.GAS)
_TISSUE_OF_LABEL = {1: Tissue.LIVER, 2: Tissue.KIDNEY_CORTEX, 3: Tissue.SPLEEN, 4: Tissue.PANCREAS}


@dataclass(frozen=True)
class Organs:
    """The organs, drawn over everything else.

    Attributes:
        anatomy: Their shapes.
        rim_mm: Thickness of the fat drawn around each organ where it in_contact the gut, in the anatomy's order.
        body_part: Part number of each label's tissue.
        medulla: Part number of the kidneys' medulla.
        cortex_mm: Thickness of the cortex.
        rim: Part number of the rim.
        rind_mm: Thickness of the unlabelled soft tissue around each organ, in the anatomy's order.
        rind: Part number of that.
        covered: Which part numbers the rind may replace.
        replaceable: Which part numbers the rim may replace.
        gut_wall: Part number of the wall drawn where gut in_contact an organ or its rim.
        lumen: Which part numbers fill the gut.
        inside: What is drawn inside the organs.
        in_contact: Whether organs touch: where two overlap, a voxel belongs to the one with the greater depth.
    """

    anatomy: Anatomy
    rim_mm: tuple[float, ...]
    body_part: dict[int, int]
    medulla: int
    cortex_mm: float
    rim: int
    rind_mm: tuple[float, ...]
    rind: int
    covered: np.ndarray
    replaceable: np.ndarray
    gut_wall: int
    lumen: np.ndarray
    inside: tuple[Solid, ...]
    in_contact: bool = False

    def draw(self, canvas: Canvas) -> None:
        """Draw rims, rinds, organs, and their insides."""
        found = [organ.depth(canvas) for organ in self.anatomy.organs]
        for reached, rim_mm in zip(found, self.rim_mm, strict=True):
            if reached is not None:
                window, depth = reached
                canvas.paint(window, depth > -rim_mm - _GUT_WALL_MM, self.gut_wall, self.lumen)
        for reached, rim_mm in zip(found, self.rim_mm, strict=True):
            if reached is not None and rim_mm > 0:
                window, depth = reached
                canvas.paint(window, depth > -rim_mm, self.rim, self.replaceable)
        for reached, rind_mm in zip(found, self.rind_mm, strict=True):
            if reached is not None:
                window, depth = reached
                canvas.paint(window, depth > -rind_mm, self.rind, self.covered)
        deepest = _deepest(found, canvas) if self.in_contact else None
        for organ, reached in zip(self.anatomy.organs, found, strict=True):
            if reached is None:
                continue
            window, depth = reached
            own = depth > 0
            if deepest is not None:
                own &= depth >= deepest[window]
            canvas.paint(window, own, self.body_part[organ.label])
            if organ.label == 2:
                wavy = depth + np.float32(2.2) * canvas.roughness[window]
                canvas.paint(window, (wavy > self.cortex_mm) & own, self.medulla)
        for solid in self.inside:
            solid.draw(canvas)


def draw_organs(
    rng: np.random.Generator,
    anatomy: Anatomy,
    lm: Landmarks,
    palette: Palette,
    options: PhantomOptions,
    rim: int,
) -> Organs:
    """Draw the organs' tissues. `rim` is the part number of the fat around them."""
    body = {label: palette.add(tissue, label) for label, tissue in _TISSUE_OF_LABEL.items()}
    medulla = palette.add(Tissue.KIDNEY_MEDULLA, 2)
    liver_only = palette.where(Tissue.LIVER)
    inside: list[Solid] = []
    hepatic = palette.add(Tissue.HEPATIC_VEIN, 1)
    portal = palette.add(Tissue.PORTAL_VEIN, 1)
    for number, tube in enumerate(liver_vessels(rng, lm)):
        inside.append(Solid(tube, ((0.0, hepatic if number < 3 else portal),), liver_only))
    inside += _lesions(rng, lm, palette, options, body, medulla)
    gut_wall = palette.add(Tissue.GUT_WALL)
    replaceable = palette.where(*_LUMEN, Tissue.GUT_WALL, Tissue.SMALL_VESSEL, Tissue.SOFT_TISSUE, Tissue.GALLBLADDER)
    return Organs(
        anatomy=anatomy,
        rim_mm=tuple(rng.uniform(1, 5) if rng.random() < options.fat_rim else 0.0 for _ in anatomy.organs),
        body_part=body,
        medulla=medulla,
        cortex_mm=rng.uniform(6, 10),
        rim=rim,
        rind_mm=tuple(rng.uniform(*options.rind_mm) for _ in anatomy.organs),
        rind=palette.add(Tissue.SOFT_TISSUE),
        covered=palette.where(Tissue.VISCERAL_FAT),
        replaceable=replaceable,
        gut_wall=gut_wall,
        lumen=palette.where(*_LUMEN),
        inside=tuple(inside),
        in_contact=any(options.contact_mm),
    )


def _deepest(found: list[tuple[Window, np.ndarray] | None], canvas: Canvas) -> np.ndarray:
    """The greatest depth of any organ at each voxel of the canvas, mm."""
    deepest = np.full(canvas.parts.shape, -np.inf, np.float32)
    for reached in found:
        if reached is not None:
            window, depth = reached
            np.maximum(deepest[window], depth, out=deepest[window])
    return deepest


def _lesions(
    rng: np.random.Generator,
    lm: Landmarks,
    palette: Palette,
    options: PhantomOptions,
    body: dict[int, int],
    medulla: int,
) -> list[Solid]:
    solids: list[Solid] = []
    names = {"liver": 1, "right_kidney": 2, "left_kidney": 2, "spleen": 3, "pancreas": 4}
    for name, label in names.items():
        place = lm.places.get(name)
        if place is None or rng.random() >= options.lesions * (1.0 if label in (1, 2) else 0.35):
            continue
        own = np.zeros(MAX_PARTS, bool)
        own[body[label]] = True
        own[medulla] |= label == 2
        count = rng.integers(1, 6) if label == 1 else rng.integers(1, 3)
        for _ in range(count):
            cyst = rng.random() < (0.35 if label == 1 else 0.7)
            part = palette.add(Tissue.CYST if cyst else Tissue.LESION, label, rng.normal(0, 5 if cyst else 20))
            largest = 0.3 * float((place.high - place.low).min())
            radius = min(rng.lognormal(np.log(8), 0.5), largest)
            centre = place.centre + rng.uniform(-0.4, 0.4, 3) * (place.high - place.low)
            radii = radius * rng.uniform(0.75, 1.25, 3)
            solids.append(Solid(Ellipsoid(centre, radii), ((0.0, part),), own, roughness_mm=0.8))
    return solids
