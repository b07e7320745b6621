"""A patient on a grid: which part of the body every voxel belongs to, before intensities and acquisition."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from flarecli.phantom.abdomen.gut import draw_gut
from flarecli.phantom.abdomen.urinary import draw_bladder, draw_pelves_and_ureters
from flarecli.phantom.body.exterior import draw_exterior
from flarecli.phantom.body.landmarks import Landmarks, measure_landmarks
from flarecli.phantom.body.skeleton import draw_skeleton
from flarecli.phantom.body.torso import draw_torso
from flarecli.phantom.drawing.canvas import Canvas, Drawable, Palette, Pose
from flarecli.phantom.drawing.lattice import NoiseField, SampleGrid, Vector
from flarecli.phantom.drawing.shapes import rotation_zyx
from flarecli.phantom.options import PhantomOptions
from flarecli.phantom.organs.anatomy import Anatomy, dilated
from flarecli.phantom.organs.interior import draw_organs
from flarecli.phantom.tissues import PatientIntensities, draw_intensities
from flarecli.phantom.vessels.great_vessels import draw_vessels

_SLAB_VOXELS = 4_000_000
"""Voxels drawn at a time; bounds the memory for coordinates to some 50 MB an array set."""

_FATTIER_IN_ATROPHY = 2
"""Ratio of the probabilities of a fatty pancreas with and without atrophy; both increase with age."""


@dataclass(frozen=True)
class PatientTraits:
    """Fatty infiltration of a patient's organs.

    Attributes:
        fatty_liver: Whether the liver is fatty.
        fatty_pancreas: Whether there is fat between the pancreas's lobules.
    """

    fatty_liver: bool
    fatty_pancreas: bool


@dataclass(frozen=True)
class Patient:
    """A patient on a grid.

    Attributes:
        grid: Where the voxels lie in the scanner.
        parts: Uint8 array of shape `grid.shape_zyx`: number of the part each voxel belongs to.
        palette: The parts.
        traits: Fatty infiltration.
        intensities: Intensities of the tissues.
    """

    grid: SampleGrid
    parts: np.ndarray
    palette: Palette
    traits: PatientTraits
    intensities: PatientIntensities

    def slabs(self) -> list[tuple[int, int]]:
        """First and last slice (exclusive) of the slabs that are processed at a time."""
        return _slabs(self.grid.shape_zyx)


def draw_patient(rng: np.random.Generator, grid: SampleGrid, anatomy: Anatomy, options: PhantomOptions) -> Patient:
    """Draw a patient around given organs, the middle of the organs near the middle of the grid.

    Everything is drawn as shapes in millimetres first, which are then sampled on the grid: the same random numbers
    give the same patient on any grid.
    """
    if any(options.contact_mm):
        anatomy = dilated(anatomy, float(rng.uniform(*options.contact_mm)))
    landmarks = measure_landmarks(anatomy, options.wall_gap_mm)
    traits = _draw_traits(rng, anatomy, options)
    intensities = draw_intensities(rng, options, fatty_liver=traits.fatty_liver, fatty_pancreas=traits.fatty_pancreas)
    palette = Palette()
    scene = _draw_scene(rng, anatomy, landmarks, palette, options)
    pose = _draw_pose(rng, landmarks, options)
    parts = np.empty(grid.shape_zyx, np.uint8)
    for start, stop in _slabs(grid.shape_zyx):
        canvas = Canvas(grid.slab(start, stop), pose)
        for drawable in scene:
            drawable.draw(canvas)
        parts[start:stop] = canvas.parts
    return Patient(grid, parts, palette, traits, intensities)


def _draw_traits(rng: np.random.Generator, anatomy: Anatomy, options: PhantomOptions) -> PatientTraits:
    """Draw the fatty infiltration of a patient with these organs."""
    fatty_liver = rng.random() < options.fatty_liver
    times = _FATTIER_IN_ATROPHY if anatomy.is_pancreas_atrophic else 1
    return PatientTraits(bool(fatty_liver), bool(rng.random() < times * options.fatty_pancreas))


def _slabs(shape_zyx: tuple[int, int, int]) -> list[tuple[int, int]]:
    step = max(1, _SLAB_VOXELS // (shape_zyx[1] * shape_zyx[2]))
    return [(start, min(start + step, shape_zyx[0])) for start in range(0, shape_zyx[0], step)]


def centred_grid(shape_zyx: tuple[int, int, int], spacing_mm: Vector) -> SampleGrid:
    """The grid whose middle is the scanner's origin."""
    z, y, x = (-(n - 1) / 2 * step for n, step in zip(shape_zyx, spacing_mm, strict=True))
    return SampleGrid(shape_zyx, spacing_mm, (z, y, x))


def _draw_scene(
    rng: np.random.Generator, anatomy: Anatomy, lm: Landmarks, palette: Palette, options: PhantomOptions
) -> list[Drawable]:
    thinnest, fattest = options.corpulence
    torso = draw_torso(
        rng,
        lm,
        palette,
        corpulence=thinnest + (fattest - thinnest) * float(rng.beta(1.4, 2.2)),
        ascites=bool(rng.random() < options.ascites),
        spread=options.build_spread,
    )
    scene: list[Drawable] = [torso, *draw_exterior(rng, lm, torso, palette, options)]
    scene += draw_skeleton(rng, lm, palette, options.build_spread)
    scene += draw_vessels(rng, anatomy, lm, palette, options)
    # The gut fills the remaining space: it never replaces bone, muscle or great vessels.
    scene += draw_gut(rng, lm, palette, options)
    scene.append(draw_bladder(rng, lm, palette))
    scene.append(draw_organs(rng, anatomy, lm, palette, options, torso.parts["visceral_fat"]))
    scene += draw_pelves_and_ureters(rng, lm, palette, options)
    return scene


def _draw_pose(rng: np.random.Generator, lm: Landmarks, options: PhantomOptions) -> Pose:
    angles = rng.uniform(-1, 1, 3) * options.rotation_deg
    boxes = [(p.low, p.high) for p in lm.places.values()]
    middle = (np.min([b[0] for b in boxes], 0) + np.max([b[1] for b in boxes], 0)) / 2 if boxes else np.zeros(3)
    shift = rng.uniform(-1, 1, 3) * options.shift_mm
    warp = tuple(
        (
            (NoiseField.draw(rng, 80.0), 4.5 * options.warp),
            (NoiseField.draw(rng, 28.0), 1.5 * options.warp),
        )
        for _ in range(3)
    )
    return Pose(rotation_zyx(angles), middle + shift, warp, NoiseField.draw(rng, 9.0))
