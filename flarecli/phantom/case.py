"""One call that makes a scan: anatomy, surroundings, intensities, acquisition."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from flarecli.errors import UsageError
from flarecli.organs import LABEL_NAMES, ORGANS
from flarecli.phantom.acquisition import acquire, draw_acquisition, draw_textures, tissue_hu, visible
from flarecli.phantom.anatomy import Anatomy
from flarecli.phantom.canvas import Canvas, Drawable, Palette, Pose
from flarecli.phantom.exterior import draw_exterior
from flarecli.phantom.gut import draw_gut
from flarecli.phantom.interior import draw_organs
from flarecli.phantom.landmarks import Landmarks, measure_landmarks
from flarecli.phantom.lattice import NoiseField, SampleGrid, Vector
from flarecli.phantom.options import PhantomOptions, options_for
from flarecli.phantom.procedural import procedural_anatomy
from flarecli.phantom.shapes import rotation_zyx
from flarecli.phantom.skeleton import draw_skeleton
from flarecli.phantom.tissues import draw_look
from flarecli.phantom.torso import draw_torso
from flarecli.phantom.urinary import draw_bladder, draw_pelves_and_ureters
from flarecli.phantom.vessels import draw_vessels

_REUSED_BYTES = 31 << 20
"""Just below the 32 MiB from which glibc always asks the system."""

_SLAB_VOXELS = 4_000_000
"""Voxels drawn at a time; bounds the memory for coordinates to some 50 MB an array set."""

_FATTIER_IN_ATROPHY = 2
"""How many times as often an atrophic pancreas is fatty as a healthy one: age brings both."""


@dataclass(frozen=True)
class Phantom:
    """A synthetic scan.

    Attributes:
        voxels: Int16 HU, (z, y, x), RAS+.
        labels: Uint8 of the same shape: 0 background, 1 liver, 2 kidneys, 3 spleen, 4 pancreas.
        spacing_mm: Distance of voxels along z, y and x.
        facts: How it was made, for records: seed, phase, what is unusual about the patient.
        surroundings: Uint8 of the same shape, where asked for: which of `SURROUNDINGS` a voxel is, from 1; 0 in the
            organs and elsewhere.
    """

    voxels: np.ndarray
    labels: np.ndarray
    spacing_mm: Vector
    facts: dict[str, Any]
    surroundings: np.ndarray | None = None


def make_phantom(
    seed: int,
    *,
    shape_zyx: tuple[int, int, int],
    spacing_mm: Vector,
    strength: str = "realistic",
    options: PhantomOptions | None = None,
    anatomy: Anatomy | None = None,
    with_surroundings: bool = False,
) -> Phantom:
    """Make a scan of a synthetic patient, the middle of the organs near the middle of the grid.

    The same arguments give the same bytes.

    Args:
        seed: Decides everything about the patient and the scan.
        shape_zyx: Number of voxels.
        spacing_mm: Their distance along z, y and x.
        strength: "realistic" or "wide", see `PhantomOptions`.
        options: Used instead of `strength`.
        anatomy: The organs; drawn procedurally where none are given.
        with_surroundings: Whether to say what the surroundings are made of, too.

    Raises:
        UsageError: when the strength is unknown, or shape or spacing cannot be a grid.
    """
    _check_grid(shape_zyx, spacing_mm)
    _keep_freed_memory()
    chosen = options or options_for(strength)
    rng = np.random.default_rng(seed)
    if anatomy is None:
        anatomy = procedural_anatomy(rng, chosen)
    lm = measure_landmarks(anatomy)
    z, y, x = (-(n - 1) / 2 * step for n, step in zip(shape_zyx, spacing_mm, strict=True))
    grid = SampleGrid(shape_zyx, spacing_mm, (z, y, x))
    fatty = rng.random() < chosen.fatty_liver
    times = _FATTIER_IN_ATROPHY if anatomy.is_pancreas_atrophic else 1
    fatty_pancreas = rng.random() < times * chosen.fatty_pancreas
    look = draw_look(rng, chosen, fatty_liver=fatty, fatty_pancreas=fatty_pancreas)
    palette = Palette()
    scene = _draw_scene(rng, anatomy, lm, palette, chosen)
    pose = _draw_pose(rng, lm, chosen)
    textures = draw_textures(rng)
    acquisition = draw_acquisition(rng, chosen, grid)

    hu = np.empty(shape_zyx, np.float32)
    labels = np.empty(shape_zyx, np.uint8)
    surroundings = np.empty(shape_zyx, np.uint8) if with_surroundings else None
    label_of_part, kind_of_part = palette.labels(), palette.surroundings()
    step = max(1, _SLAB_VOXELS // (shape_zyx[1] * shape_zyx[2]))
    for start in range(0, shape_zyx[0], step):
        stop = min(start + step, shape_zyx[0])
        canvas = Canvas(grid.slab(start, stop), pose)
        for drawable in scene:
            drawable.draw(canvas)
        hu[start:stop] = tissue_hu(canvas.parts, palette, look, textures, canvas.grid)
        labels[start:stop] = label_of_part[canvas.parts]
        if surroundings is not None:
            surroundings[start:stop] = kind_of_part[canvas.parts]
    voxels = acquire(hu, grid, acquisition, rng)
    seen = visible(grid, acquisition)
    labels *= seen
    if surroundings is not None:
        surroundings *= seen
    facts = {
        "seed": seed,
        "shape_zyx": list(shape_zyx),
        "spacing_mm": list(spacing_mm),
        "anatomy": anatomy.source,
        "phase": str(look.phase),
        "fatty_liver": bool(fatty),
        "fatty_pancreas": bool(fatty_pancreas),
        "noise_hu": round(acquisition.noise_hu, 2),
        "blur_mm": [round(mm, 2) for mm in acquisition.blur_mm],
        "volumes_ml": _volumes_ml(labels, spacing_mm),
    }
    return Phantom(voxels, labels, spacing_mm, facts, surroundings)


def _keep_freed_memory() -> None:
    """Let the C library reuse freed arrays instead of returning them to the system.

    glibc raises its thresholds when a large block is freed; without it a third of a small phantom's time goes
    into page faults (55,000 of them). Elsewhere it does nothing.
    """
    np.empty(_REUSED_BYTES, np.uint8)


def _volumes_ml(labels: np.ndarray, spacing_mm: Vector) -> dict[str, float]:
    counts = np.bincount(labels.ravel(), minlength=len(LABEL_NAMES))
    voxel_ml = float(np.prod(spacing_mm)) / 1000
    return {organ.name: round(float(counts[organ.label]) * voxel_ml, 2) for organ in ORGANS}


def _draw_scene(
    rng: np.random.Generator, anatomy: Anatomy, lm: Landmarks, palette: Palette, options: PhantomOptions
) -> list[Drawable]:
    torso = draw_torso(
        rng,
        lm,
        palette,
        corpulence=float(rng.beta(1.4, 2.2)),
        ascites=bool(rng.random() < options.ascites),
        spread=options.build_spread,
    )
    scene: list[Drawable] = [torso, *draw_exterior(rng, lm, torso, palette, options)]
    scene += draw_skeleton(rng, lm, palette, options.build_spread)
    scene += draw_vessels(rng, anatomy, lm, palette, options)
    # The gut fills what is left: it never pushes bone, muscle or great vessels aside.
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


def _check_grid(shape_zyx: tuple[int, int, int], spacing_mm: Vector) -> None:
    if len(shape_zyx) != 3 or any(n < 1 for n in shape_zyx):
        raise UsageError(
            "this shape is not a grid",
            seen=shape_zyx,
            expected="three positive numbers",
            remedy="Give z, y and x.",
        )
    if len(spacing_mm) != 3 or not all(0.1 <= s <= 20 for s in spacing_mm):
        raise UsageError(
            "this spacing cannot be used",
            seen=spacing_mm,
            expected="three numbers of 0.1 to 20 mm",
            remedy="Give the distance of voxels along z, y and x in mm.",
        )
