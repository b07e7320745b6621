"""flarelite: the organs in the body at 3 mm, their borders at 2 mm, labels on the scan's grid."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from flarecli.export.runner.components import bounding_window, largest_components
from flarecli.export.runner.networks import Network
from flarecli.export.runner.nifti import Scan, ScanError
from flarecli.export.runner.resampling import (
    Window,
    area_matrix,
    class_map,
    half_pixel_positions,
    linear_matrix,
    resample,
    restore_labels,
)


@dataclass(frozen=True)
class NetworkGrid:
    """The input of a network: a window of the scan, its size in the network's voxels, and that with its padding."""

    window: Window
    shape_zyx: tuple[int, ...]
    spacing_mm: tuple[float, ...]
    padded_zyx: tuple[int, ...]

    @property
    def inside(self) -> Window:
        """The part of the input that is not padding."""
        z, y, x = (slice(0, size) for size in self.shape_zyx)
        return z, y, x


def segment(scan: Scan, networks: dict[str, Network], method: dict[str, Any]) -> np.ndarray:
    """The label map of a scan, uint8, shape (z, y, x)."""
    body = body_window(scan, method)
    located = network_grid(body, scan, method["locate_spacing"], method["locate_multiple"])
    coarse = networks["locate"](image_input(scan.hu, located, method)[None, None])[0]
    found = filter_organs(coarse[(slice(None), *located.inside)].copy(), located, method)
    window = window_around(found, located, scan, method["region_margin_mm"])
    if window is None:
        raise ScanError("no organ was found in the scan")
    refined = network_grid(window, scan, method["refine_spacing"], method["refine_multiple"])
    image = image_input(scan.hu, refined, method)
    organs = region_probabilities(coarse, located, refined)
    scores = networks["refine"](np.concatenate([image[None], organs])[None])[0][(slice(None), *refined.inside)]
    inside = (slice(None), *refined.inside)
    probabilities = averaged(scores, organs[inside], method["refine_share"])
    fat = image[refined.inside] * np.float32(method["scale_hu"]) < method["pancreas_least_hu"]
    probabilities[0][fat] += probabilities[4][fat]
    probabilities[4][fat] = 0
    filter_organs(probabilities, refined, method)
    labels = np.zeros(scan.hu.shape, np.uint8)
    restore_labels(probabilities, labels[window].shape, labels[window], (0, 0, 0))
    return labels


def body_window(scan: Scan, method: dict[str, Any]) -> Window:
    """The window that holds the body, over the whole length of the scan."""
    shape = scan.hu.shape
    steps = [max(1, round(method["body_step_mm"] / spacing)) for spacing in scan.spacing_mm]
    looked_at = scan.hu[tuple(slice(None, None, step) for step in steps)]
    body = largest_components(looked_at > method["body_least_hu"], 1, connectivity=6)
    window = [slice(0, shape[0])]
    for axis in (1, 2):
        inside = np.flatnonzero(body.mean(axis=(0, 3 - axis)) > method["body_plane_share"])
        if inside.size == 0:
            window.append(slice(0, shape[axis]))
            continue
        margin = round(method["body_margin_mm"] / scan.spacing_mm[axis])
        start, stop = int(inside[0]) * steps[axis] - margin, (int(inside[-1]) + 1) * steps[axis] + margin
        window.append(slice(max(0, start), min(shape[axis], stop)))
    z, y, x = window
    return z, y, x


def network_grid(window: Window, scan: Scan, spacing: dict[str, float], multiple: int) -> NetworkGrid:
    """The grid of a network over a window: voxels within the range of sizes, padded to the multiple."""
    extent = [part.stop * step - part.start * step for part, step in zip(window, scan.spacing_mm, strict=True)]
    padded = [multiple * math.ceil(round(length / spacing["coarsest_mm"] / multiple, 4)) for length in extent]
    shape = [
        max(1, min(size, round(length / spacing["finest_mm"]))) for size, length in zip(padded, extent, strict=True)
    ]
    sizes = tuple(length / count for length, count in zip(extent, shape, strict=True))
    return NetworkGrid(window, tuple(shape), sizes, tuple(padded))


def image_input(hu: np.ndarray, grid: NetworkGrid, method: dict[str, Any]) -> np.ndarray:
    """The window resampled, clipped and scaled; averages where the scan is finer than the grid, else linear."""
    seen = hu[grid.window]
    matrices = [
        area_matrix(n_in, n_out) if n_out < n_in else linear_matrix(n_in, half_pixel_positions(n_in, n_out))
        for n_in, n_out in zip(seen.shape, grid.shape_zyx, strict=True)
    ]
    low, high = method["window_hu"]
    image = np.full(grid.padded_zyx, low / method["scale_hu"], np.float32)
    clipped = np.clip(resample(seen, *matrices), np.float32(low), np.float32(high))
    image[grid.inside] = clipped / np.float32(method["scale_hu"])
    return image


def filter_organs(scores: np.ndarray, grid: NetworkGrid, method: dict[str, Any]) -> np.ndarray:
    """Exchange organ and background in small, surplus and thinly attached parts, in place; the labels that are left."""
    labels = class_map(scores)
    least_voxels = method["component_minimum_mm3"] / math.prod(grid.spacing_mm)
    for label, count in enumerate(method["kept_components"], start=1):
        mask = labels == label
        attached = label in method["without_thin_attachments"]
        whole = without_thin_attachments(mask, least_voxels) if attached else mask
        dropped = mask & ~largest_components(whole, count, least_voxels)
        background = scores[0][dropped]
        scores[0][dropped] = scores[label][dropped]
        scores[label][dropped] = background
        labels[dropped] = 0
    return labels


def without_thin_attachments(mask: np.ndarray, above_voxels: float) -> np.ndarray:
    """The mask without the parts that erosion by one voxel separates from its largest part."""
    cores = eroded(mask)
    largest = largest_components(cores, 1, connectivity=6)
    others = largest_components(cores & ~largest, mask.size, above_voxels, connectivity=6)
    if not others.any():
        return mask
    for _ in range(3):
        largest = ~eroded(~largest) & mask
        others = ~eroded(~others) & mask & ~largest
    return mask & ~others


def eroded(mask: np.ndarray) -> np.ndarray:
    """The voxels whose six neighbours, as far as there are any, belong to the mask."""
    inside = mask.copy()
    for axis in range(3):
        target, source = np.moveaxis(inside, axis, 0), np.moveaxis(mask, axis, 0)
        target[1:] &= source[:-1]
        target[:-1] &= source[1:]
    return inside


def window_around(labels: np.ndarray, located: NetworkGrid, scan: Scan, margin_mm: float) -> Window | None:
    """The window of the scan around the organs of the first stage, with a margin; None where there are none."""
    organs = bounding_window(labels)
    if organs is None:
        return None
    window = []
    for axis, (seen, size, spacing) in enumerate(zip(located.window, scan.hu.shape, scan.spacing_mm, strict=True)):
        start_mm = organs[axis].start * located.spacing_mm[axis] - margin_mm
        stop_mm = organs[axis].stop * located.spacing_mm[axis] + margin_mm
        start, stop = seen.start + math.floor(start_mm / spacing), seen.start + math.ceil(stop_mm / spacing)
        window.append(slice(max(0, start), min(size, stop)))
    z, y, x = window
    return z, y, x


def region_probabilities(probabilities: np.ndarray, located: NetworkGrid, refined: NetworkGrid) -> np.ndarray:
    """The first stage's probabilities of the organs on the grid of the second, zero in its padding."""
    matrices = []
    for n_in, seen, part, n_out in zip(
        located.shape_zyx, located.window, refined.window, refined.shape_zyx, strict=True
    ):
        in_scan = part.start + (np.arange(n_out) + 0.5) * ((part.stop - part.start) / n_out)
        in_located = (in_scan - seen.start) * (n_in / (seen.stop - seen.start))
        matrices.append(linear_matrix(n_in, np.clip(in_located - 0.5, 0.0, n_in - 1.0)))
    organs = probabilities[(slice(1, None), *located.inside)]
    out = np.zeros((len(organs), *refined.padded_zyx), np.float32)
    for target, organ in zip(out, organs, strict=True):
        target[refined.inside] = resample(organ, *matrices)
    return out


def averaged(probabilities: np.ndarray, organs: np.ndarray, share: float) -> np.ndarray:
    """The average of both stages' probabilities; `share` is the weight of the second."""
    result = probabilities * np.float32(share)
    result[1:] += np.float32(1 - share) * organs
    result[0] += np.float32(1 - share) * (1 - organs.sum(axis=0))
    return result
