"""The card of the weights of a run."""

from __future__ import annotations

import datetime
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from flarecli.engine import Runtime
from flarecli.hardware.memory import peak_rss_mb
from flarecli.metrics.protocol import Metric
from flarecli.metrics.summary import summarize
from flarecli.training.data import UNKNOWN_LICENCE, TrainingData
from flarecli.training.given_weights import INITIAL, GivenWeights
from flarecli.training.overrides import settings_of
from flarecli.training.recipe import Recipe
from flarecli.training.scoring import CaseScores
from flarecli.training.targets import Target
from flarecli.weights.card import Card

FINAL_METRICS = (Metric.DSC, Metric.NSD)


def run_card(
    recipe: Recipe,
    data: TrainingData,
    runtime: Runtime,
    *,
    seed: int,
    hours: float,
    iteration: int,
    set_name: str,
    scores: Sequence[CaseScores],
    checksums: Mapping[str, str],
    given: Sequence[GivenWeights],
) -> Card:
    """The card of a run's weights, without checksum.

    Args:
        recipe: The recipe.
        data: The training and validation data.
        runtime: The backend, device and precision.
        seed: Seed of the run.
        hours: Duration, over all calls.
        iteration: After which iteration the weights were taken.
        set_name: Name of the set.
        scores: Of the held-out scans.
        checksums: Of the data and of the weights that the run was given.
        given: These weights. The licence and training cases of those that it started from are its own, too.
    """
    initial = next((weights for weights in given if weights.role == INITIAL), None)
    start = "" if initial is None else f", from the weights {initial.card.set_name!r}"
    return Card(
        system=recipe.system,
        network=recipe.network,
        set_name=set_name,
        title=f"{recipe.system}/{recipe.network} trained on {data.title} for {recipe.iterations} iterations{start}",
        source=f"flare train, on {data.title}" + ("" if initial is None else f", from: {initial.card.title}"),
        licence=data.licence if initial is None else licence_of(data.licence, initial.card.licence),
        date=datetime.date.today().isoformat(),
        sha256="",
        input_shape=recipe.view.input_shape,
        base_filters=recipe.base_filters,
        details={
            "recipe": {"name": recipe.name, **settings_of(recipe)},
            "seed": seed,
            "data": data.facts,
            "sha256": dict(checksums),
            "weights_of_iteration": iteration,
            "hours": round(hours, 3),
            "peak_memory_mb": round(peak_rss_mb()),
            "runtime": asdict(runtime),
            "processor": platform.processor() or platform.machine(),
            "held_out": _score_summary(scores, Target(recipe.target), data, given),
            **{weights.role: weights.facts for weights in given},
            "not_for": "clinical use; not validated on patients",
        },
    )


def licence_of(*parts: str) -> str:
    """Licence of weights that come from several things, as data and other weights; SPDX.

    Args:
        parts: Licences of these.
    """
    return UNKNOWN_LICENCE if UNKNOWN_LICENCE in parts else " AND ".join(dict.fromkeys(parts))


def _score_summary(
    scores: Sequence[CaseScores], target: Target, data: TrainingData, given: Sequence[GivenWeights]
) -> dict[str, Any]:
    if not scores:
        return {"scans": 0}
    seen_by = {weights.role: list(seen) for weights in given if (seen := weights.seen_of(data.held_out_cases))}
    summary = summarize([result.scores for result in scores], FINAL_METRICS, target.organ_names)
    return {
        "scans": len(scores),
        "kind": "cases that weights given to this run were trained on" if seen_by else data.validation_title,
        **({"trained_on_by": seen_by} if seen_by else {}),
        "nsd_tolerance_mm": 1.0,
        **{
            metric.value: {name: round(figures.mean, 4) for name, figures in by_organ.items()}
            for metric, by_organ in summary.items()
        },
    }
