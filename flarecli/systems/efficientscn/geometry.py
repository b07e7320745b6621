"""Which grid each stage of EfficientSCN works on: sizes, spacings, boxes, croppings, paddings.

Pure arithmetic on the system's own orientation LPS: the index along z grows to Superior, along y to
Posterior, along x to Left. Boxes are in millimetres from the outer corner of voxel (0, 0, 0) in that
orientation. Everything is computed in float32 in the order of the authors' code, because floor and ceil
turn a difference in the last bit into a voxel.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from flarecli.errors import InputError
from flarecli.geometry import Box, bounding_window
from flarecli.systems.efficientscn.constants import EfficientScnConstants

PerSide = tuple[tuple[int, int], tuple[int, int], tuple[int, int]]
"""Voxel counts at the lower and upper side of z, y and x."""


@dataclass(frozen=True)
class LocalizationPlan:
    """The grid of the localization network.

    Attributes:
        spacing_mm: Nominal isotropic spacing.
        content_shape_zyx: Shape of the resampled scan.
        padding: Voxels added around it.
        input_shape_zyx: Shape of the network's input.
    """

    spacing_mm: float
    content_shape_zyx: tuple[int, int, int]
    padding: PerSide
    input_shape_zyx: tuple[int, int, int]


@dataclass(frozen=True)
class SegmentationPlan:
    """The grid of the segmentation network.

    The network's input is a crop of the scan, extended where its box leaves the scan, and shrunk to the input's
    shape.

    Attributes:
        box_lps_mm: The box of the network's input.
        spacing_mm: Nominal isotropic spacing.
        input_shape_zyx: Shape of the network's input.
        cropping: Voxels of the scan outside the crop.
        padding: Voxels added to the crop.
        crop_shape_zyx: Shape of the crop in scan voxels, padding included.
    """

    box_lps_mm: Box
    spacing_mm: float
    input_shape_zyx: tuple[int, int, int]
    cropping: PerSide
    padding: PerSide
    crop_shape_zyx: tuple[int, int, int]


def plan_localization(
    shape_zyx: tuple[int, int, int],
    spacing_mm: tuple[float, float, float],
    constants: EfficientScnConstants,
) -> LocalizationPlan:
    """Fit a whole scan into the localization network: 6 mm, or as much more as the largest input demands."""
    extent = np.asarray(shape_zyx, np.float32) * np.asarray(spacing_mm, np.float32)
    nominal = np.float32(constants.localization_spacing_mm)
    largest = np.array([sizes[-1] for sizes in constants.localization_sizes])
    ratio = float((np.ceil(extent / nominal) / largest).max()) + constants.localization_ratio_margin
    if ratio > 1:
        nominal = np.float32(constants.localization_spacing_mm * ratio)
    content = np.ceil(extent / nominal).astype(int)
    input_shape = _next_sizes(content, constants.localization_sizes)
    missing = input_shape - content
    before = missing // 2
    return LocalizationPlan(
        spacing_mm=float(nominal),
        content_shape_zyx=_triple(content),
        padding=_per_side(before, missing - before),
        input_shape_zyx=_triple(input_shape),
    )


def box_around_mask(mask: np.ndarray, plan: LocalizationPlan, constants: EfficientScnConstants) -> Box | None:
    """The box of the true voxels of a localization mask, with the margin around organs.

    Args:
        mask: bool array of shape `plan.input_shape_zyx`.

    Returns:
        The box in the LPS frame of the scan; it may leave the scan. None when no voxel is true.
    """
    organs = bounding_window(mask)
    if organs is None:
        return None
    ranges = [(part.start - before, part.stop - before) for part, (before, _) in zip(organs, plan.padding, strict=True)]
    first, stop = np.array(ranges, np.float32).T
    spacing, margin = np.float32(plan.spacing_mm), np.float32(constants.region_margin_mm)
    return _box(first * spacing - margin, stop * spacing + margin)


def whole_scan(shape_zyx: tuple[int, int, int], spacing_mm: tuple[float, float, float]) -> Box:
    """The box of a whole scan, from edge to edge."""
    return _box(np.zeros(3, np.float32), np.asarray(shape_zyx, np.float32) * np.asarray(spacing_mm, np.float32))


def clipped_to_scan(box_lps_mm: Box, shape_zyx: tuple[int, int, int], spacing_mm: tuple[float, float, float]) -> Box:
    """The part of a box that lies in the scan.

    A face that does not leave the scan stays as it is, to the bit; one that does becomes that of `whole_scan`.

    Raises:
        InputError: when the box does not meet the scan.
    """
    whole = whole_scan(shape_zyx, spacing_mm)
    extent_mm = [np.float32(count * step) for count, step in zip(shape_zyx, spacing_mm, strict=True)]
    start_mm = [max(0.0, start) for start in box_lps_mm.start_mm]
    end_mm = [
        end if np.float32(end) <= extent else last
        for end, extent, last in zip(box_lps_mm.end_mm, extent_mm, whole.end_mm, strict=True)
    ]
    if any(start >= end for start, end in zip(start_mm, end_mm, strict=True)):
        raise _outside_the_scan(box_lps_mm, whole)
    (z0, y0, x0), (z1, y1, x1) = start_mm, end_mm
    return Box((z0, y0, x0), (z1, y1, x1))


def plan_segmentation(
    region_lps_mm: Box,
    shape_zyx: tuple[int, int, int],
    spacing_mm: tuple[float, float, float],
    constants: EfficientScnConstants,
) -> SegmentationPlan:
    """Fit a region into the segmentation network: 2 mm, or as much more as the largest input demands.

    The region grows about its centre to the next allowed size.

    Raises:
        InputError: when the region does not meet the scan.
    """
    shape, spacing = np.array(shape_zyx), np.asarray(spacing_mm, np.float32)
    start, end = np.array(region_lps_mm.start_mm, np.float32), np.array(region_lps_mm.end_mm, np.float32)
    extent = end - start
    largest = np.array([sizes[-1] for sizes in constants.segmentation_sizes], np.float32)
    fitting = (extent / largest).max()
    if fitting > np.float32(constants.segmentation_largest_fit_mm):
        nominal = fitting + np.float32(constants.segmentation_spacing_margin_mm)
    else:
        nominal = np.float32(constants.segmentation_spacing_mm)
    # The ceiling is taken of millimetres, as in the code, not of voxels.
    content = (np.ceil(extent) / nominal).astype(int)
    input_shape = _next_sizes(content, constants.segmentation_sizes)
    centre = (start + end) / np.float32(2)
    half = np.floor(input_shape.astype(np.float32) * nominal / np.float32(2))
    box_start, box_end = centre - half, centre + half
    first = np.floor(box_start / spacing).astype(int)
    stop = np.ceil((box_end + np.float32(constants.crop_end_margin_mm)) / spacing).astype(int)
    if (first >= shape).any() or (stop <= 0).any():
        raise _outside_the_scan(region_lps_mm, whole_scan(shape_zyx, spacing_mm))
    return SegmentationPlan(
        box_lps_mm=_box(box_start, box_end),
        spacing_mm=float(nominal),
        input_shape_zyx=_triple(input_shape),
        cropping=_per_side(np.maximum(first, 0), np.maximum(shape - stop, 0)),
        padding=_per_side(np.maximum(-first, 0), np.maximum(stop - shape, 0)),
        crop_shape_zyx=_triple(stop - first),
    )


def _outside_the_scan(region_lps_mm: Box, whole: Box) -> InputError:
    z, y, x = (int(length) for length in whole.end_mm)
    return InputError(
        "the region to segment lies outside the scan",
        seen=f"{region_lps_mm.start_mm} to {region_lps_mm.end_mm} mm (z, y, x)",
        expected=f"a region that meets the scan's {(z, y, x)} mm",
        remedy="Give a box inside the scan, or use `--roi full`.",
    )


def _next_sizes(content: np.ndarray, allowed: tuple[tuple[int, ...], ...]) -> np.ndarray:
    """Per axis the smallest allowed size strictly above the content, or the largest there is."""
    return np.array(
        [
            next((size for size in sizes if size > count), sizes[-1])
            for count, sizes in zip(content, allowed, strict=True)
        ]
    )


def _triple(values: np.ndarray) -> tuple[int, int, int]:
    z, y, x = (int(value) for value in values)
    return z, y, x


def _per_side(lower: np.ndarray, upper: np.ndarray) -> PerSide:
    z, y, x = ((int(a), int(b)) for a, b in zip(lower, upper, strict=True))
    return z, y, x


def _box(start: np.ndarray, end: np.ndarray) -> Box:
    (z0, y0, x0), (z1, y1, x1) = start.tolist(), end.tolist()
    return Box((z0, y0, x0), (z1, y1, x1))
