"""Acquisition: from tissues to a scan, with intensities, blur, noise and field of view."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from flarecli.phantom.drawing.canvas import MAX_PARTS, Palette
from flarecli.phantom.drawing.lattice import NoiseField, SampleGrid, Vector
from flarecli.phantom.options import PhantomOptions
from flarecli.phantom.tissues import TISSUE_INTENSITIES, PatientIntensities

HU_RANGE = (-1024, 3071)
"""Range of 12 bits with the usual rescale intercept."""

OUTSIDE_HU = -1024
"""Value that scanners store outside their field of view."""

FINE_STEP_MM = 5.0
COARSE_STEP_MM = 14.0
"""Lattice steps of the fields that make tissues inhomogeneous."""

POCKETS_BELOW = -0.9
POCKET_DEPTH = -3.5
MOTTLING = 0.4
"""Mottled tissue: where the fine field is below the first, gas, darker by the second times its texture; elsewhere the
third times the fine field."""

LEAST_BLUR = 0.2
LEAST_GRAIN = 0.25
"""Standard deviations, in voxels, below which blur and correlation of the noise are left out."""

NOISE_AT_EDGE = 0.6
NOISE_FROM_DEPTH = 0.55
NOISE_REACH_MM = (110.0, 160.0)
"""Relative noise at the edge of the field, the increase in the middle of the body, and the extent of that along y and
x."""


@dataclass(frozen=True)
class Textures:
    """Texture fields of unit standard deviation.

    Attributes:
        fine: Features of about 6 mm.
        coarse: Features of about 25 mm.
    """

    fine: NoiseField
    coarse: NoiseField


@dataclass(frozen=True)
class PartIntensities:
    """Intensities of the parts of a scene; float32 arrays of shape `(256,)`, indexed by part number, HU.

    Attributes:
        mean_hu: Mean intensity.
        fine_hu: Amplitude of the fine field.
        coarse_hu: Amplitude of the coarse field.
        mottled_hu: Amplitude of mottling, with pockets of gas.
    """

    mean_hu: np.ndarray
    fine_hu: np.ndarray
    coarse_hu: np.ndarray
    mottled_hu: np.ndarray


@dataclass(frozen=True)
class Acquisition:
    """Acquisition parameters of a scan.

    Attributes:
        noise_hu: Standard deviation of the noise in the image.
        noise_grain_mm: Standard deviation of the Gaussian that correlates it in the plane.
        blur_mm: Standard deviation of the blur along z, y and x.
        offset_hu: Calibration offset.
        cut_z: Fractions of the grid along z between which slices are inside the field of view.
        circle_mm: Radius of the circular reconstruction field; None for none.
    """

    noise_hu: float
    noise_grain_mm: float
    blur_mm: Vector
    offset_hu: float
    cut_z: tuple[float, float]
    circle_mm: float | None


def draw_textures(rng: np.random.Generator) -> Textures:
    """Draw the fields."""
    return Textures(NoiseField.draw(rng, FINE_STEP_MM), NoiseField.draw(rng, COARSE_STEP_MM))


def draw_acquisition(rng: np.random.Generator, options: PhantomOptions, grid: SampleGrid) -> Acquisition:
    """Draw the acquisition parameters of the scan on this grid."""
    thickness = rng.uniform(*options.slice_thickness_mm)
    # A slice profile as wide as the slice distance has no effect beyond sampling.
    beyond = np.sqrt(max(thickness**2 - (0.6 * grid.spacing_mm[0]) ** 2, 0.0)) / 2.355
    plane = rng.uniform(*options.blur_mm)
    cut = (0.0, 1.0)
    if rng.random() < options.cut_field:
        part = rng.uniform(0.05, 0.4)
        cut = (part, 1.0) if rng.random() < 0.5 else (0.0, 1 - part)
    widest = max(n * s for n, s in zip(grid.shape_zyx[1:], grid.spacing_mm[1:], strict=True))
    circle = 0.5 * widest * rng.uniform(0.97, 1.0) if rng.random() < options.circular_field else None
    low, high = options.noise_hu
    return Acquisition(
        noise_hu=float(np.exp(rng.uniform(np.log(low), np.log(high)))),
        noise_grain_mm=rng.uniform(0.5, 1.1),
        blur_mm=(float(beyond), plane, plane),
        offset_hu=rng.uniform(-1, 1) * options.hu_offset,
        cut_z=cut,
        circle_mm=circle,
    )


def part_intensities(palette: Palette, look: PatientIntensities) -> PartIntensities:
    """Intensities of the parts of a scene in a patient with these tissue intensities."""
    mean = np.zeros(MAX_PARTS, np.float32)
    fine, coarse, mottled = (np.zeros(MAX_PARTS, np.float32) for _ in range(3))
    by_kind = {"fine": fine, "coarse": coarse, "mottled": mottled}
    for number, part in enumerate(palette.parts):
        mean[number] = look.mean_hu[part.tissue] + part.offset_hu
        by_kind[TISSUE_INTENSITIES[part.tissue].texture][number] = look.texture_hu[part.tissue]
    return PartIntensities(mean, fine + coarse * np.float32(0.5), coarse, mottled)


def tissue_hu(parts: np.ndarray, intensities: PartIntensities, textures: Textures, grid: SampleGrid) -> np.ndarray:
    """Intensities of a map of parts on a grid, without blur and noise; float32, HU."""
    fine_field = textures.fine.on(grid)
    hu = intensities.mean_hu[parts]
    hu += intensities.fine_hu[parts] * fine_field
    hu += intensities.coarse_hu[parts] * textures.coarse.on(grid)
    # Stool: mostly soft, with pockets of gas where the fine field is low.
    grainy = intensities.mottled_hu[parts]
    hu += grainy * np.where(fine_field < POCKETS_BELOW, np.float32(POCKET_DEPTH), np.float32(MOTTLING) * fine_field)
    return hu


def acquire(hu: np.ndarray, grid: SampleGrid, acquisition: Acquisition, rng: np.random.Generator) -> np.ndarray:
    """The scan: int16 HU in `HU_RANGE`, of the shape of `hu`, which is overwritten."""
    sigma = [mm / step for mm, step in zip(acquisition.blur_mm, grid.spacing_mm, strict=True)]
    sigma = [s if s > LEAST_BLUR else 0.0 for s in sigma]
    if any(sigma):
        ndimage.gaussian_filter(hu, sigma, output=hu, mode="nearest", truncate=3.0)
    _add_noise(hu, grid, acquisition, rng)
    hu += np.float32(acquisition.offset_hu)
    _limit_field(hu, grid, acquisition)
    np.clip(hu, *HU_RANGE, out=hu)
    return np.rint(hu, out=hu).astype(np.int16)


def field_of_view(grid: SampleGrid, acquisition: Acquisition) -> np.ndarray:
    """Boolean array, broadcastable to the grid: what lies inside the field of view."""
    count = grid.shape_zyx[0]
    slices = np.arange(count)
    inside = (slices >= round(acquisition.cut_z[0] * count)) & (slices < round(acquisition.cut_z[1] * count))
    seen = inside[:, None, None]
    if acquisition.circle_mm is not None:
        y, x = (grid.axis_mm(axis) - grid.axis_mm(axis).mean() for axis in (1, 2))
        seen = seen & (np.hypot(y[:, None], x[None]) <= acquisition.circle_mm)[None]
    return seen


def _add_noise(hu: np.ndarray, grid: SampleGrid, acquisition: Acquisition, rng: np.random.Generator) -> None:
    """Add noise that is correlated in the plane and stronger in the middle of the body."""
    grain = [acquisition.noise_grain_mm / step for step in grid.spacing_mm[1:]]
    grain = [g if g > LEAST_GRAIN else 0.0 for g in grain]
    y, x = (grid.axis_mm(axis) - grid.axis_mm(axis).mean() for axis in (1, 2))
    depth = np.exp(-(np.square(y / NOISE_REACH_MM[0])[:, None] + np.square(x / NOISE_REACH_MM[1])[None]))
    level = (acquisition.noise_hu * (NOISE_AT_EDGE + NOISE_FROM_DEPTH * depth)).astype(np.float32)
    for plane in hu:
        noise = rng.standard_normal(plane.shape, dtype=np.float32)
        if any(grain):
            noise = ndimage.gaussian_filter(noise, grain, mode="wrap", truncate=3.0)
            noise /= max(float(noise.std()), 1e-6)
        plane += noise * level


def _limit_field(hu: np.ndarray, grid: SampleGrid, acquisition: Acquisition) -> None:
    seen = field_of_view(grid, acquisition)
    if not seen.all():
        np.copyto(hu, np.float32(OUTSIDE_HU), where=~seen)
