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
    """What a voxel is made of."""

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
class Look:
    """How a tissue looks.

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


LOOKS: dict[Tissue, Look] = {
    Tissue.AIR: Look(_always(-1000), 0, 0),
    Tissue.SKIN: Look(_always(20), 25, 10),
    Tissue.SUBCUTANEOUS_FAT: Look(_always(-104), 6, 5),
    Tissue.VISCERAL_FAT: Look(_always(-98), 8, 8),
    Tissue.MUSCLE: Look((52, 58, 64, 62), 7, 9),
    Tissue.TRABECULAR_BONE: Look(_always(170), 40, 35),
    Tissue.CORTICAL_BONE: Look(_always(620), 140, 90),
    Tissue.DISC: Look(_always(85), 15, 6),
    Tissue.SPINAL_CANAL: Look((25, 28, 32, 30), 7, 4),
    Tissue.CARTILAGE: Look(_always(110), 30, 15),
    Tissue.LUNG: Look(_always(-840), 35, 25),
    Tissue.LUNG_VESSEL: Look((-250, -120, -120, -180), 80, 60),
    Tissue.HEART_MUSCLE: Look((48, 95, 105, 85), 10, 6),
    Tissue.HEART_BLOOD: Look((42, 240, 140, 105), 15, 5),
    Tissue.ARTERY: Look((42, 310, 155, 110), 14, 4),
    Tissue.VENA_CAVA: Look((40, 85, 140, 110), 16, 8),
    Tissue.PORTAL_VEIN: Look((42, 110, 165, 115), 14, 4),
    Tissue.HEPATIC_VEIN: Look((40, 70, 155, 112), 14, 4),
    Tissue.SMALL_VESSEL: Look((25, 110, 95, 65), 15, 10),
    Tissue.GUT_WALL: Look((38, 85, 85, 70), 14, 8),
    Tissue.GUT_FLUID: Look(_always(12), 12, 5),
    Tissue.GUT_FOOD: Look(_always(35), 25, 22, "coarse"),
    Tissue.STOOL: Look(_always(-30), 60, 110, "mottled"),
    Tissue.GAS: Look(_always(-960), 25, 4),
    Tissue.GALLBLADDER: Look((10, 10, 10, 12), 7, 2),
    Tissue.ADRENAL: Look((25, 65, 75, 50), 12, 4),
    Tissue.URINE: Look((5, 5, 8, 60), 6, 2),
    Tissue.SOFT_TISSUE: Look((40, 60, 75, 65), 12, 8),
    Tissue.FLUID: Look(_always(10), 7, 2),
    Tissue.LIVER: Look((57, 78, 108, 95), 11, 4, "coarse"),
    Tissue.KIDNEY_CORTEX: Look((32, 195, 180, 130), 18, 6),
    Tissue.KIDNEY_MEDULLA: Look((29, 90, 150, 130), 18, 6),
    Tissue.SPLEEN: Look((47, 130, 112, 95), 10, 4, "coarse"),
    Tissue.PANCREAS: Look((38, 108, 95, 78), 13, 10),
    Tissue.LESION: Look((38, 55, 62, 62), 22, 8),
    Tissue.CYST: Look(_always(8), 6, 2),
    Tissue.TABLE: Look(_always(-150), 150, 20),
}

PHASE_ORDER = (Phase.UNENHANCED, Phase.ARTERIAL, Phase.PORTAL_VENOUS, Phase.DELAYED)

_ARTERIAL_SPLEEN_MOTTLING = 5.0
"""In the arterial phase red and white pulp fill at different speeds."""

_FAT_IN_PANCREAS = (0.08, 0.6)
"""Share of its volume in fatty infiltration; with the most, the organ is darker than water without contrast."""

_LOBULES_SEEN = (0.15, 0.45)
"""How much of the contrast between lobules and the fat between them is left at the resolution of CT."""

_BLOOD = (Tissue.HEART_BLOOD, Tissue.ARTERY, Tissue.VENA_CAVA, Tissue.PORTAL_VEIN, Tissue.HEPATIC_VEIN)
_SPREAD_OF_BLOOD_HU = {Phase.UNENHANCED: 1.5, Phase.DELAYED: 6.0}
"""Standard deviation between the vessels of one patient, where contrast is absent or has mixed with all blood."""

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
class PatientLook:
    """Intensities of one patient.

    Attributes:
        mean_hu: Float32 array indexed by `Tissue`.
        texture_hu: Float32 array indexed by `Tissue`.
        phase: The contrast phase they come from.
    """

    mean_hu: np.ndarray
    texture_hu: np.ndarray
    phase: Phase


def draw_look(
    rng: np.random.Generator, options: PhantomOptions, *, fatty_liver: bool, fatty_pancreas: bool = False
) -> PatientLook:
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
    for tissue, look in LOOKS.items():
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
    return PatientLook(mean, texture, phase)
