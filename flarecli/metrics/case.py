"""Evaluation of one case, from its two files to its scores; an error in the files fails this case only."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from flarecli.addresses import shown
from flarecli.errors import FlareError, InputError, error_of
from flarecli.geometry import greatest_distance_mm
from flarecli.metrics.label_map import (
    Fractions,
    LabelMap,
    canonical_shape_zyx,
    read_label_header,
    read_label_map,
    read_label_map_literally,
)
from flarecli.metrics.label_values import ValueCounts, count_values
from flarecli.metrics.organ_scores import EvaluationSettings, Scores, score_organs
from flarecli.metrics.pairing import CasePair
from flarecli.metrics.protocol import Metric
from flarecli.volume.at_hand import images_at_hand
from flarecli.volume.image import ImageHeader

_WORST = {
    Metric.DSC: 0.0,
    Metric.NSD: 0.0,
    Metric.HD95: math.inf,
    Metric.ASSD: math.inf,
    Metric.VOLUME: math.nan,
}
"""Scores of a prediction that does not exist, also of organs that the ground truth lacks."""


class EvaluationStatus(StrEnum):
    """Result of evaluating a case."""

    SCORED = "scored"
    MISSING = "missing"
    """No prediction: counts with the worst scores."""
    FAILED = "failed"
    """The files cannot be compared: no scores, left out of every mean."""


@dataclass(frozen=True)
class CaseEvaluation:
    """The evaluation of one case.

    Attributes:
        pair: The files.
        status: Whether the case was scored, is missing or failed.
        scores: One value an organ for each metric; empty where the case failed.
        warnings: Anomalies of the files that can make the scores misleading.
        error: Why the case failed.
        values: Which values both label maps hold, and how they overlap; None where the case was not scored.
    """

    pair: CasePair
    status: EvaluationStatus
    scores: Scores
    warnings: tuple[str, ...] = ()
    error: FlareError | None = None
    values: ValueCounts | None = None

    @property
    def name(self) -> str:
        """Name of the case in tables."""
        return self.pair.name

    def as_dict(self, organ_names: tuple[str, ...]) -> dict[str, Any]:
        """The result for programs; scores that are infinite or do not exist are null."""
        return {
            "name": self.name,
            "status": self.status.value,
            "pred": None if self.pair.pred is None else shown(self.pair.pred),
            "gt": None if self.pair.gt is None else shown(self.pair.gt),
            "scores": {
                metric.value: {
                    organ: score if math.isfinite(score) else None
                    for organ, score in zip(organ_names, values, strict=True)
                }
                for metric, values in self.scores.items()
            },
            "warnings": list(self.warnings),
            "error": None if self.error is None else self.error.as_dict(),
        }


def evaluate_case(pair: CasePair, settings: EvaluationSettings) -> CaseEvaluation:
    """Read and score one case; errors become part of the result."""
    if pair.pred is None:
        organs = len(settings.protocol.organs)
        worst = {metric: (_WORST[metric],) * organs for metric in settings.metrics}
        return CaseEvaluation(pair, EvaluationStatus.MISSING, worst, ("no prediction: counted with the worst scores",))
    try:
        with images_at_hand(pair.pred, pair.gt):
            pred, gt = read_pair(pair, settings)
            warnings = _warnings(pair, pred, gt)
        scores = score_organs(pred, gt, settings)
        values = count_values(pred.labels, gt.labels)
    except Exception as error:
        return CaseEvaluation(pair, EvaluationStatus.FAILED, {}, error=error_of(error, pair.pred))
    return CaseEvaluation(pair, EvaluationStatus.SCORED, scores, warnings, values=values)


def read_pair(pair: CasePair, settings: EvaluationSettings) -> tuple[LabelMap, LabelMap]:
    """Read prediction and ground truth of a case, on one grid.

    Raises:
        InputError: when a file is missing or cannot be used, or the grids differ.
    """
    if pair.gt is None or pair.pred is None:
        side = "prediction" if pair.pred is None else "ground truth"
        raise InputError(
            f"has no {side}",
            path=pair.gt or pair.pred,
            expected=f"a {side} named {pair.name}",
            remedy="Name both files of a case alike.",
        )
    read = read_label_map_literally if settings.literal else read_label_map
    is_truncated = settings.protocol.prediction_is_truncated
    gt_header, pred_header = read_label_header(pair.gt), read_label_header(pair.pred)
    _check_same_shape(pair, pred_header, gt_header, literal=settings.literal)
    gt = read(gt_header, fractions=Fractions.TRUNCATED)
    pred = read(pred_header, fractions=Fractions.TRUNCATED if is_truncated else Fractions.UNLABELLED)
    if not (settings.literal or settings.ignore_geometry):
        _check_same_place(pair, pred, gt, settings.geometry_tolerance_mm)
    return pred, gt


def _check_same_shape(pair: CasePair, pred: ImageHeader, gt: ImageHeader, *, literal: bool) -> None:
    """Refuse label maps of different shape before either is decompressed."""
    if literal:
        pred_shape, gt_shape = (header.shape[2::-1] for header in (pred, gt))
    else:
        pred_shape, gt_shape = canonical_shape_zyx(pred), canonical_shape_zyx(gt)
    if pred_shape != gt_shape:
        raise InputError(
            "the prediction and its ground truth differ in shape",
            path=pair.pred,
            seen=f"{pred_shape} (z, y, x)",
            expected=f"{gt_shape}, as in {pair.gt}",
            remedy="Resample the prediction onto the grid of the ground truth.",
        )


def _check_same_place(pair: CasePair, pred: LabelMap, gt: LabelMap, tolerance_mm: float) -> None:
    z, y, x = gt.labels.shape
    apart_mm = greatest_distance_mm(pred.affine_ras, gt.affine_ras, (z, y, x))
    if not apart_mm <= tolerance_mm:
        raise InputError(
            "the prediction and its ground truth lie at different places in the world",
            path=pair.pred,
            seen=f"the same voxel up to {apart_mm:.4g} mm apart",
            expected=f"at most {tolerance_mm:g} mm (--geometry-tolerance)",
            remedy="Give predictions their scan's geometry, or pass --ignore-geometry to compare by index.",
        )


def _warnings(pair: CasePair, pred: LabelMap, gt: LabelMap) -> tuple[str, ...]:
    warnings = [f"ground truth: {text}" for text in gt.warnings]
    warnings += [f"prediction: {text}" for text in pred.warnings]
    if pair.pred is not None and pair.gt is not None and pair.pred.samefile(pair.gt):
        warnings.append("prediction and ground truth are the same file")
    return tuple(warnings)
