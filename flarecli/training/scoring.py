"""Scores of a network on held-out scans."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from flarecli.metrics.label_map import LabelMap
from flarecli.metrics.organ_scores import EvaluationSettings, Scores, score_organs
from flarecli.metrics.protocol import FLARE21, Metric, Protocol
from flarecli.systems.base import Network
from flarecli.training.samples.batches import BatchBuilder
from flarecli.training.targets import Target
from flarecli.training.views import View
from flarecli.training.views.scan import LabelledScan, Sample


@dataclass(frozen=True)
class CaseScores:
    """The scores of one scan.

    Attributes:
        name: Name of the case, or number of the synthetic scan.
        scores: One value an organ for each metric.
        cross_entropy: Mean over the voxels that the network saw; NaN unless asked for.
    """

    name: str
    scores: Scores
    cross_entropy: float


def protocol_of(target: Target) -> Protocol:
    """The protocol of a target: FLARE21's organs, or their union, with an NSD tolerance of 1 mm."""
    names = dict(enumerate(target.organ_names, start=1))
    return FLARE21.with_labels(names)


def score_scans(
    scans: Iterable[tuple[str, LabelledScan]],
    network: Network,
    builder: BatchBuilder,
    view: View,
    target: Target,
    *,
    metrics: tuple[Metric, ...] = (Metric.DSC,),
    with_cross_entropy: bool = False,
    on_scan: Callable[[CaseScores], None] = lambda _: None,
) -> list[CaseScores]:
    """Segment scans and score them on their own grids.

    Args:
        scans: Names and scans.
        network: The network as it predicts.
        builder: Makes its inputs.
        view: How it is applied to scans.
        target: Its target.
        metrics: The scores wanted.
        with_cross_entropy: Whether the cross-entropy of exclusive classes is computed, too.
        on_scan: Called with each result.
    """
    settings = EvaluationSettings(protocol_of(target), metrics)
    results = []
    for name, scan in scans:
        entropies: list[float] = []
        voxels: list[int] = []

        def scores_of(sample: Sample, entropies: list[float] = entropies, voxels: list[int] = voxels) -> np.ndarray:
            scores = network(builder.channels(sample))
            if with_cross_entropy:
                logits = target.joined(np.moveaxis(scores, view.channel_axis, 0))
                entropies.append(_cross_entropy(logits, target.scored(sample.labels)))
                voxels.append(sample.labels.size)
            return scores

        values = view.segment(scan, scores_of, target.decoded)
        grids = [
            LabelMap(np.ascontiguousarray(labels), scan.spacing_mm, np.eye(4))
            for labels in (values, target.scored(scan.labels))
        ]
        # The last batch of slices is smaller than the others.
        cross_entropy = float(np.average(entropies, weights=voxels)) if entropies else np.nan
        results.append(CaseScores(name, score_organs(grids[0], grids[1], settings), cross_entropy))
        on_scan(results[-1])
    return results


def mean_dice(results: list[CaseScores]) -> float:
    """Mean over organs and scans."""
    return float(np.mean([result.scores[Metric.DSC] for result in results]))


def _cross_entropy(scores: np.ndarray, values: np.ndarray) -> float:
    """Of softmax classes; scores (channels, ...), values (...)."""
    shifted = scores - scores.max(axis=0)
    logarithm = np.log(np.exp(shifted).sum(axis=0))
    chosen = np.take_along_axis(shifted, values.astype(np.intp)[None], 0)[0]
    return float(np.mean(logarithm - chosen))
