"""The scores as a table on the terminal."""

from __future__ import annotations

import math

from rich.console import Console
from rich.table import Table

from flarecli.counts import counted
from flarecli.metrics.case import EvaluationStatus
from flarecli.metrics.evaluation import Evaluation
from flarecli.metrics.protocol import Metric, exact_digits
from flarecli.metrics.summary import OVERALL, SummaryStatistics


def print_evaluation(console: Console, evaluation: Evaluation) -> None:
    """Print the distribution of each score by organ and overall, and how many cases it stands for."""
    settings = evaluation.settings
    title = f"protocol {settings.protocol.name}{', literal' if settings.literal else ''}"
    table = Table("score", "organ", title=title, title_justify="left")
    for heading in ("mean ± sd", "median", "cases"):
        table.add_column(heading, justify="right")
    tolerances_mm = {organ.name: organ.tolerance_mm for organ in settings.protocol.organs}
    has_gaps = False
    for metric, by_organ in evaluation.summary().items():
        for name, figures in by_organ.items():
            score = metric.heading
            if metric is Metric.NSD and name in tolerances_mm:
                score += f" at {exact_digits(tolerances_mm[name])} mm"
            has_gaps |= figures.infinite > 0
            style = "bold" if name == OVERALL else None
            table.add_row(score, name, *_cells(figures, metric), style=style, end_section=name == OVERALL)
    console.print(table)
    console.print(_count_line(evaluation), highlight=False)
    if has_gaps:
        console.print("* some cases are left out: the score does not exist there (one surface empty)")


def _count_line(evaluation: Evaluation) -> str:
    by_status = dict.fromkeys(EvaluationStatus, 0)
    for case in evaluation.cases:
        by_status[case.status] += 1
    cases = counted(len(evaluation.cases), "case")
    failures = counted(len(evaluation.failures), "failure")
    line = f"{cases}, {failures}"
    details = []
    if by_status[EvaluationStatus.MISSING]:
        details.append(f"{by_status[EvaluationStatus.MISSING]} without prediction, counted with the worst scores")
    if by_status[EvaluationStatus.FAILED]:
        details.append(f"{by_status[EvaluationStatus.FAILED]} not comparable, left out of the means")
    return f"{line}: {'; '.join(details)}" if details else line


def _cells(figures: SummaryStatistics, metric: Metric) -> list[str]:
    spread = _number(figures.mean, metric)
    if not math.isnan(figures.sd):
        spread += f" ± {_number(figures.sd, metric)}"
    return [
        spread,
        _number(figures.median, metric),
        f"{figures.finite}{'*' if figures.infinite else ''}",
    ]


def _number(value: float, metric: Metric) -> str:
    """Shares with four decimals, as the challenge gives them; millimetres and millilitres with two."""
    if math.isnan(value):
        return "–"
    return f"{value:.4f}" if metric.is_share else f"{value:.2f}"
