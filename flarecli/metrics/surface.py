"""Distances between the surfaces of two masks: NSD, HD95 and ASSD.

All three follow one definition of the surface: elements on voxel corners (`surface_elements`), each with its
area in mm², and the Euclidean distance between corners. What lies outside the array is background, so a mask
that touches the border has a surface there.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from flarecli.errors import InputError
from flarecli.geometry import bounding_window
from flarecli.metrics.nearest import LatticeSurface, nearest_distances_mm, stencil_within
from flarecli.metrics.overlap import checked_masks
from flarecli.metrics.surface_elements import area_by_code_mm2


@dataclass(frozen=True)
class SurfaceDistances:
    """The surface elements of two masks, each with its area and its distance to the other surface.

    Attributes:
        pred_to_gt_mm: float64, one value an element of the prediction's surface; infinite beyond the limit
            that was asked for, and where the ground truth is empty.
        gt_to_pred_mm: The same from the ground truth to the prediction.
        pred_area_mm2: float64, area of each element of the prediction's surface.
        gt_area_mm2: The same of the ground truth.
    """

    pred_to_gt_mm: NDArray[np.float64]
    gt_to_pred_mm: NDArray[np.float64]
    pred_area_mm2: NDArray[np.float64]
    gt_area_mm2: NDArray[np.float64]

    @property
    def is_empty(self) -> bool:
        """Whether neither mask has a surface."""
        return not len(self.pred_area_mm2) and not len(self.gt_area_mm2)

    @property
    def is_one_sided(self) -> bool:
        """Whether one mask has a surface and the other has none."""
        return bool(len(self.pred_area_mm2)) != bool(len(self.gt_area_mm2))

    def share_within(self, tolerance_mm: float) -> float:
        """NSD: the share of both surfaces' area that lies at most `tolerance_mm` from the other surface."""
        if self.is_empty:
            return 1.0
        within_mm2 = (
            self.pred_area_mm2[self.pred_to_gt_mm <= tolerance_mm].sum()
            + self.gt_area_mm2[self.gt_to_pred_mm <= tolerance_mm].sum()
        )
        return float(within_mm2 / (self.pred_area_mm2.sum() + self.gt_area_mm2.sum()))

    def percentile_mm(self, percent: float) -> float:
        """The distance that `percent` % of a surface does not exceed, the greater of both directions."""
        if self.is_empty:
            return 0.0
        if self.is_one_sided:
            return math.inf
        return max(
            _weighted_percentile(self.pred_to_gt_mm, self.pred_area_mm2, percent),
            _weighted_percentile(self.gt_to_pred_mm, self.gt_area_mm2, percent),
        )

    def mean_mm(self) -> float:
        """Mean distance over the area of both surfaces taken together."""
        if self.is_empty:
            return 0.0
        if self.is_one_sided:
            return math.inf
        weighted = self.pred_to_gt_mm @ self.pred_area_mm2 + self.gt_to_pred_mm @ self.gt_area_mm2
        return float(weighted / (self.pred_area_mm2.sum() + self.gt_area_mm2.sum()))


def normalized_surface_distance(
    pred: ArrayLike, gt: ArrayLike, spacing_mm: tuple[float, float, float], tolerance_mm: float
) -> float:
    """Normalized surface distance (surface Dice at a tolerance) of two masks.

    The area of the surface elements of each mask that lie at most `tolerance_mm` from the nearest element of
    the other, summed over both masks, divided by the whole area of both surfaces.

    Edge cases, as in the FLARE scripts: both masks empty give 1, one empty mask gives 0. A distance equal to
    the tolerance counts as within. What lies outside the array is background. Masks need not be connected.

    Args:
        pred: bool array of shape `(n0, n1, n2)`; the package's order of axes is (z, y, x).
        gt: bool array of the same shape.
        spacing_mm: Distance between voxel centres along the three axes of the arrays, in mm. To repeat the
            challenge's decisions on distances that equal the tolerance, give the float32 values of the
            ground truth's header.
        tolerance_mm: Greatest distance that counts as agreement, in mm.

    Returns:
        A value from 0 to 1.

    Raises:
        InputError: when the arrays are not bool, not three-dimensional or differ in shape, or when the
            spacing or the tolerance is not a positive (tolerance: non-negative) number.

    Source: Nikolov et al., arXiv:1809.04430; arithmetic of the FLARE21 script (DSC_NSD_eval.py).
    """
    _check_tolerance(tolerance_mm)
    return surface_distances(pred, gt, spacing_mm, limit_mm=tolerance_mm).share_within(tolerance_mm)


def hausdorff_distance_95(pred: ArrayLike, gt: ArrayLike, spacing_mm: tuple[float, float, float]) -> float:
    """95th percentile of the surface distances in mm, weighted by area; the greater of both directions.

    Edge cases: both masks empty give 0, one empty mask gives infinity.

    Args, Raises: as `normalized_surface_distance`.

    Source: compute_robust_hausdorff of google-deepmind/surface-distance.
    """
    return surface_distances(pred, gt, spacing_mm).percentile_mm(95)


def average_surface_distance(pred: ArrayLike, gt: ArrayLike, spacing_mm: tuple[float, float, float]) -> float:
    """Average symmetric surface distance (ASSD) in mm: the mean over the area of both surfaces together.

    Edge cases: both masks empty give 0, one empty mask gives infinity.

    Args, Raises: as `normalized_surface_distance`.
    """
    return surface_distances(pred, gt, spacing_mm).mean_mm()


def surface_distances(
    pred: ArrayLike, gt: ArrayLike, spacing_mm: tuple[float, float, float], *, limit_mm: float = math.inf
) -> SurfaceDistances:
    """Measure the surface elements of two masks and their distances to each other.

    Args:
        pred: bool array of shape `(n0, n1, n2)`.
        gt: bool array of the same shape.
        spacing_mm: Distance between voxel centres along the three axes of the arrays.
        limit_mm: Distances beyond it are reported as infinite; a small limit saves time.

    Raises:
        InputError: as `normalized_surface_distance`.
    """
    pred_mask, gt_mask = checked_masks(pred, gt)
    _check_geometry(pred_mask.shape, spacing_mm)
    box = bounding_window(pred_mask, gt_mask)
    if box is None:
        nothing = np.empty(0)
        return SurfaceDistances(nothing, nothing, nothing, nothing)
    stencil = stencil_within(spacing_mm, limit_mm)
    pred_surface = LatticeSurface(pred_mask[box], stencil.margin)
    gt_surface = LatticeSurface(gt_mask[box], stencil.margin)
    areas_mm2 = area_by_code_mm2(spacing_mm)
    return SurfaceDistances(
        nearest_distances_mm(pred_surface, gt_surface, spacing_mm, stencil=stencil, limit_mm=limit_mm),
        nearest_distances_mm(gt_surface, pred_surface, spacing_mm, stencil=stencil, limit_mm=limit_mm),
        areas_mm2[pred_surface.codes],
        areas_mm2[gt_surface.codes],
    )


def _weighted_percentile(values: NDArray[np.float64], weights: NDArray[np.float64], percent: float) -> float:
    """Smallest value below or at which at least `percent` % of the weight lies."""
    order = np.lexsort((weights, values))
    reached = np.cumsum(weights[order])
    place = np.searchsorted(reached / reached[-1], percent / 100)
    return float(values[order[min(int(place), len(order) - 1)]])


def _check_geometry(shape: tuple[int, ...], spacing_mm: tuple[float, float, float]) -> None:
    if len(shape) != 3:
        raise InputError(
            "the masks are not three-dimensional",
            seen=f"shape {shape}",
            expected="three axes",
            remedy="Give one volume at a time.",
        )
    if len(spacing_mm) != 3 or not all(math.isfinite(step) and step > 0 for step in spacing_mm):
        raise InputError(
            "`spacing_mm` is not a voxel spacing",
            seen=spacing_mm,
            expected="three positive numbers",
            remedy="Give the distance between voxel centres along each axis of the arrays, in mm.",
        )


def _check_tolerance(tolerance_mm: float) -> None:
    if not (math.isfinite(tolerance_mm) and tolerance_mm >= 0):
        raise InputError(
            "`tolerance_mm` is not a tolerance",
            seen=tolerance_mm,
            expected="a number of mm, 0 or more",
            remedy="FLARE21 uses 1 mm for every organ.",
        )
