"""The trunk: skin, fat, muscle wall, ribs, lungs and diaphragm, from smooth fields on a coarse lattice."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from flarecli.phantom.body.landmarks import OVERVIEW_STEP_MM, Landmarks
from flarecli.phantom.drawing.canvas import Canvas, Palette
from flarecli.phantom.drawing.lattice import NoiseField, upsampled
from flarecli.phantom.randomness import spread_uniform
from flarecli.phantom.tissues import Tissue

_FIELD_STEP_MM = 8.0
_RIB_HALF_MM = (6.0, 4.2)
"""Half the height and half the thickness of a rib."""


@dataclass(frozen=True)
class Torso:
    """The body wall, lungs and diaphragm. Distances in mm.

    Attributes:
        landmarks: The patient's.
        wall_mm: Thickness of the muscle wall at the flank.
        fat_mm: Thickness of the fat under the skin, front and sides.
        back_mm: How much thicker the back is (its muscles).
        skin_mm: Thickness of the skin.
        rib_pitch_mm: Distance of the ribs along z.
        rib_phase_mm: Position of the first rib along z.
        rib_slope_mm: Descent of a rib from back to front.
        lung_gap_mm: Thickness of the diaphragm.
        ascites_mm: Thickness of free fluid inside the wall; 0 for none.
        irregularity: Field that varies the thickness of wall and fat.
        filaments: Two fields whose common zero lines are the courses of small vessels.
        parts: Part numbers by name.
    """

    landmarks: Landmarks
    wall_mm: float
    fat_mm: float
    back_mm: float
    skin_mm: float
    rib_pitch_mm: float
    rib_phase_mm: float
    rib_slope_mm: float
    lung_gap_mm: float
    ascites_mm: float
    irregularity: NoiseField
    filaments: tuple[NoiseField, NoiseField]
    parts: dict[str, int]

    def draw(self, canvas: Canvas) -> None:
        """Draw everything from the skin to the visceral fat and the lungs; viscera are drawn later."""
        fields = _fields(canvas, self)
        outside_wall, outside_skin, above_dome, azimuth = fields
        parts, number = canvas.parts, self.parts
        variation = self.irregularity.on(canvas.grid)

        body = outside_skin < 0
        parts[body] = number["fat"]
        parts[body & (outside_skin > -self.skin_mm)] = number["skin"]
        wall = self.wall_mm * (1 - 0.3 * (azimuth > 0.8))
        muscle = (outside_wall < wall * (1 + 0.15 * variation)) & body
        parts[muscle] = number["muscle"]
        planes = np.abs(outside_wall - wall * np.float32(0.5) + 2 * variation) < 0.7
        parts[planes & muscle & (azimuth > 0.3) & (azimuth < 0.8) & (above_dome < -70)] = number["visceral_fat"]
        inside = outside_wall < 0
        parts[inside] = number["visceral_fat"]
        if self.ascites_mm:
            parts[inside & (outside_wall > -self.ascites_mm * (1 + 0.6 * variation))] = number["fluid"]
        first, second = (field.on(canvas.grid) for field in self.filaments)
        thread = (np.abs(first) < 0.16) & (np.abs(second) < 0.16)
        parts[thread & inside] = number["small_vessel"]
        self._draw_lungs(canvas, outside_wall, above_dome, thread, variation)
        self._draw_ribs(canvas, outside_wall, above_dome, azimuth)

    def _draw_lungs(
        self,
        canvas: Canvas,
        outside_wall: np.ndarray,
        above_dome: np.ndarray,
        thread: np.ndarray,
        variation: np.ndarray,
    ) -> None:
        lm = self.landmarks
        z, y, x = canvas.position
        pleura = (outside_wall < -1) & (above_dome > -self.lung_gap_mm)
        canvas.parts[pleura] = self.parts["muscle"]
        # Narrow between the lungs at the front and in the middle, wider around the spine.
        width = np.float32(0.13 * lm.half_width) + np.clip(np.float32(lm.spine_y + 25) - y, 0, 40)
        mediastinum = np.abs(x - np.float32(lm.midline_x - 6) + 5 * variation) < width + 4 * variation
        apex = z > np.float32(lm.top_z + 215)
        lung = (outside_wall < -3) & (above_dome > 0) & ~mediastinum & ~apex
        canvas.parts[(outside_wall < -3) & (above_dome > 0) & mediastinum] = self.parts["visceral_fat"]
        canvas.parts[lung] = self.parts["lung"]
        canvas.parts[lung & thread] = self.parts["lung_vessel"]

    def _draw_ribs(self, canvas: Canvas, outside_wall: np.ndarray, above_dome: np.ndarray, azimuth: np.ndarray) -> None:
        lm = self.landmarks
        middle = np.float32(0.45 * self.wall_mm)
        pitch = np.float32(self.rib_pitch_mm)
        cage = (np.abs(outside_wall - middle) < _RIB_HALF_MM[1]) & (azimuth > 0.16) & (azimuth < 0.93)
        voxels = np.flatnonzero(cage)
        z, around = canvas.position[0].ravel()[voxels], azimuth.ravel()[voxels]
        across = np.mod(z + self.rib_slope_mm * around + self.rib_phase_mm, pitch) - pitch / 2
        through = outside_wall.ravel()[voxels] - middle
        shell = np.hypot(across / _RIB_HALF_MM[0], through / _RIB_HALF_MM[1])
        # The costal arch: towards the front the cage ends higher.
        lowest = lm.top_z - 165 + 208 * np.maximum(around - 0.45, 0)
        rib = (shell < 1) & (z > lowest)
        bony = around < 0.78
        parts = canvas.parts.reshape(-1)
        parts[voxels[rib & bony]] = self.parts["cortical"]
        parts[voxels[rib & bony & (shell < 0.5)]] = self.parts["trabecular"]
        parts[voxels[rib & ~bony]] = self.parts["cartilage"]
        sternum = (azimuth > 0.94) & (np.abs(outside_wall - middle) < 5)
        canvas.parts[sternum & (canvas.position[0] > np.float32(lm.top_z - 25))] = self.parts["trabecular"]


def draw_torso(
    rng: np.random.Generator, landmarks: Landmarks, palette: Palette, *, corpulence: float, ascites: bool, spread: float
) -> Torso:
    """Draw the dimensions of a trunk.

    `corpulence` is 0 for a thin and 1 for an obese patient; `spread` scales the variation of muscles and fat.
    """
    parts = {
        "skin": palette.add(Tissue.SKIN),
        "fat": palette.add(Tissue.SUBCUTANEOUS_FAT),
        "visceral_fat": palette.add(Tissue.VISCERAL_FAT),
        "muscle": palette.add(Tissue.MUSCLE),
        "small_vessel": palette.add(Tissue.SMALL_VESSEL),
        "lung": palette.add(Tissue.LUNG),
        "lung_vessel": palette.add(Tissue.LUNG_VESSEL),
        "cortical": palette.add(Tissue.CORTICAL_BONE),
        "trabecular": palette.add(Tissue.TRABECULAR_BONE),
        "cartilage": palette.add(Tissue.CARTILAGE),
        "fluid": palette.add(Tissue.FLUID),
    }
    return Torso(
        landmarks=landmarks,
        wall_mm=spread_uniform(rng, 9, 17, spread, least=5),
        fat_mm=4 + 34 * corpulence * rng.uniform(0.7, 1.3),
        back_mm=spread_uniform(rng, 16, 26, spread, least=8),
        skin_mm=rng.uniform(1.5, 2.8),
        rib_pitch_mm=rng.uniform(26, 34),
        rib_phase_mm=rng.uniform(0, 34),
        rib_slope_mm=rng.uniform(130, 220),
        lung_gap_mm=rng.uniform(2, 4.5),
        ascites_mm=rng.uniform(5, 30) if ascites else 0.0,
        irregularity=NoiseField.draw(rng, 40.0),
        filaments=(NoiseField.draw(rng, 14.0), NoiseField.draw(rng, 14.0)),
        parts=parts,
    )


def _fields(canvas: Canvas, torso: Torso) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Distance outside the muscle wall's inner face, outside the skin, above the diaphragm (mm), and azimuth.

    The azimuth is 0 at the spine and 1 at the front, on both sides.
    """
    lm = torso.landmarks
    lattice = canvas.grid.coarser(_FIELD_STEP_MM)
    z, y, x = Canvas(lattice, canvas.pose).position
    dy, dx = y - np.float32(lm.centre_y), x - np.float32(lm.midline_x)
    radius = np.hypot(dy, dx)
    angle = np.arctan2(dy, dx)
    levels, angles = lm.wall_radius.shape
    step = lm.wall_z[1] - lm.wall_z[0]
    level = np.clip((z - lm.wall_z[0]) / step, 0, levels - 1)
    sector = (angle + np.pi) / (2 * np.pi) * angles - 0.5
    wrapped = np.concatenate([lm.wall_radius[:, -1:], lm.wall_radius, lm.wall_radius[:, :2]], axis=1)
    wall = ndimage.map_coordinates(wrapped, [level, sector + 1], order=1, mode="nearest")
    # From behind (0) to the front (1).
    azimuth = np.abs(np.mod(angle + np.pi / 2 + np.pi, 2 * np.pi) - np.pi) / np.pi
    back = np.exp(-np.square(azimuth / 0.24))
    front = np.clip((azimuth - 0.4) / 0.5, 0, 1)
    skin = wall + torso.wall_mm + torso.back_mm * back + torso.fat_mm * (0.7 + 0.5 * front + 0.3 * back)
    # A shallow groove over the spine.
    skin = skin - 10 * np.exp(-np.square(azimuth / 0.035))
    dome = ndimage.map_coordinates(
        lm.dome_z,
        [(y - lm.dome_y[0]) / OVERVIEW_STEP_MM, (x - lm.dome_x[0]) / OVERVIEW_STEP_MM],
        order=1,
        mode="nearest",
    )
    values = (radius - wall, radius - skin, z - dome, azimuth)
    wall_mm, skin_mm, dome_mm, azimuth_up = (upsampled(v, lattice, canvas.grid) for v in values)
    return wall_mm, skin_mm, dome_mm, azimuth_up
