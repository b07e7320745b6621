"""Every step of the pipelines before, between and after the networks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from flarecli.geometry import Grid
from flarecli.resample import aligned_matrix, resample_separable, restore_labels, restore_mask
from flarecli.systems.components import largest_components
from flarecli.systems.efficientscn import EfficientScnConstants
from flarecli.systems.efficientscn.geometry import box_around_mask, plan_localization, plan_segmentation
from flarecli.systems.efficientscn.inputs import localization_input, segmentation_input
from flarecli.systems.efficientsegnet import EfficientSegNetConstants
from flarecli.systems.efficientsegnet.inputs import network_input
from flarecli.systems.efficientsegnet.regions import window_around_mask
from flarecli.systems.efficientsegnet.training_arrays import EfficientSegNetTrainingArrays
from flarecli.systems.vgg13 import Vgg13Constants
from flarecli.systems.vgg13.inputs import grey_slice, network_batch
from flarecli.systems.vgg13.restoring import restored_labels
from flarecli.volume.orientation import Orientation
from tests.golden.case import Arrays, GoldenCase, thinned
from tests.golden.drawn import label_map, noise, scan_hu, smooth
from tests.labelled_volumes import grid_of, volume_of

Shape = tuple[int, int, int]
Spacing = tuple[float, float, float]

_SCN = EfficientScnConstants()
_SEGNET = EfficientSegNetConstants()
_VGG13 = Vgg13Constants(slice_size=64)


def _efficientscn(shape: Shape, spacing_mm: Spacing, seed: int) -> Arrays:
    """Both inputs, the box between them, every size, and labels back in the scan."""
    voxels = scan_hu(shape, seed)
    located = plan_localization(shape, spacing_mm, _SCN)
    mask = np.zeros(located.input_shape_zyx, bool)
    mask[tuple(slice(n // 3, 2 * n // 3) for n in mask.shape)] = True
    region = box_around_mask(mask, located, _SCN)
    assert region is not None
    plan = plan_segmentation(region, shape, spacing_mm, _SCN)
    scores = np.stack([smooth(plan.input_shape_zyx, seed + label, 12) for label in range(5)]).astype(np.float32)
    labels = np.zeros(shape, np.uint8)
    crop = tuple(slice(low, n - high) for (low, high), n in zip(plan.cropping, shape, strict=True))
    origin: Any = tuple(low for low, _ in plan.padding)
    restore_labels(scores, plan.crop_shape_zyx, labels[crop], origin_zyx=origin)
    unsmoothed = replace(_SCN, smoothing_sigma_mm=0.0)
    return {
        "localization_input": _thin(localization_input(voxels, located, _SCN)),
        "segmentation_input": _thin(segmentation_input(voxels, spacing_mm, plan, _SCN)),
        "unsmoothed_input": _thin(segmentation_input(voxels, spacing_mm, plan, unsmoothed)),
        "box_mm": np.float32([region.start_mm, region.end_mm]),
        "spacings_mm": np.float32([located.spacing_mm, plan.spacing_mm]),
        "paddings": np.array([located.padding, plan.padding, plan.cropping]),
        "sizes": np.array([located.input_shape_zyx, plan.input_shape_zyx, plan.crop_shape_zyx]),
        "labels": labels,
    }


def _thin(image: np.ndarray) -> np.ndarray:
    return thinned(image[None, None], 3)


def _efficientsegnet_inputs() -> Arrays:
    return {
        "coarse": _thin(network_input(scan_hu((37, 71, 45), 21), (32, 48, 64), _SEGNET)),
        "fine": _thin(network_input(scan_hu((41, 53, 67), 22), (64, 80, 128), _SEGNET)),
        "standardised": _thin(network_input(scan_hu((11, 17, 13), 23), (11, 17, 13), _SEGNET)),
    }


def _efficientsegnet_masks() -> Arrays:
    arrays = {}
    for name, shape in (("finer", (33, 41, 29)), ("coarser", (9, 12, 7))):
        out = np.empty(shape, bool)
        restore_mask(smooth((16, 20, 18), 24, 5).astype(np.float32), shape, out)
        arrays[name] = out
    return arrays


def _efficientsegnet_windows() -> Arrays:
    mask = np.zeros((16, 16, 16), bool)
    mask[3:9, 5:12, 6:14] = True
    grid = Grid((23, 40, 37), (5.0, 0.8, 0.77), np.diag([0.77, 0.8, 5.0, 1.0]))
    windows = [window_around_mask(mask, grid, replace(_SEGNET, region_margin_mm=m)) for m in (0, 2, 20)]
    return {"edges": np.array([[(part.start, part.stop) for part in window or ()] for window in windows])}


def _efficientsegnet_training() -> Arrays:
    shape = (23, 40, 37)
    constants = replace(_SEGNET, coarse_shape_zyx=(16, 20, 24), fine_shape_zyx=(12, 20, 18))
    arrays = EfficientSegNetTrainingArrays(constants)
    volume = volume_of(scan_hu(shape, 25), grid_of(shape, (5.0, 4.0, 3.3)))
    prepared = arrays.prepare(volume, label_map(shape, 26))
    return {
        f"{network}_{part}": getattr(found, part) for network, found in prepared.items() for part in ("image", "labels")
    }


def _orientations() -> Arrays:
    """ITK's direction signs (z, y, x); its x and y run to Left and Posterior."""
    stored = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
    signs = [(z, y, x) for z in (1, -1) for y in (1, -1) for x in (1, -1)]
    turned = [Orientation.of_affine(np.diag([-x, -y, z, 1.0])).canonical_view(stored.T) for z, y, x in signs]
    return {"views": np.stack(turned)}


def _components() -> Arrays:
    masks = [smooth((20, 24, 28), seed, 3) > 0.9 for seed in (27, 28)]
    return {
        f"mask{index}_{count}_above_{above}": largest_components(mask, count, above)
        for index, mask in enumerate(masks)
        for count, above in ((1, 0), (2, 0), (2, 26.5), (1, 1e9))
    }


def _aligned() -> Arrays:
    image = scan_hu((11, 17, 13), 29)
    shape = (8, 20, 16)
    matrices = (aligned_matrix(n_in, n_out) for n_in, n_out in zip(image.shape, shape, strict=True))
    return {"image": resample_separable(image, *matrices)}


def _vgg13() -> Arrays:
    arrays = {}
    for name, shape in (("same", (2, 64, 64)), ("up", (2, 48, 60))):
        grey = np.stack([grey_slice(plane, _VGG13) for plane in scan_hu(shape, 30)])
        arrays[f"{name}_grey"] = grey
        arrays[f"{name}_images"] = thinned(network_batch(grey, _VGG13), 2)
    classes = label_map((1, 64, 64), 31)[0]
    return arrays | {f"labels_{y}x{x}": restored_labels(classes, (y, x), _VGG13) for y, x in ((64, 64), (48, 60))}


def _noisy_scores() -> Arrays:
    """Labels of scores without any structure, where ties and borders show."""
    labels = np.zeros((21, 18, 26), np.uint8)
    restore_labels(noise((5, 8, 9, 10), 32), labels.shape, labels)
    return {"labels": labels}


CASES = {
    "efficientscn_ordinary": GoldenCase(
        lambda: _efficientscn((40, 70, 60), (5.0, 2.5, 2.5), 11), {"": 2e-5, "box": 1e-5}, differing_share=2e-4
    ),
    "efficientscn_too_large": GoldenCase(
        lambda: _efficientscn((20, 110, 90), (7.5, 6.2, 5.8), 12), {"": 2e-5, "box": 1e-4}, differing_share=2e-4
    ),
    "efficientscn_tiny": GoldenCase(
        lambda: _efficientscn((50, 24, 30), (1.0, 3.0, 2.0), 13), {"": 2e-5, "box": 1e-5}, differing_share=2e-4
    ),
    "efficientsegnet_inputs": GoldenCase(_efficientsegnet_inputs, {"": 5e-5}),
    "efficientsegnet_masks": GoldenCase(_efficientsegnet_masks, differing_share=2e-4),
    "efficientsegnet_windows": GoldenCase(_efficientsegnet_windows),
    "efficientsegnet_training": GoldenCase(_efficientsegnet_training),
    "orientations": GoldenCase(_orientations),
    "components": GoldenCase(_components),
    "aligned": GoldenCase(_aligned, {"": 5e-4}),
    "vgg13": GoldenCase(_vgg13, {"": 1e-5}),
    "noisy_scores": GoldenCase(_noisy_scores, differing_share=2e-4),
}
