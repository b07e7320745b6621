"""Makes a synthetic scan: anatomy, surroundings, intensities, acquisition."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from flarecli.errors import UsageError
from flarecli.hardware.memory import available_bytes
from flarecli.organs import LABEL_NAMES, ORGANS
from flarecli.phantom.acquisition import (
    acquire,
    draw_acquisition,
    draw_textures,
    field_of_view,
    part_intensities,
    tissue_hu,
)
from flarecli.phantom.drawing.lattice import Vector
from flarecli.phantom.options import PhantomOptions, options_for
from flarecli.phantom.organs.anatomy import Anatomy
from flarecli.phantom.organs.procedural import procedural_anatomy
from flarecli.phantom.patient import centred_grid, draw_patient

_REUSED_BYTES = 31 << 20
"""Just below the 32 MiB from which glibc always asks the system."""


@dataclass(frozen=True)
class Phantom:
    """A synthetic scan.

    Attributes:
        voxels: Int16 HU, (z, y, x), RAS+.
        labels: Uint8 of the same shape: 0 background, 1 liver, 2 kidneys, 3 spleen, 4 pancreas.
        spacing_mm: Distance of voxels along z, y and x.
        facts: Parameters for records: seed, phase, fatty organs, acquisition, volumes.
        surroundings: Uint8 of the same shape, where requested: number of the kind in `SURROUNDINGS`, from 1; 0 in the
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
        seed: Seed of the patient and of the scan.
        shape_zyx: Number of voxels.
        spacing_mm: Their distance along z, y and x.
        strength: "realistic", "wide" or "lean", see `PhantomOptions`.
        options: Used instead of `strength`.
        anatomy: The organs; drawn procedurally where none are given.
        with_surroundings: Whether to label the surroundings, too.

    Raises:
        UsageError: when the strength is unknown, or shape or spacing cannot be a grid.
    """
    _check_grid(shape_zyx, spacing_mm)
    _keep_freed_memory()
    chosen = options or options_for(strength)
    rng = np.random.default_rng(seed)
    if anatomy is None:
        anatomy = procedural_anatomy(rng, chosen)
    grid = centred_grid(shape_zyx, spacing_mm)
    patient = draw_patient(rng, grid, anatomy, chosen)
    textures = draw_textures(rng)
    acquisition = draw_acquisition(rng, chosen, grid)

    intensities = part_intensities(patient.palette, patient.intensities)
    hu = np.empty(shape_zyx, np.float32)
    for start, stop in patient.slabs():
        hu[start:stop] = tissue_hu(patient.parts[start:stop], intensities, textures, grid.slab(start, stop))
    labels = patient.palette.labels()[patient.parts]
    surroundings = patient.palette.surroundings()[patient.parts] if with_surroundings else None
    voxels = acquire(hu, grid, acquisition, rng)
    seen = field_of_view(grid, acquisition)
    labels *= seen
    if surroundings is not None:
        surroundings *= seen
    facts = {
        "seed": seed,
        "shape_zyx": list(shape_zyx),
        "spacing_mm": list(spacing_mm),
        "anatomy": anatomy.source,
        "phase": str(patient.intensities.phase),
        "fatty_liver": patient.traits.fatty_liver,
        "fatty_pancreas": patient.traits.fatty_pancreas,
        "noise_hu": round(acquisition.noise_hu, 2),
        "blur_mm": [round(mm, 2) for mm in acquisition.blur_mm],
        "volumes_ml": _volumes_ml(labels, spacing_mm),
    }
    return Phantom(voxels, labels, spacing_mm, facts, surroundings)


def _keep_freed_memory() -> None:
    """Make the C library reuse freed arrays instead of returning them to the system.

    glibc raises its thresholds when a large block is freed; without it a third of a small phantom's time goes
    into page faults (55,000 of them). Elsewhere it does nothing.
    """
    np.empty(_REUSED_BYTES, np.uint8)


def _volumes_ml(labels: np.ndarray, spacing_mm: Vector) -> dict[str, float]:
    counts = np.bincount(labels.ravel(), minlength=len(LABEL_NAMES))
    voxel_ml = float(np.prod(spacing_mm)) / 1000
    return {organ.name: round(float(counts[organ.label]) * voxel_ml, 2) for organ in ORGANS}


_BYTES_PER_VOXEL = 16
"""Least memory of a phantom while it is made: HU, labels and float32 fields."""


def _check_grid(shape_zyx: tuple[int, int, int], spacing_mm: Vector) -> None:
    if len(shape_zyx) != 3 or any(n < 1 for n in shape_zyx):
        raise UsageError(
            "this shape is not a grid",
            seen=shape_zyx,
            expected="three positive numbers",
            remedy="Give z, y and x.",
        )
    voxels = math.prod(shape_zyx)
    if voxels * _BYTES_PER_VOXEL > available_bytes():
        raise UsageError(
            "a phantom of this shape needs more memory than is available",
            seen=f"{shape_zyx}, at least {voxels * _BYTES_PER_VOXEL / 1e9:.1f} GB",
            expected=f"at most {available_bytes() / 1e9:.1f} GB",
            remedy="Give fewer voxels.",
        )
    if len(spacing_mm) != 3 or not all(0.1 <= s <= 20 for s in spacing_mm):
        raise UsageError(
            "this spacing cannot be used",
            seen=spacing_mm,
            expected="three numbers of 0.1 to 20 mm",
            remedy="Give the distance of voxels along z, y and x in mm.",
        )
