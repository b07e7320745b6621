"""EfficientSCN: the organ region at 6 mm, the organs in it at 2 mm, once more in a larger one where it cuts them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from flarecli.export.runner.components import bounding_window, without_small_components
from flarecli.export.runner.networks import Network
from flarecli.export.runner.nifti import Scan, ScanError
from flarecli.export.runner.resampling import area_matrix, class_map, gaussian_matrix, resample, restore_labels


@dataclass(frozen=True)
class Region:
    """The input of the segmentation network, along z, y and x in the orientation Superior, Posterior, Left.

    Attributes:
        start_mm: Lower faces of its box.
        end_mm: Upper faces.
        spacing_mm: Its voxel size.
        shape: Its size.
        cropping: Voxels of the scan before and behind it.
        padding: Voxels that it reaches beyond the scan before and behind.
    """

    start_mm: np.ndarray
    end_mm: np.ndarray
    spacing_mm: float
    shape: np.ndarray
    cropping: np.ndarray
    padding: np.ndarray


def segment(scan: Scan, networks: dict[str, Network], method: dict[str, Any]) -> np.ndarray:
    """The label map of a scan, uint8, shape (z, y, x)."""
    hu, spacing = scan.hu[:, ::-1, ::-1], scan.spacing_mm
    start, end = localized(hu, spacing, networks["localization"], method)
    region = planned(start, end, hu.shape, spacing, method)
    scores = networks["segmentation"](region_input(hu, spacing, region, method)[None, None])[0]
    cut = cutting_faces(scores, region, spacing, method)
    if cut:
        extent = [count * step for count, step in zip(hu.shape, spacing, strict=True)]
        for axis, side in cut:
            if side == 0:
                start[axis] = max(0.0, float(region.start_mm[axis]) - method["growth_mm"])
            else:
                end[axis] = min(extent[axis], float(region.end_mm[axis]) + method["growth_mm"])
        region = planned(start, end, hu.shape, spacing, method)
        scores = networks["segmentation"](region_input(hu, spacing, region, method)[None, None])[0]
    labels = np.zeros(hu.shape, np.uint8)
    crop = tuple(
        slice(int(lower), int(count - upper)) for (lower, upper), count in zip(region.cropping, hu.shape, strict=True)
    )
    whole = [part.stop - part.start + int(margin.sum()) for part, margin in zip(crop, region.padding, strict=True)]
    restore_labels(scores, tuple(whole), labels[:, ::-1, ::-1][crop], tuple(int(n) for n in region.padding[:, 0]))
    return labels


def localized(
    hu: np.ndarray, spacing: tuple[float, ...], network: Network, method: dict[str, Any]
) -> tuple[list[float], list[float]]:
    """The box of the organs with its margin, mm from the corner of the scan."""
    extent = np.asarray(hu.shape, np.float32) * np.asarray(spacing, np.float32)
    sizes = method["localization_sizes"]
    nominal = np.float32(method["localization_spacing_mm"])
    ratio = float((np.ceil(extent / nominal) / np.array([allowed[-1] for allowed in sizes])).max())
    ratio += method["localization_ratio_margin"]
    if ratio > 1:
        nominal = np.float32(method["localization_spacing_mm"] * ratio)
    content = np.ceil(extent / nominal).astype(int)
    missing = next_sizes(content, sizes) - content
    before = missing // 2
    image = resample(hu, *(area_matrix(n_in, n_out) for n_in, n_out in zip(hu.shape, content, strict=True)))
    margins = np.stack([before, missing - before], axis=1)
    image = scaled(np.pad(image, margins, constant_values=method["localization_padding_hu"]), method)
    background, organs = network(image[None, None])[0]
    least_voxels = 1000.0 * method["least_part_ml"] / float(nominal) ** 3
    window = bounding_window(without_small_components(background < organs, least_voxels))
    if window is None:
        raise ScanError("no organ region was found in the scan")
    first = np.array([part.start for part in window], np.float32) - before.astype(np.float32)
    stop = np.array([part.stop for part in window], np.float32) - before.astype(np.float32)
    margin = np.float32(method["region_margin_mm"])
    return (first * nominal - margin).tolist(), (stop * nominal + margin).tolist()


def planned(
    start_mm: list[float],
    end_mm: list[float],
    shape: tuple[int, ...],
    spacing: tuple[float, ...],
    method: dict[str, Any],
) -> Region:
    """The input of the segmentation network for a box, in single precision as in the authors' program."""
    start, end, step = np.array(start_mm, np.float32), np.array(end_mm, np.float32), np.asarray(spacing, np.float32)
    sizes = method["segmentation_sizes"]
    fitting = ((end - start) / np.array([allowed[-1] for allowed in sizes], np.float32)).max()
    nominal = np.float32(method["segmentation_spacing_mm"])
    if fitting > np.float32(method["segmentation_largest_fit_mm"]):
        nominal = fitting + np.float32(method["segmentation_spacing_margin_mm"])
    size = next_sizes((np.ceil(end - start) / nominal).astype(int), sizes)
    centre = (start + end) / np.float32(2)
    half = np.floor(size.astype(np.float32) * nominal / np.float32(2))
    first = np.floor((centre - half) / step).astype(int)
    stop = np.ceil((centre + half + np.float32(method["crop_end_margin_mm"])) / step).astype(int)
    count = np.array(shape)
    return Region(
        centre - half,
        centre + half,
        float(nominal),
        size,
        np.stack([np.maximum(first, 0), np.maximum(count - stop, 0)], axis=1),
        np.stack([np.maximum(-first, 0), np.maximum(stop - count, 0)], axis=1),
    )


def region_input(hu: np.ndarray, spacing: tuple[float, ...], region: Region, method: dict[str, Any]) -> np.ndarray:
    """The scan smoothed, cropped, surrounded by 0 HU where the region leaves it, averaged and scaled."""
    matrices = []
    for axis, count in enumerate(hu.shape):
        smoothing = gaussian_matrix(count, method["smoothing_sigma_mm"] / spacing[axis])
        lower, upper = (int(number) for number in region.cropping[axis])
        crop = np.pad(smoothing[lower : count - upper], (region.padding[axis], (0, 0)))
        matrices.append(area_matrix(len(crop), int(region.shape[axis])) @ crop)
    return scaled(resample(hu, *matrices), method)


def cutting_faces(
    scores: np.ndarray, region: Region, spacing: tuple[float, ...], method: dict[str, Any]
) -> list[tuple[int, int]]:
    """Faces (axis, side) of the region within the scan that have organs right behind them, on more than some area."""
    found, depth = [], method["touch_depth_voxels"]
    for axis in range(3):
        for side, layer in enumerate((slice(None, depth), slice(-depth, None))):
            is_inside = region.cropping[axis][side] * spacing[axis] >= region.spacing_mm
            behind = class_map(scores[(slice(None),) * (1 + axis) + (layer,)])
            area_mm2 = np.count_nonzero(behind) * region.spacing_mm**2 / depth
            if is_inside and area_mm2 > method["second_pass_area_mm2"]:
                found.append((axis, side))
    return found


def next_sizes(content: np.ndarray, allowed: list[list[int]]) -> np.ndarray:
    """Along each axis the smallest allowed size above the content, or the largest."""
    pairs = zip(content, allowed, strict=True)
    return np.array([next((size for size in sizes if size > count), sizes[-1]) for count, sizes in pairs])


def scaled(image_hu: np.ndarray, method: dict[str, Any]) -> np.ndarray:
    """HU as the networks take them."""
    return np.clip(image_hu / np.float32(method["intensity_scale"]), -1.0, 1.0)
