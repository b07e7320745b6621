"""`flare evaluate rank`: FLARE21's rank-then-average."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flarecli.cli.output import print_json, print_warning, reported_errors, stdout_console
from flarecli.counts import counted

if TYPE_CHECKING:
    from rich.table import Table

    from flarecli.metrics.efficiency_table import EfficiencyTable
    from flarecli.metrics.ranking import Ranking


def rank(
    tables: Annotated[
        list[Path],
        typer.Argument(metavar="A.csv B.csv ...", help="Score tables of the systems, from flare evaluate --csv."),
    ],
    profile: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Time and GPU memory, from flare profile --csv; once a table."),
    ] = None,
    resamples: Annotated[int, typer.Option(min=1, help="Bootstrap samples of cases.")] = 1000,
    seed: Annotated[int, typer.Option(help="Seed of the bootstrap.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Rank systems as FLARE21 did: in every case by DSC, NSD, time and GPU memory, then average the ranks.

    Without --profile, by DSC and NSD only. A bootstrap over the cases shows how stable the places are.
    """
    with reported_errors(as_json=as_json):
        from flarecli.cli.evaluate.table_names import names_apart
        from flarecli.errors import UsageError
        from flarecli.metrics.efficiency_table import read_efficiency_table
        from flarecli.metrics.ranking import Entrant, rank_systems
        from flarecli.metrics.score_table import read_score_table

        profiles = profile or []
        if profiles and len(profiles) != len(tables):
            raise UsageError(
                "--profile must stand once for each score table",
                seen=f"{len(profiles)} for {len(tables)} tables",
                remedy="Give the tables of time and memory in the order of the score tables.",
            )
        scores = [read_score_table(path, name) for path, name in zip(tables, names_apart(tables), strict=True)]
        efficiencies: list[EfficiencyTable | None] = [None] * len(scores)
        if profiles:
            efficiencies = [read_efficiency_table(path) for path in profiles]
        entrants = [Entrant(table, efficiency) for table, efficiency in zip(scores, efficiencies, strict=True)]
        ranking = rank_systems(entrants, resamples=resamples, seed=seed)
        if as_json:
            print_json(ranking.as_dict())
            return
        stdout_console().print(_rendered(ranking))
        for name, by_criterion in ranking.missing.items():
            for criteria, cases in _by_cases(by_criterion):
                print_warning(f"{name} has no {' and '.join(criteria)} for {', '.join(cases)}: the worst")


def _by_cases(by_criterion: Mapping[str, tuple[str, ...]]) -> Iterator[tuple[list[str], tuple[str, ...]]]:
    """Criteria that are missing in the same cases, with these."""
    for cases in dict.fromkeys(by_criterion.values()):
        yield [criterion for criterion, missing in by_criterion.items() if missing == cases], cases


def _rendered(ranking: Ranking) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.markup import escape
    from rich.table import Table

    table = Table(
        title=f"{counted(ranking.cases, 'case')}, ranked by {', '.join(ranking.criteria)}",
        caption=f"mean Kendall's tau of the order over bootstrap samples: {ranking.kendall_tau:.2f}",
        title_justify="left",
        caption_justify="left",
        box=SIMPLE_HEAD,
        collapse_padding=True,
        pad_edge=False,
    )
    table.add_column("place", justify="right")
    table.add_column("system")
    for heading in ("mean\nrank", *(f"{name}\nmean (rank)" for name in ranking.criteria)):
        table.add_column(heading, justify="right")
    table.add_column("place in 95 %\nof samples", justify="right")
    table.add_column("first in", justify="right")
    for standing in ranking.standings:
        criteria = []
        for name in ranking.criteria:
            mean = standing.mean_by_criterion[name]
            shown = "–" if mean is None else f"{mean:.4g}"
            criteria.append(f"{shown} ({standing.mean_rank_by_criterion[name]:.2f})")
        low, high = standing.place_interval
        table.add_row(
            str(standing.place),
            escape(standing.name),
            f"{standing.mean_rank:.3f}",
            *criteria,
            str(low) if low == high else f"{low} … {high}",
            f"{standing.share_by_place[0]:.0%}",
        )
    return table
