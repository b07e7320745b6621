"""`flare evaluate compare`: systems against a baseline, case by case."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flarecli.cli.output import print_json, print_warning, reported_errors, stdout_console

if TYPE_CHECKING:
    from rich.table import Table

    from flarecli.metrics.comparison import Comparison, PairedDifference


def compare(
    tables: Annotated[
        list[Path], typer.Argument(metavar="A.csv B.csv ...", help="Score tables; the first is the baseline.")
    ],
    resamples: Annotated[int, typer.Option(min=100, help="Bootstrap samples of cases.")] = 10_000,
    seed: Annotated[int, typer.Option(help="Seed of the bootstrap.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Compare systems with a baseline on the cases that both scored.

    Shows mean paired differences with bootstrap intervals, signed-rank tests, and wins, ties and losses.
    """
    with reported_errors(as_json=as_json):
        from flarecli.cli.evaluate.table_names import names_apart
        from flarecli.errors import UsageError
        from flarecli.metrics.comparison import compare as compare_tables
        from flarecli.metrics.score_table import read_score_table

        if len(tables) < 2:
            raise UsageError(
                "there is nothing to compare with",
                seen=f"{len(tables)} table",
                expected="2 or more",
                remedy="Give the baseline's table first, then the others.",
            )
        names = names_apart(tables)
        baseline, *systems = [read_score_table(path, name) for path, name in zip(tables, names, strict=True)]
        comparisons = [compare_tables(baseline, system, resamples=resamples, seed=seed) for system in systems]
        if as_json:
            print_json({"comparisons": [comparison.as_dict() for comparison in comparisons]})
            return
        for comparison in comparisons:
            stdout_console().print(_rendered(comparison))
            if comparison.unshared:
                unshared = ", ".join(comparison.unshared)
                print_warning(f"left out, in one table only: {unshared}")


def _rendered(comparison: Comparison) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.markup import escape
    from rich.table import Table

    table = Table(
        "score",
        "organ",
        title=f"{escape(comparison.system)} minus {escape(comparison.baseline)}",
        title_justify="left",
        caption_justify="left",
        box=SIMPLE_HEAD,
        collapse_padding=True,
        pad_edge=False,
    )
    for heading in ("cases", "difference", "95 % low", "high", "p (Holm)", "win/tie/loss"):
        table.add_column(heading, justify="right")
    previous = None
    for row in comparison.rows:
        if previous not in (None, row.metric):
            table.add_section()
        table.add_row(*_cells(row), style="bold" if row.organ == "overall" else None)
        previous = row.metric
    table.caption = "95 % bootstrap interval of the mean; p of Wilcoxon's signed-rank test, Holm's correction"
    return table


def _cells(row: PairedDifference) -> list[str]:
    return [
        row.metric,
        row.organ,
        str(row.cases),
        *("–" if math.isnan(value) else f"{value:+.4f}" for value in (row.mean, row.low, row.high)),
        f"{row.p_holm:.2g}",
        f"{row.wins}/{row.ties}/{row.losses}",
    ]
