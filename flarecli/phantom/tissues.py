"""Tissues and their intensities by contrast phase.

Sources: the four organs from measured portal venous and unenhanced scans; late arterial and delayed phases,
and everything beside the organs, textbook values.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum, auto

import numpy as np

from flarecli.phantom.options import PhantomOptions, Phase
from flarecli.phantom.randomness import bounded_normal


class Tissue(IntEnum):
    """Tissue of a voxel."""

    AIR = 0
    SKIN = auto()
    SUBCUTANEOUS_FAT = auto()
    VISCERAL_FAT = auto()
    MUSCLE = auto()
    TRABECULAR_BONE = auto()
    CORTICAL_BONE = auto()
    DISC = auto()
    SPINAL_CANAL = auto()
    CARTILAGE = auto()
    LUNG = auto()
    LUNG_VESSEL = auto()
    HEART_MUSCLE = auto()
    HEART_BLOOD = auto()
    ARTERY = auto()
    VENA_CAVA = auto()
    PORTAL_VEIN = auto()
    HEPATIC_VEIN = auto()
    SMALL_VESSEL = auto()
    GUT_WALL = auto()
    GUT_FLUID = auto()
    GUT_FOOD = auto()
    STOOL = auto()
    GAS = auto()
    GALLBLADDER = auto()
    ADRENAL = auto()
    URINE = auto()
    SOFT_TISSUE = auto()
    FLUID = auto()
    LIVER = auto()
    KIDNEY_CORTEX = auto()
    KIDNEY_MEDULLA = auto()
    SPLEEN = auto()
    PANCREAS = auto()
    LESION = auto()
    CYST = auto()
    TABLE = auto()


@dataclass(frozen=True)
class TissueIntensity:
    """Intensity and texture of a tissue.

    Attributes:
        hu: Mean in the unenhanced, late arterial, portal venous and delayed phase, HU.
        spread_hu: Standard deviation of the mean between patients.
        texture_hu: Standard deviation of its inhomogeneity.
        texture: Which texture: "fine" (features of some 4 mm), "coarse" (20 mm), "mottled" (fine, with gas).
    """

    hu: tuple[float, float, float, float]
    spread_hu: float = 8.0
    texture_hu: float = 4.0
    texture: str = "fine"


def _always(hu: float) -> tuple[float, float, float, float]:
    return hu, hu, hu, hu


TISSUE_INTENSITIES: dict[Tissue, TissueIntensity] = {
    Tissue.AIR: TissueIntensity(_always(-1000), 0, 0),
    Tissue.SKIN: TissueIntensity(_always(20), 25, 10),
    Tissue.SUBCUTANEOUS_FAT: TissueIntensity(_always(-104), 6, 5),
    Tissue.VISCERAL_FAT: TissueIntensity(_always(-98), 8, 8),
    Tissue.MUSCLE: TissueIntensity((52, 58, 64, 62), 7, 9),
    Tissue.TRABECULAR_BONE: TissueIntensity(_always(170), 40, 35),
    Tissue.CORTICAL_BONE: TissueIntensity(_always(620), 140, 90),
    Tissue.DISC: TissueIntensity(_always(85), 15, 6),
    Tissue.SPINAL_CANAL: TissueIntensity((25, 28, 32, 30), 7, 4),
    Tissue.CARTILAGE: TissueIntensity(_always(110), 30, 15),
    Tissue.LUNG: TissueIntensity(_always(-840), 35, 25),
    Tissue.LUNG_VESSEL: TissueIntensity((-250, -120, -120, -180), 80, 60),
    Tissue.HEART_MUSCLE: TissueIntensity((48, 95, 105, 85), 10, 6),
    Tissue.HEART_BLOOD: TissueIntensity((42, 240, 140, 105), 15, 5),
    Tissue.ARTERY: TissueIntensity((42, 310, 155, 110), 14, 4),
    Tissue.VENA_CAVA: TissueIntensity((40, 85, 140, 110), 16, 8),
    Tissue.PORTAL_VEIN: TissueIntensity((42, 110, 165, 115), 14, 4),
    Tissue.HEPATIC_VEIN: TissueIntensity((40, 70, 155, 112), 14, 4),
    Tissue.SMALL_VESSEL: TissueIntensity((25, 110, 95, 65), 15, 10),
    Tissue.GUT_WALL: TissueIntensity((38, 85, 85, 70), 14, 8),
    Tissue.GUT_FLUID: TissueIntensity(_always(12), 12, 5),
    Tissue.GUT_FOOD: TissueIntensity(_always(35), 25, 22, "coarse"),
    Tissue.STOOL: TissueIntensity(_always(-30), 60, 110, "mottled"),
    Tissue.GAS: TissueIntensity(_always(-960), 25, 4),
    Tissue.GALLBLADDER: TissueIntensity((10, 10, 10, 12), 7, 2),
    Tissue.ADRENAL: TissueIntensity((25, 65, 75, 50), 12, 4),
    Tissue.URINE: TissueIntensity((5, 5, 8, 60), 6, 2),
    Tissue.SOFT_TISSUE: TissueIntensity((40, 60, 75, 65), 12, 8),
    Tissue.FLUID: TissueIntensity(_always(10), 7, 2),
    Tissue.LIVER: TissueIntensity((57, 78, 108, 95), 11, 4, "coarse"),
    Tissue.KIDNEY_CORTEX: TissueIntensity((32, 195, 180, 130), 18, 6),
    Tissue.KIDNEY_MEDULLA: TissueIntensity((29, 90, 150, 130), 18, 6),
    Tissue.SPLEEN: TissueIntensity((47, 130, 112, 95), 10, 4, "coarse"),
    Tissue.PANCREAS: TissueIntensity((38, 108, 95, 78), 13, 10),
    Tissue.LESION: TissueIntensity((38, 55, 62, 62), 22, 8),
    Tissue.CYST: TissueIntensity(_always(8), 6, 2),
    Tissue.TABLE: TissueIntensity(_always(-150), 150, 20),
}

PHASE_ORDER = (Phase.UNENHANCED, Phase.ARTERIAL, Phase.PORTAL_VENOUS, Phase.DELAYED)

_ARTERIAL_SPLEEN_MOTTLING = 5.0
"""In the arterial phase red and white pulp enhance at different speeds."""

_FAT_IN_PANCREAS = (0.08, 0.6)
"""Fraction of its volume in fatty infiltration; with the largest, the unenhanced organ is darker than water."""

_LOBULES_SEEN = (0.15, 0.45)
"""Fraction of the contrast between lobules and the fat between them that is visible at the resolution of CT."""

_BLOOD = (Tissue.HEART_BLOOD, Tissue.ARTERY, Tissue.VENA_CAVA, Tissue.PORTAL_VEIN, Tissue.HEPATIC_VEIN)
_SPREAD_OF_BLOOD_HU = {Phase.UNENHANCED: 1.5, Phase.DELAYED: 6.0}
"""Standard deviation between the vessels of one patient, where contrast agent is absent or evenly distributed."""

_PARENCHYMA = (
    Tissue.LIVER,
    Tissue.KIDNEY_CORTEX,
    Tissue.KIDNEY_MEDULLA,
    Tissue.SPLEEN,
    Tissue.PANCREAS,
)


_CONFUSABLE = (
    Tissue.MUSCLE,
    Tissue.HEART_MUSCLE,
    Tissue.HEART_BLOOD,
    Tissue.VENA_CAVA,
    Tissue.PORTAL_VEIN,
    Tissue.HEPATIC_VEIN,
    Tissue.SMALL_VESSEL,
    Tissue.GUT_WALL,
    Tissue.GUT_FLUID,
    Tissue.GUT_FOOD,
    Tissue.GALLBLADDER,
    Tissue.ADRENAL,
    Tissue.SOFT_TISSUE,
)


@dataclass(frozen=True)
class PatientIntensities:
    """Intensities of one patient.

    Attributes:
        mean_hu: Float32 array indexed by `Tissue`.
        texture_hu: Float32 array indexed by `Tissue`.
        phase: The contrast phase they come from.
    """

    mean_hu: np.ndarray
    texture_hu: np.ndarray
    phase: Phase


def draw_intensities(
    rng: np.random.Generator, options: PhantomOptions, *, fatty_liver: bool, fatty_pancreas: bool = False
) -> PatientIntensities:
    """Draw a patient's intensities.

    The strength of the contrast varies between patients, a common shift moves all parenchyma, and each tissue has its
    own offset, but blood without contrast, or long after it, is as bright in all vessels; with probability
    `options.unnatural_hu` the parenchyma takes any value of soft tissue.
    """
    column = int(rng.choice(len(PHASE_ORDER), p=options.phase_shares))
    if options.phase is not None:
        column = PHASE_ORDER.index(options.phase)
    phase = PHASE_ORDER[column]
    spread = options.hu_spread
    strength = max(1 + 0.12 * float(bounded_normal(rng, spread)), 0.3)
    common = 5 * float(bounded_normal(rng, spread))
    count = len(Tissue)
    mean = np.zeros(count, np.float32)
    texture = np.zeros(count, np.float32)
    for tissue, look in TISSUE_INTENSITIES.items():
        plain, now = look.hu[0], look.hu[column]
        own = look.spread_hu * bounded_normal(rng, spread)
        mean[tissue] = plain + (now - plain) * strength + own
        texture[tissue] = look.texture_hu * np.exp(bounded_normal(rng, 0.3 * spread))
    for tissue in _PARENCHYMA:
        mean[tissue] += common
    if phase is Phase.ARTERIAL:
        texture[Tissue.SPLEEN] *= _ARTERIAL_SPLEEN_MOTTLING
    if phase is Phase.UNENHANCED:
        mean[Tissue.KIDNEY_MEDULLA] = mean[Tissue.KIDNEY_CORTEX] + rng.normal(0, 2)
    for fat in (Tissue.SUBCUTANEOUS_FAT, Tissue.VISCERAL_FAT):
        mean[fat] = min(mean[fat], -60)
    if any(options.visceral_fat_hu):
        mean[Tissue.VISCERAL_FAT] += rng.uniform(*options.visceral_fat_hu)
    if fatty_liver:
        mean[Tissue.LIVER] -= rng.uniform(15, 55)
    if fatty_pancreas:
        share = rng.uniform(*_FAT_IN_PANCREAS)
        between = mean[Tissue.PANCREAS] - mean[Tissue.VISCERAL_FAT]
        mean[Tissue.PANCREAS] -= share * between
        texture[Tissue.PANCREAS] += rng.uniform(*_LOBULES_SEEN) * math.sqrt(share * (1 - share)) * between
    if rng.random() < options.unnatural_hu:
        for tissue in _PARENCHYMA:
            mean[tissue] = rng.uniform(0, 220)
            texture[tissue] *= rng.uniform(0.5, 3)
    if options.confusion:
        for tissue in _CONFUSABLE:
            if rng.random() < options.confusion:
                mean[tissue] = mean[rng.choice(_PARENCHYMA)] + rng.normal(0, 6)
    if phase in _SPREAD_OF_BLOOD_HU:
        mean[list(_BLOOD)] = mean[Tissue.VENA_CAVA] + rng.normal(0, _SPREAD_OF_BLOOD_HU[phase], len(_BLOOD))
    mean[Tissue.AIR] = -1000
    mean[Tissue.GAS] = min(mean[Tissue.GAS], -850)
    return PatientIntensities(mean, texture, phase)
