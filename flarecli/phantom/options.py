"""Options of phantoms: probabilities and ranges of random parameters."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import Any

from flarecli.errors import UsageError


class Phase(StrEnum):
    """Contrast phase of a scan."""

    UNENHANCED = "unenhanced"
    ARTERIAL = "arterial"
    PORTAL_VENOUS = "portal-venous"
    DELAYED = "delayed"


@dataclass(frozen=True)
class PhantomOptions:
    """Distribution of phantoms; probabilities are in 0-1 and drawn once a phantom.

    Attributes:
        phase: The contrast phase of every phantom; None draws one for each.
        phase_shares: Probabilities of the unenhanced, late arterial, portal venous and delayed phase.
        hu_spread: Scale of all random offsets of tissue intensities; 1 is the spread between real patients.
        unnatural_hu: Probability that tissues get intensities of no real phase.
        noise_hu: Range of the standard deviation of image noise, HU.
        blur_mm: Range of the in-plane Gaussian blur (standard deviation), mm.
        slice_thickness_mm: Range of the slice sensitivity profile's full width at half maximum, mm; what is
            thinner than the grid's slice distance has no effect.
        hu_offset: Largest calibration offset of the whole image, HU.
        rotation_deg: Largest rotation about each axis, degrees.
        shift_mm: Largest displacement of the patient along z, y and x, mm.
        warp: Scale of the random smooth deformation of everything; 1 displaces by 5 mm (standard deviation).
        size_spread: Standard deviation of the patient's relative size.
        size: Range of a further factor of the patient's size.
        corpulence: Range of how fat patients are, from 0, thin, to 1, obese.
        contact_mm: Range of the dilation of organs into the fat between them; they are in contact where they meet.
        wall_gap_mm: Least fat between organs and the abdominal wall, mm.
        fat_rim: Probability for each organ of a rim of fat where it meets the gut.
        visceral_fat_hu: Range of the increase of the intensity of visceral fat by partial volume.
        shape_spread: Scale of the variation of organ shapes and positions; 1 as between real patients.
        build_spread: Scale of the variation of muscles and fat around the mean patient; 1 as between real patients.
        collapsed_stomach: Probability that the stomach is empty, a thick cord of soft tissue with little gas.
        filled_colon: Probability that a piece of the colon is full of fluid or food instead of stool or gas.
        confusion: Probability for each neighbour of the organs (muscle, heart, vessels, gut and its content) to
            have the intensity of one of them, so that only shape and position distinguish them.
        cut_field: Probability that slices at one end are outside the field of view (air, no labels).
        circular_field: Probability of a circular reconstruction field, air outside.
        table: Probability of a patient table.
        arms_down: Probability of arms beside the trunk.
        clutter: Probability of soft tissue of no particular shape in the visceral fat, as in lean patients.
        clutter_level: Range of the level of a field of unit standard deviation above which there is such tissue.
        masses: Expected number of round bodies as large as organs in the visceral fat: full loops of bowel, a stomach
            pushed aside, tumours.
        vein_spread: Scale of the variation of the widths of portal, splenic and mesenteric vein; 1 as between adults.
        rind_mm: Range of the thickness of unlabelled soft tissue around organs, mm: capsule, peritoneum, stranding of
            the fat.
        lesions: Probability of liver lesions; cysts in other organs are drawn as often.
        fatty_liver: Probability.
        fatty_pancreas: Probability that fat between its lobules makes the pancreas darker and mottled; an atrophic one
            is fatty twice as often.
        moved_pancreas_mm: Standard deviation of the position of a label map's pancreas relative to the other organs
            along each axis, mm.
        shrunken_pancreas: Probability that the pancreas of a label map is thinner than there, as in old age.
        patchy_pancreas: Probability that parts of the pancreas of a label map have turned into fat: a notch, or a
            whole tail, neck or head.
        ascites: Probability of free fluid.
        splenomegaly: Probability of a spleen of two to four times the usual volume.
        missing_kidney: Probability that one kidney is absent.
        wide_pelvis: Probability for each kidney that its pelvis is full and takes the place of parenchyma.
    """

    phase: Phase | None = None
    phase_shares: tuple[float, float, float, float] = (0.3, 0.15, 0.4, 0.15)
    hu_spread: float = 1.0
    unnatural_hu: float = 0.0
    noise_hu: tuple[float, float] = (8.0, 18.0)
    blur_mm: tuple[float, float] = (0.5, 0.9)
    slice_thickness_mm: tuple[float, float] = (1.5, 5.0)
    hu_offset: float = 4.0
    rotation_deg: float = 3.0
    shift_mm: tuple[float, float, float] = (8.0, 8.0, 8.0)
    warp: float = 1.0
    size_spread: float = 0.08
    size: tuple[float, float] = (1.0, 1.0)
    corpulence: tuple[float, float] = (0.0, 1.0)
    contact_mm: tuple[float, float] = (0.0, 0.0)
    wall_gap_mm: float = 5.0
    fat_rim: float = 0.6
    visceral_fat_hu: tuple[float, float] = (0.0, 0.0)
    shape_spread: float = 1.0
    build_spread: float = 1.0
    collapsed_stomach: float = 0.2
    filled_colon: float = 0.2
    confusion: float = 0.0
    cut_field: float = 0.0
    circular_field: float = 0.5
    table: float = 0.9
    arms_down: float = 0.0
    clutter: float = 0.15
    clutter_level: tuple[float, float] = (0.7, 1.8)
    masses: float = 0.0
    vein_spread: float = 1.0
    rind_mm: tuple[float, float] = (0.0, 0.6)
    lesions: float = 0.15
    fatty_liver: float = 0.1
    fatty_pancreas: float = 0.1
    moved_pancreas_mm: float = 2.0
    shrunken_pancreas: float = 0.1
    patchy_pancreas: float = 0.05
    ascites: float = 0.0
    splenomegaly: float = 0.05
    missing_kidney: float = 0.01
    wide_pelvis: float = 0.05


REALISTIC = PhantomOptions()
"""Ordinary patients, for demonstrations and tests."""

WIDE = PhantomOptions(
    hu_spread=1.8,
    unnatural_hu=0.12,
    noise_hu=(2.0, 45.0),
    blur_mm=(0.3, 2.5),
    slice_thickness_mm=(0.5, 8.0),
    hu_offset=15.0,
    rotation_deg=15.0,
    shift_mm=(40.0, 25.0, 25.0),
    warp=1.7,
    size_spread=0.12,
    shape_spread=1.6,
    build_spread=1.9,
    collapsed_stomach=0.45,
    filled_colon=0.45,
    confusion=0.2,
    cut_field=0.25,
    circular_field=0.3,
    table=0.5,
    arms_down=0.1,
    clutter=0.5,
    masses=1.5,
    vein_spread=2.2,
    rind_mm=(0.0, 1.0),
    lesions=0.4,
    fatty_liver=0.15,
    fatty_pancreas=0.35,
    moved_pancreas_mm=4.0,
    shrunken_pancreas=0.35,
    patchy_pancreas=0.12,
    ascites=0.1,
    splenomegaly=0.1,
    missing_kidney=0.05,
    wide_pelvis=0.3,
)
"""More varied than real scans, for training (domain randomization)."""


def lean(options: PhantomOptions) -> PhantomOptions:
    """The options changed for lean patients, with little visceral fat.

    Small women and thin young men, often without contrast agent and in thick slices: between their organs lie bowel,
    vessels and layers of fat thinner than a voxel.
    """
    low_mm, high_mm = options.slice_thickness_mm
    return replace(
        options,
        size=(0.82, 1.0),
        corpulence=(0.0, 0.12),
        contact_mm=(0.5, 4.5),
        wall_gap_mm=0.0,
        fat_rim=0.12,
        visceral_fat_hu=(10.0, 75.0),
        clutter=0.9,
        clutter_level=(-0.5, 1.0),
        collapsed_stomach=max(options.collapsed_stomach, 0.5),
        fatty_liver=0.03,
        fatty_pancreas=0.05,
        phase_shares=(0.6, 0.1, 0.2, 0.1),
        slice_thickness_mm=(max(low_mm, 3.0), max(high_mm, 7.0)),
    )


STRENGTHS: dict[str, PhantomOptions] = {"realistic": REALISTIC, "wide": WIDE, "lean": lean(REALISTIC)}


def options_for(strength: str, **changes: Any) -> PhantomOptions:
    """The options of a named strength with some fields changed.

    Raises:
        UsageError: when the strength or a field is unknown.
    """
    if strength not in STRENGTHS:
        raise UsageError(
            "unknown strength of phantoms",
            seen=strength,
            expected=", ".join(STRENGTHS),
            remedy="Name one of these strengths.",
        )
    known = {field.name for field in fields(PhantomOptions)}
    if unknown := sorted(set(changes) - known):
        raise UsageError(
            "unknown phantom option",
            seen=", ".join(unknown),
            expected=", ".join(sorted(known)),
            remedy="Correct the name of the option.",
        )
    return replace(STRENGTHS[strength], **changes)
