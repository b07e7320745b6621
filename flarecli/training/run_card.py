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
from flarecli.training.data import TrainingData
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
    seen_by: Mapping[str, Sequence[str]],
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
        seen_by: Held-out cases that these weights were trained on, by their role.
    """
    return Card(
        system=recipe.system,
        network=recipe.network,
        set_name=set_name,
        title=f"{recipe.system}/{recipe.network} trained on {data.title} for {recipe.iterations} iterations",
        source=f"flare train, on {data.title}",
        licence=data.licence,
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
            "held_out": _score_summary(scores, Target(recipe.target), data, seen_by),
            "not_for": "clinical use; not validated on patients",
        },
    )


def _score_summary(
    scores: Sequence[CaseScores], target: Target, data: TrainingData, seen_by: Mapping[str, Sequence[str]]
) -> dict[str, Any]:
    if not scores:
        return {"scans": 0}
    summary = summarize([result.scores for result in scores], FINAL_METRICS, target.organ_names)
    return {
        "scans": len(scores),
        "kind": "cases that weights given to this run were trained on" if seen_by else data.validation_title,
        **({"trained_on_by": {role: list(names) for role, names in seen_by.items()}} if seen_by else {}),
        "nsd_tolerance_mm": 1.0,
        **{
            metric.value: {name: round(figures.mean, 4) for name, figures in by_organ.items()}
            for metric, by_organ in summary.items()
        },
    }
