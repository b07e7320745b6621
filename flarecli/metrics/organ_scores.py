"""The scores of one organ in one case, under the rules of a protocol."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from flarecli.errors import InputError
from flarecli.metrics.label_map import LabelMap
from flarecli.metrics.label_masks import masks_by_label
from flarecli.metrics.overlap import dice
from flarecli.metrics.protocol import FLARE21, Metric, Protocol, ScoredOrgan
from flarecli.metrics.surface import surface_distances

Scores = dict[Metric, tuple[float, ...]]
"""One value an organ, in the protocol's order; NaN where a score does not exist."""


@dataclass(frozen=True)
class EvaluationSettings:
    """How cases are scored.

    Attributes:
        protocol: Organs, tolerances and rules.
        metrics: The scores wanted, in the order of the tables.
        literal: Repeat the challenge's published script, its errors included: arrays are compared index by
            index, affines are ignored, and only predictions that exist are looked at.
        ignore_geometry: Score pairs on different grids too, as long as their shapes agree.
        geometry_tolerance_mm: How far apart the same voxel may lie in the world in both files.
    """

    protocol: Protocol = FLARE21
    metrics: tuple[Metric, ...] = (Metric.DSC, Metric.NSD)
    literal: bool = False
    ignore_geometry: bool = False
    geometry_tolerance_mm: float = 0.1


def score_organs(pred: LabelMap, gt: LabelMap, settings: EvaluationSettings) -> Scores:
    """Score every organ of the protocol in one pair of label maps on one grid.

    Distances use the spacing of the ground truth.

    Raises:
        InputError: where the literal script would break off.
    """
    organs = settings.protocol.organs
    masks = masks_by_label(pred.labels, gt.labels, [organ.label for organ in organs])
    rows = [
        _score_organ(pred_mask, gt_mask, organ, gt, settings)
        for organ, (pred_mask, gt_mask) in zip(organs, masks, strict=True)
    ]
    return {metric: tuple(row[metric] for row in rows) for metric in settings.metrics}


def _score_organ(
    pred_mask: NDArray[np.bool_],
    gt_mask: NDArray[np.bool_],
    organ: ScoredOrgan,
    gt: LabelMap,
    settings: EvaluationSettings,
) -> dict[Metric, float]:
    protocol, wanted = settings.protocol, settings.metrics
    if organ.only_labelled_slices and gt_mask.any():
        slices = _labelled_slices(gt_mask, organ, literal=settings.literal)
        pred_mask, gt_mask = pred_mask[slices], gt_mask[slices]
    scores = {Metric.DSC: dice(pred_mask, gt_mask)}
    if Metric.VOLUME in wanted:
        difference = int(np.count_nonzero(pred_mask)) - int(np.count_nonzero(gt_mask))
        scores[Metric.VOLUME] = difference * gt.voxel_ml
    needs_all_distances = Metric.HD95 in wanted or Metric.ASSD in wanted
    if needs_all_distances or Metric.NSD in wanted:
        limit_mm = math.inf if needs_all_distances else organ.tolerance_mm
        distances = surface_distances(pred_mask, gt_mask, gt.spacing_mm, limit_mm=limit_mm)
        has_nsd = scores[Metric.DSC] >= protocol.least_dsc_for_nsd
        scores[Metric.NSD] = distances.share_within(organ.tolerance_mm) if has_nsd else 0.0
        if needs_all_distances:
            scores[Metric.HD95] = distances.percentile_mm(95)
            scores[Metric.ASSD] = distances.mean_mm()
    if settings.literal and protocol.decimals is not None:
        scores = {metric: round(score, protocol.decimals) for metric, score in scores.items()}
    return scores


def _labelled_slices(gt_mask: NDArray[np.bool_], organ: ScoredOrgan, *, literal: bool) -> slice:
    """Axial slices from the first to the last one with the organ; the published script drops the last."""
    labelled = np.flatnonzero(gt_mask.any(axis=(1, 2)))
    first, last = int(labelled[0]), int(labelled[-1])
    if not literal:
        return slice(first, last + 1)
    if first == last:
        raise InputError(
            f"{organ.name} lies in a single slice of the ground truth, where the published script breaks off",
            seen="1 slice",
            expected="2 slices or more",
            remedy="Score this case without --literal.",
        )
    return slice(first, last)
