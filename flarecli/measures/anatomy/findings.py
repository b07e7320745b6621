"""What is implausible about the organs of a label map, from anatomy alone: sizes, parts, tissue, shapes, positions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from flarecli.measures.anatomy.limits import (
    ENHANCED_HU,
    FRAGMENT_SHARE,
    KIDNEY_FRAGMENT_ML,
    MEAN_HU,
    SHAPES,
    SMALLER_KIDNEY_SHARE,
    THICKEST_SLICE_MM,
    VOLUMES_ML,
    ShapeLimits,
)
from flarecli.measures.anatomy.positions import misplaced
from flarecli.measures.anatomy.shapes import OrganShape
from flarecli.measures.statistics import OrganStatistics
from flarecli.organs import BOTH_KIDNEYS_NAME, LEFT_KIDNEY_NAME, RIGHT_KIDNEY_NAME

_ABSURD_EXTENT = 1.5
"""An organ longer than this many times its longest plausible extent is not that organ."""

_FACES_ZYX = ({"inferior", "superior"}, {"posterior", "anterior"}, {"left", "right"})


@dataclass
class Findings:
    """What is implausible about one organ.

    Attributes:
        failures: Reasons why it is not that organ, or hardly any of it.
        doubts: Reasons to look at it.
    """

    failures: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)


def anatomy_findings(
    organs: Sequence[OrganStatistics],
    kidneys: Sequence[OrganStatistics],
    shapes: Mapping[str, OrganShape],
    slice_mm: float,
) -> dict[str, Findings]:
    """Compare each organ with plain anatomy; one entry an organ, by name, absent ones too.

    Args:
        organs: What the organs measure.
        kidneys: What the right and the left kidney measure alone.
        shapes: Their shapes; see `organ_shapes`.
        slice_mm: Distance between the slices.
    """
    found: dict[str, Findings] = defaultdict(Findings)
    for organ in organs:
        findings = found[organ.name]
        if not organ.voxels:
            findings.failures.append("not found")
            continue
        _check_size(organ, findings)
        parts = kidneys if organ.name == BOTH_KIDNEYS_NAME else (organ,)
        if organ.name == BOTH_KIDNEYS_NAME:
            findings.doubts += _unequal(*kidneys)
        is_organ = not findings.failures  # of a fragment, or of fat, the shape says nothing
        for part in parts:
            prefix = f"{part.name} " if part is not organ else ""
            if part.voxels and is_organ:
                _check_part(part, shapes.get(part.name), slice_mm, prefix, findings)
        if organ.touches:
            findings.doubts.append(f"reaches the {', '.join(organ.touches)} edge of the scan")
    superior = {organ.name for organ in organs if "superior" in organ.touches}
    for name, text in misplaced(shapes, cut_above=superior):
        found[name].doubts.append(text)
    return dict(found)


def _check_size(organ: OrganStatistics, findings: Findings) -> None:
    smallest_ml, largest_ml = VOLUMES_ML[organ.name]
    if organ.volume_ml < FRAGMENT_SHARE * smallest_ml:
        findings.failures.append(f"only {organ.volume_ml:.0f} mL")
    elif not smallest_ml <= organ.volume_ml <= largest_ml:
        findings.doubts.append(f"{organ.volume_ml:.0f} mL, ordinary is {smallest_ml:.0f} to {largest_ml:.0f}")
    lowest_hu, highest_hu = MEAN_HU[organ.name]
    if organ.mean_hu is not None and not lowest_hu <= organ.mean_hu <= highest_hu:
        findings.failures.append(f"a mean of {organ.mean_hu:.0f} HU is not that of the organ")


def _unequal(right: OrganStatistics, left: OrganStatistics) -> Iterator[str]:
    """What is odd about two kidneys beside each other."""
    if right.fused:
        yield "right and left kidney are connected across the midline"
        return
    smaller, larger = sorted((right, left), key=lambda kidney: kidney.volume_ml)
    if not smaller.voxels:
        yield f"{smaller.name} not found: nephrectomy or missed"
    elif smaller.volume_ml < min(KIDNEY_FRAGMENT_ML, SMALLER_KIDNEY_SHARE * larger.volume_ml):
        yield f"only {smaller.volume_ml:.0f} mL of the {smaller.name} found: nephrectomy, atrophy or missed"
    elif smaller.volume_ml < SMALLER_KIDNEY_SHARE * larger.volume_ml:
        yield f"{smaller.name} {smaller.volume_ml:.0f} mL, {larger.name} {larger.volume_ml:.0f} mL"


def _check_part(
    part: OrganStatistics, shape: OrganShape | None, slice_mm: float, prefix: str, findings: Findings
) -> None:
    """An organ, or one kidney."""
    limits = SHAPES[part.name]
    longest_mm = max(part.extent_rl_mm or 0, part.extent_ap_mm or 0, part.extent_si_mm or 0)
    if longest_mm > limits.extent_mm:
        far = findings.failures if longest_mm > _ABSURD_EXTENT * limits.extent_mm else findings.doubts
        far.append(f"{prefix}extends over {longest_mm:.0f} mm, at most {limits.extent_mm:.0f} is plausible")
    if part.largest_component_share is not None and part.largest_component_share < limits.largest_part:
        share = f"{100 * part.largest_component_share:.0f} %"
        findings.doubts.append(f"{prefix}in {part.components} parts, the largest holds {share}")
    if shape is not None:
        findings.doubts += [f"{prefix}{text}" for text in _odd_shape(part, shape, limits, slice_mm)]


def _odd_shape(part: OrganStatistics, shape: OrganShape, limits: ShapeLimits, slice_mm: float) -> Iterator[str]:
    if shape.mixture_hu is not None and shape.mixture_hu > limits.mixture_hu:
        yield f"mixed tissue: its parts vary by {shape.mixture_hu:.0f} HU (standard deviation)"
    is_enhanced = part.median_hu is not None and part.median_hu > ENHANCED_HU
    if is_enhanced and limits.border_contrast is not None and shape.border_contrast < limits.border_contrast:
        yield "hardly any contrast at its border: drawn too large or too small?"
    if shape.roughness > limits.roughness:
        yield "a rough surface"
    if slice_mm <= THICKEST_SLICE_MM:
        is_uneven = shape.slice_changes > limits.slice_changes
        if is_uneven or (shape.least_overlap is not None and shape.least_overlap < limits.least_overlap):
            yield "its outline jumps from slice to slice"
        flat = [
            face
            for faces, most in zip(_FACES_ZYX, limits.flat_face, strict=True)
            for face, share in shape.flat_faces.items()
            if face in faces and share > most
        ]
        if flat:
            yield f"ends in a flat face ({', '.join(flat)}): cut off?"
    for other, share in shape.contacts.items():
        if share > limits.contact and not {shape.name, other} <= {RIGHT_KIDNEY_NAME, LEFT_KIDNEY_NAME}:
            yield f"{100 * share:.0f} % of its surface lies on the {other}"
