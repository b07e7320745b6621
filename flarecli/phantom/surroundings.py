"""Kinds of the organs' surroundings, as further classes for a network."""

from __future__ import annotations

from flarecli.phantom.tissues import Tissue

SURROUNDINGS: dict[str, tuple[Tissue, ...]] = {
    "gut": (Tissue.GUT_WALL, Tissue.GUT_FLUID, Tissue.GUT_FOOD, Tissue.STOOL, Tissue.GAS),
    "vessels": (
        Tissue.ARTERY,
        Tissue.VENA_CAVA,
        Tissue.PORTAL_VEIN,
        Tissue.HEPATIC_VEIN,
        Tissue.SMALL_VESSEL,
        Tissue.LUNG_VESSEL,
    ),
    "muscle": (Tissue.MUSCLE,),
    "bone": (
        Tissue.TRABECULAR_BONE,
        Tissue.CORTICAL_BONE,
        Tissue.DISC,
        Tissue.SPINAL_CANAL,
        Tissue.CARTILAGE,
    ),
    "heart": (Tissue.HEART_MUSCLE, Tissue.HEART_BLOOD),
    "fluid": (Tissue.GALLBLADDER, Tissue.URINE, Tissue.FLUID),
    "soft tissue": (Tissue.SOFT_TISSUE, Tissue.ADRENAL),
}
"""Tissues of each kind; what is in none (fat, skin, lung, air, table) is plain background."""

KIND_OF_TISSUE = {tissue: number for number, tissues in enumerate(SURROUNDINGS.values(), start=1) for tissue in tissues}
"""Number of the kind of a tissue, from 1."""
