"""The report as one self-contained HTML page: summary, plots, table of cases, and slices."""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from flarecli.errors import InputError
from flarecli.files.names import case_name
from flarecli.metrics.case import CaseEvaluation, EvaluationStatus
from flarecli.metrics.evaluation import Evaluation
from flarecli.metrics.protocol import Metric
from flarecli.metrics.report.colours import GROUND_TRUTH_COLOUR, PREDICTION_COLOUR
from flarecli.metrics.report.plots import box_and_strip_plot
from flarecli.metrics.report.slices import slices_png
from flarecli.metrics.summary import OVERALL
from flarecli.pages.document import write_page
from flarecli.pages.viewer_command import viewer_command


@dataclass(frozen=True)
class _Gallery:
    """The slices of one case.

    Attributes:
        title: Why the case is shown.
        name: Its name.
        view: The command that shows it in the viewer; empty where there is none.
        picture: PNG as base64; empty where there is none.
        problem: Why there is none.
    """

    title: str
    name: str
    view: str = ""
    picture: str = ""
    problem: str = ""


def write_report(destination: Path, evaluation: Evaluation, images: Sequence[Path], *, replaces: bool = True) -> None:
    """Write the page, atomically.

    Args:
        destination: The HTML file.
        evaluation: What to show.
        images: The scans, named as the cases (with or without `_0000`); without them no slices are shown, but the
            command that shows the worst case in the viewer.
            A scan that is missing or cannot be read leaves a note in its place.
        replaces: Whether a file that exists in the end is replaced.
    """
    write_page(
        destination,
        "flarecli.metrics.report",
        {
            "evaluation": evaluation,
            "protocol": evaluation.settings.protocol,
            "metrics": evaluation.settings.metrics,
            "summary": evaluation.summary(),
            "rows": (*evaluation.organ_names, OVERALL),
            "overall": OVERALL,
            "plots": {metric: _plot(evaluation, metric) for metric in evaluation.settings.metrics},
            "statuses": {
                status: sum(case.status is status for case in evaluation.cases) for status in EvaluationStatus
            },
            "galleries": _galleries(evaluation, images),
            "has_slices": bool(images),
            "shown": _shown,
            "sort_key": _sort_key,
            "ground_truth_colour": GROUND_TRUTH_COLOUR,
            "prediction_colour": PREDICTION_COLOUR,
            "with_mean": lambda values: (*values, float(np.mean(values))),
            "tolerances_mm": {organ.name: organ.tolerance_mm for organ in evaluation.settings.protocol.organs},
        },
        replaces=replaces,
    )


def _plot(evaluation: Evaluation, metric: Metric) -> str:
    values = np.array([case.scores[metric] for case in evaluation.counted], dtype=np.float64)
    values = values.reshape(-1, len(evaluation.organ_names))
    return box_and_strip_plot(
        {name: values[:, column] for column, name in enumerate(evaluation.organ_names)},
        [case_name(case.name) for case in evaluation.counted],
        title=f"{metric.heading} by organ",
        ends_at_1=metric.is_share,
    )


def _galleries(evaluation: Evaluation, images: Sequence[Path]) -> list[_Gallery]:
    """Slices of the worst and the median case by the first score, over all organs."""
    metric = evaluation.settings.metrics[0]
    scored = [case for case in evaluation.cases if case.status is EvaluationStatus.SCORED]
    worst_first = sorted(scored, key=lambda case: _mean_score(case, metric))
    if not worst_first:
        return []
    chosen = {"Worst case": worst_first[0]}
    if len(worst_first) > 2:
        chosen["Median case"] = worst_first[len(worst_first) // 2]
    by_key = {case_name(path): path for path in images}
    galleries = []
    for title, case in chosen.items():
        title = f"{title} by {metric.heading}"
        image = by_key.get(case_name(case.name))
        view = viewer_command(image, [path for path in (case.pair.pred, case.pair.gt) if path is not None])
        if image is None:
            problem = "no image of this name was given" if images else ""
            galleries.append(_Gallery(title, case.name, view, problem=problem))
            continue
        try:
            picture = slices_png(case, image, evaluation.settings)
        except InputError as error:
            galleries.append(_Gallery(title, case.name, view, problem=str(error)))
        else:
            galleries.append(_Gallery(title, case.name, view, picture=base64.b64encode(picture).decode()))
    return galleries


def _mean_score(case: CaseEvaluation, metric: Metric) -> float:
    """Mean score over the organs, greater is better."""
    values = np.array(case.scores[metric])
    return float(values.mean()) if metric.is_share else -float(np.abs(values).mean())


def _shown(value: float, metric: Metric) -> str:
    """A score as text: shares with four decimals, mm and mL with two."""
    if math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞"
    return f"{value:.4f}" if metric.is_share else f"{value:.2f}"


def _sort_key(value: float) -> Any:
    """What the table sorts by; what does not exist comes last."""
    return "" if math.isnan(value) else repr(float(value)).replace("inf", "Infinity")
