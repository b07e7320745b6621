"""Descriptions of the systems for other programs: meaning of channels, sizes of inputs, and the rules in words.

The numbers of the rules are those of the system's constants, which the contract holds under the same names.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from flarecli.organs import ORGANS
from flarecli.systems.base import System

_ORGANS = [organ.name for organ in ORGANS]
_CLASSES = ["background", *_ORGANS]


@dataclass(frozen=True)
class NetworkDescription:
    """Input and output of a network.

    Attributes:
        channels_in: Meaning of each channel of the input.
        channels_out: Meaning of each channel of the output.
        values: What the output's numbers are.
        sizes: Rule for sizes along z, y and x, or along rows and columns.
    """

    channels_in: list[str]
    channels_out: list[str]
    values: str
    sizes: str


@dataclass(frozen=True)
class SystemDescription:
    """Description of a system for reimplementations.

    Attributes:
        networks: Its networks, by name.
        rules: The method, step by step, each under a name.
        replaced: Numbers of the method that the contract states otherwise than the system's constants do.
    """

    networks: Mapping[str, NetworkDescription]
    rules: Mapping[str, str]
    replaced: Mapping[str, Any] = field(default_factory=dict)


def description_of(system: System) -> SystemDescription:
    """The description of a system, at the sizes that it has."""
    return {
        "flarelite": _flarelite,
        "efficientscn": _efficientscn,
        "efficientsegnet": _efficientsegnet,
        "vgg13": _vgg13,
    }[system.name](system)


def method_of(system: System, description: SystemDescription) -> dict[str, Any]:
    """The numbers of the method, by the names of the system's constants."""
    constants: Any = system.constants  # type: ignore[attr-defined]  # every system has them, each of its own kind
    numbers: dict[str, Any] = json.loads(json.dumps({**asdict(constants), **description.replaced}))  # lists, no tuples
    return numbers


_PARTS = (
    "kept_components says how many connected parts of each organ, in the order of the labels, are kept at most: the "
    "largest ones, of equally large ones those whose first voxel comes first (z, then y, then x)."
)


def _flarelite(system: System) -> SystemDescription:
    names = system.constants.without_thin_attachments  # type: ignore[attr-defined]
    return SystemDescription(
        networks={
            "locate": NetworkDescription(
                ["image"], _CLASSES, "probabilities, which sum to 1", "multiples of locate_multiple"
            ),
            "refine": NetworkDescription(
                ["image", *(f"probability of {organ} by locate" for organ in _ORGANS)],
                _CLASSES,
                "probabilities, which sum to 1",
                "multiples of refine_multiple",
            ),
        },
        replaced={"without_thin_attachments": [organ.label for organ in ORGANS if organ.name in names]},
        rules={
            "body": (
                "Take voxels about body_step_mm apart (whole steps, rounded). The body is the largest part, connected "
                "by faces, of what is denser than body_least_hu. Along y and x it reaches from the first to the last "
                "plane of which it fills more than body_plane_share, with body_margin_mm around; along z it is the "
                "whole scan. Without such planes the axis is taken whole."
            ),
            "voxel_size": (
                "A window of the scan is spread over the smallest multiple of voxels that holds its length at "
                "coarsest_mm (lengths in multiples rounded to 4 digits). Where voxels would be finer than finest_mm, "
                "the window takes round(length / finest_mm) voxels, and the rest at the upper ends is padding."
            ),
            "image": (
                "Along each axis averages over equal parts where the window has more voxels than the input, else "
                "linear interpolation with half-pixel centres and clamped ends. Clip to window_hu, divide by scale_hu. "
                "Padding is the lower end of window_hu, divided likewise."
            ),
            "region": (
                "After `parts` on a copy of locate's probabilities: the box of all organs with region_margin_mm "
                "around, in whole voxels of the scan, outwards. The input of refine holds the image of that window "
                "and, linearly interpolated, locate's probabilities of the organs; those are 0 in the padding."
            ),
            "averaging": (
                "The probabilities are refine_share of refine's and the rest of locate's as refine has seen them; "
                "locate's background is 1 less its organs."
            ),
            "fat": "Where refine's image is below pancreas_least_hu, the background takes the pancreas's probability.",
            "parts": (
                f"{_PARTS} They are connected by corners, and parts of component_minimum_mm3 or less are dropped. For "
                "the labels in without_thin_attachments first: erode by the six neighbours; parts of the erosion, "
                "connected by faces, beside the largest one and above component_minimum_mm3 are grown back within the "
                "mask by three steps, the largest one first, and removed. A voxel that is dropped exchanges its "
                "probabilities of organ and background."
            ),
            "labels": (
                "Probabilities are linearly interpolated on the window's voxels (half-pixel centres, clamped ends); "
                "the highest wins, of equal ones the lowest label. Outside the window is background."
            ),
        },
    )


def _efficientscn(system: System) -> SystemDescription:
    return SystemDescription(
        networks={
            "localization": NetworkDescription(
                ["image"], ["background", "any organ"], "logits", "of localization_sizes; any multiple of 16 works"
            ),
            "segmentation": NetworkDescription(
                ["image"], _CLASSES, "scores, which sum to 1", "of segmentation_sizes; any multiple of 32 works"
            ),
        },
        rules={
            "orientation": "The networks see arrays whose y grows to Posterior and x to Left: both reversed.",
            "localization": (
                "The whole scan averaged over equal parts of localization_spacing_mm, enlarged where it would not fit "
                "the largest of localization_sizes; the next larger size, padded on both sides with "
                "localization_padding_hu. An organ is where its logit is above the background's; connected parts "
                "(corners count) of less than least_part_ml are left out, never the largest one; region_margin_mm "
                "around the box of the others."
            ),
            "region": (
                "segmentation_spacing_mm, enlarged where the region would not fit; the next larger of "
                "segmentation_sizes about the region's centre. Computed in single precision: floor and ceil turn the "
                "last bit into a voxel."
            ),
            "image": (
                "Gaussian of smoothing_sigma_mm over the scan, crop, 0 HU beyond the scan, averages over equal parts; "
                "divided by intensity_scale and clipped to -1 and 1."
            ),
            "second_pass": (
                "Where organs in the outer touch_depth_voxels layers of a face inside the scan cover more than "
                "second_pass_area_mm2 of it (their volume by the depth of the layers), this face moves outwards by "
                "growth_mm and the region is segmented again, once."
            ),
            "labels": (
                "Scores are linearly interpolated on the crop's voxels (half-pixel centres, clamped ends); the highest "
                "wins, of equal ones the lowest label. Outside the crop is background."
            ),
        },
    )


def _efficientsegnet(system: System) -> SystemDescription:
    logits = "logits of independent organs; an organ is where its logit is at least 0"
    return SystemDescription(
        networks={
            "coarse": NetworkDescription(["image"], _ORGANS, logits, "coarse_shape_zyx alone"),
            "fine": NetworkDescription(["image"], _ORGANS, logits, "fine_shape_zyx alone"),
        },
        rules={
            "image": (
                "Linear interpolation that keeps the outermost voxel centres (aligned corners), nothing smoothed; "
                "clipped to window_hu, less its mean, divided by its standard deviation (N - 1) and deviation_epsilon."
            ),
            "region": (
                "The coarse network sees the whole scan. The box of its organs after `parts` (coarse_minimum_mm3), "
                "scaled to the scan's voxels, with region_margin_mm around, both truncated to whole voxels."
            ),
            "parts": f"{_PARTS} They are connected by corners; those not above the minimum are dropped.",
            "labels": (
                "Each organ's logits are linearly interpolated on the region's voxels (aligned corners); `parts` on "
                "the scan's voxels (fine_minimum_mm3); a higher label outweighs a lower one."
            ),
        },
    )


def _vgg13(system: System) -> SystemDescription:
    return SystemDescription(
        networks={
            "segmentation": NetworkDescription(
                ["slice"] * 3, _CLASSES, "logits", "slice_size along rows and columns; any number of slices"
            )
        },
        rules={
            "orientation": "Rows run to the patient's Left, columns to Posterior: transposed, both axes reversed.",
            "image": (
                "Slices of another size are resized linearly, with a Gaussian before it where they shrink. Each "
                "slice's intensities between its own clip_percentiles are spread over 0 to 255 and rounded; then less "
                "their mean and divided by their standard deviation, where that is at least 1. The slice is repeated "
                "for each channel."
            ),
            "labels": "The highest logit. In resized slices an organ is where its mask exceeds restoring_share.",
            "parts": f"{_PARTS} They are connected by faces.",
        },
    )
