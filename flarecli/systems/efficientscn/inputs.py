"""The inputs of the two networks of EfficientSCN: crops of the scan, resampled by area and scaled.

Every step but the clipping is linear and separable, so each input is one streamed pass over the part of the
scan that it depends on. The authors' code works in half precision; these are the same images in float32.
"""

from __future__ import annotations

import numpy as np

from flarecli.resample import area_matrix, composed, crop_and_pad_rows, gaussian_matrix, resample_separable
from flarecli.systems.efficientscn.constants import EfficientScnConstants
from flarecli.systems.efficientscn.geometry import LocalizationPlan, PerSide, SegmentationPlan


def localization_input(voxels_lps: np.ndarray, plan: LocalizationPlan, constants: EfficientScnConstants) -> np.ndarray:
    """The whole scan at the localization's spacing, unsmoothed, surrounded by air.

    Args:
        voxels_lps: int16 HU, shape (z, y, x), LPS.
        plan: Made for a scan of that shape.

    Returns:
        float32 array of shape `plan.input_shape_zyx`, values in [-1, 1].
    """
    content = localization_hu(voxels_lps, plan.content_shape_zyx)
    padded = np.pad(content, plan.padding, constant_values=constants.localization_padding_hu)
    return _scaled(padded, constants)


def segmentation_input(
    voxels_lps: np.ndarray,
    spacing_mm: tuple[float, float, float],
    plan: SegmentationPlan,
    constants: EfficientScnConstants,
) -> np.ndarray:
    """The smoothed region at the segmentation's spacing, surrounded by 0 HU where it leaves the scan.

    The smoothing includes the scan beyond the region; the padding is not smoothed. Zero rows of the
    1-D resampling matrices make the padding, which is why its value is not among the constants: 0 HU. Source: code; the
    authors' training pads with -1024.

    Args:
        voxels_lps: int16 HU, shape (z, y, x), LPS.
        spacing_mm: Of the scan.
        plan: Made for a scan of that shape and spacing.

    Returns:
        float32 array of shape `plan.input_shape_zyx`, values in [-1, 1].
    """
    image_hu = segmentation_hu(
        voxels_lps, spacing_mm, plan.cropping, plan.padding, plan.input_shape_zyx, constants.smoothing_sigma_mm
    )
    return _scaled(image_hu, constants)


def localization_hu(voxels_lps: np.ndarray, shape_zyx: tuple[int, int, int]) -> np.ndarray:
    """The whole scan averaged over equal parts: float32 HU of the given shape."""
    matrices = (area_matrix(n_in, n_out) for n_in, n_out in zip(voxels_lps.shape, shape_zyx, strict=True))
    return resample_separable(voxels_lps, *matrices)


def segmentation_hu(
    voxels_lps: np.ndarray,
    spacing_mm: tuple[float, float, float],
    cropping: PerSide,
    padding: PerSide,
    shape_zyx: tuple[int, int, int],
    sigma_mm: float,
) -> np.ndarray:
    """The scan smoothed, cropped, surrounded by 0 HU, and averaged over equal parts: float32 HU.

    Args:
        voxels_lps: int16 HU, shape (z, y, x), LPS.
        spacing_mm: Of the scan.
        cropping: Voxels of the scan that are left out.
        padding: Voxels that are added to the rest.
        shape_zyx: Shape of the result.
        sigma_mm: Of the Gaussian.
    """
    matrices = []
    for axis, (count, spacing) in enumerate(zip(voxels_lps.shape, spacing_mm, strict=True)):
        crop = crop_and_pad_rows(gaussian_matrix(count, sigma_mm / spacing), cropping[axis], padding[axis])
        matrices.append(composed(crop, area_matrix(crop.shape[0], shape_zyx[axis])))
    return resample_separable(voxels_lps, *matrices)


def _scaled(image_hu: np.ndarray, constants: EfficientScnConstants) -> np.ndarray:
    """HU to the networks' intensities, in place."""
    image_hu /= np.float32(constants.intensity_scale)
    return np.clip(image_hu, -1.0, 1.0, out=image_hu)
