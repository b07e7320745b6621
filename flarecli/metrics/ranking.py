"""Ranking of several systems as in FLARE21: rank in every case and score, then average."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from flarecli.errors import InputError
from flarecli.files.names import case_name
from flarecli.metrics.score_table import ScoreTable, number_in, read_csv_rows

_INTERVAL = (0.025, 0.975)

_EFFICIENCY_COLUMNS = {
    "name": ("name",),
    "time_s": ("time",),
    "gpu_memory_mb": ("gpu_memory", "gpu_mem", "maxgpu_mem"),
}
"""Columns in lower case. Source: FLARE21, FLARE22 and FLARE23 efficiency tables, in this order."""


@dataclass(frozen=True)
class EfficiencyTable:
    """Running time and GPU memory of one system by case.

    Attributes:
        time_s: Seconds by case name.
        gpu_memory_mb: Megabytes by case name.
    """

    time_s: dict[str, float]
    gpu_memory_mb: dict[str, float]


@dataclass(frozen=True)
class Entrant:
    """A system that takes part in a ranking."""

    scores: ScoreTable
    efficiency: EfficiencyTable | None = None

    @property
    def name(self) -> str:
        """Name of the system."""
        return self.scores.name


@dataclass(frozen=True)
class Standing:
    """One system's place.

    Attributes:
        name: The system.
        place: 1 is best; equal mean ranks share a place.
        mean_rank: Mean over all cases and criteria; ties within a case share their mean rank.
        normalized_rank: Mean rank divided by the number of systems, the challenge's figure.
        mean_rank_by_criterion: Mean rank in each criterion.
        mean_by_criterion: Mean value of each criterion; None where a case has no value.
        place_interval: 2.5 % and 97.5 % quantile of the place over bootstrap samples of cases.
        share_by_place: Share of the bootstrap samples that end in place 1, 2, ...
    """

    name: str
    place: int
    mean_rank: float
    normalized_rank: float
    mean_rank_by_criterion: dict[str, float]
    mean_by_criterion: dict[str, float | None]
    place_interval: tuple[int, int]
    share_by_place: tuple[float, ...]


@dataclass(frozen=True)
class Ranking:
    """The standings of all systems.

    Attributes:
        criteria: What was ranked.
        cases: Number of cases.
        incomplete: By system, the cases it has no scores for; they count as zero, or as the slowest and
            largest.
        kendall_tau: Mean rank correlation between the order and those of the bootstrap samples; 1 is stable.
        standings: Best first.
    """

    criteria: tuple[str, ...]
    cases: int
    incomplete: dict[str, tuple[str, ...]]
    kendall_tau: float
    standings: tuple[Standing, ...]

    def as_dict(self) -> dict[str, Any]:
        """The ranking for programs."""
        return asdict(self)


def rank_systems(entrants: Sequence[Entrant], *, resamples: int = 1000, seed: int = 0) -> Ranking:
    """Rank systems by DSC and NSD, and by time and GPU memory where every system's are known.

    In every case and criterion the systems are ranked (1 is best, ties share the mean of their ranks); the
    ranks are averaged over all cases and criteria. A case that a system lacks counts as its worst.

    Args:
        entrants: At least two systems.
        resamples: Bootstrap samples of cases behind the stability figures.
        seed: Of the bootstrap.

    Raises:
        InputError: when there are fewer than two systems, when two have one name, when their scores have different
            tolerances or organs, or when only some have an efficiency table.

    Source: FLARE21 challenge design ("rank then average").
    """
    cases, values = _criteria(entrants)
    ranks = {criterion: rankdata(-table, axis=0) for criterion, table in values.items()}
    by_case = np.mean(list(ranks.values()), axis=0)
    mean_ranks = by_case.mean(axis=1)
    places = _places(mean_ranks)
    rng = np.random.default_rng(seed)
    sampled = np.stack(
        [_places(by_case[:, rng.integers(len(cases), size=len(cases))].mean(axis=1)) for _ in range(resamples)]
    )
    standings = []
    for row in np.argsort(mean_ranks, kind="stable").tolist():
        low, high = np.quantile(sampled[:, row], _INTERVAL, method="nearest").tolist()
        shares = [float((sampled[:, row] == place).mean()) for place in range(1, len(entrants) + 1)]
        standings.append(
            Standing(
                name=entrants[row].name,
                place=int(places[row]),
                mean_rank=float(mean_ranks[row]),
                normalized_rank=float(mean_ranks[row]) / len(entrants),
                mean_rank_by_criterion={name: float(table[row].mean()) for name, table in ranks.items()},
                mean_by_criterion={name: _finite_mean(table[row]) for name, table in values.items()},
                place_interval=(int(low), int(high)),
                share_by_place=tuple(shares),
            )
        )
    incomplete = {entrant.name: _cases_without_scores(entrant, cases) for entrant in entrants}
    return Ranking(
        criteria=tuple(values),
        cases=len(cases),
        incomplete={name: absent for name, absent in incomplete.items() if absent},
        kendall_tau=float(np.mean([_kendall_tau(places, sample) for sample in sampled])),
        standings=tuple(standings),
    )


def read_efficiency_table(path: Path) -> EfficiencyTable:
    """Read a table of `flare profile --csv` or of the FLARE efficiency scripts.

    Raises:
        InputError: when the file cannot be read or lacks a column.
    """
    rows = read_csv_rows(path)
    by_lower_name = {column.lower(): column for column in rows[0]}
    columns = {}
    for wanted, spellings in _EFFICIENCY_COLUMNS.items():
        found = [by_lower_name[spelling] for spelling in spellings if spelling in by_lower_name]
        if not found:
            raise InputError(
                f"has no column for {wanted}",
                path=path,
                seen=", ".join(rows[0]),
                expected=" or ".join(spellings),
                remedy="Write the table with `flare profile --csv`.",
            )
        columns[wanted] = found[0]
    names = [case_name(row[columns["name"]]) for row in rows]
    if len(set(names)) < len(names):
        raise InputError(
            "names a case twice",
            path=path,
            seen=max(names, key=names.count),
            expected="one row per case",
            remedy="Remove the double row.",
        )
    time_s, memory_mb = (
        [number_in(row[columns[wanted]], path, columns[wanted]) for row in rows]
        for wanted in ("time_s", "gpu_memory_mb")
    )
    return EfficiencyTable(dict(zip(names, time_s, strict=True)), dict(zip(names, memory_mb, strict=True)))


def _criteria(entrants: Sequence[Entrant]) -> tuple[list[str], dict[str, NDArray[np.float64]]]:
    """All cases, and by criterion an array (systems, cases) in which greater is better."""
    if len(entrants) < 2:
        raise InputError(
            "a ranking needs systems to compare",
            seen=len(entrants),
            expected="2 or more score tables",
            remedy="Give one score table a system.",
        )
    names = [entrant.name for entrant in entrants]
    if len(set(names)) < len(names):
        raise InputError(
            "two systems have the same name",
            seen=max(names, key=names.count),
            expected="a name for each",
            remedy="Rename one of the score tables.",
        )
    _check_same_organs(entrants)
    cases = sorted({case for entrant in entrants for case in entrant.scores.cases})
    nsd_names = {entrant.scores.metric_named("NSD") for entrant in entrants}
    if len(nsd_names) > 1:
        raise InputError(
            "the tables hold NSD at different tolerances",
            seen=", ".join(sorted(nsd_names)),
            expected="one tolerance",
            remedy="Evaluate all systems at the same tolerance.",
        )
    nsd_name = nsd_names.pop()
    values = {
        metric: np.array([_filled(entrant.scores.mean_over_organs(metric), cases, 0.0) for entrant in entrants])
        for metric in ("DSC", nsd_name)
    }
    tables = [entrant.efficiency for entrant in entrants if entrant.efficiency is not None]
    if tables and len(tables) < len(entrants):
        raise InputError(
            "only some systems have an efficiency table",
            seen=f"{len(tables)} tables for {len(entrants)} systems",
            expected="one for each system, or none",
            remedy="Give --profile once a score table, in the same order.",
        )
    if tables:
        values["time_s"] = -np.array([_filled(table.time_s, cases, np.inf) for table in tables])
        values["gpu_memory_mb"] = -np.array([_filled(table.gpu_memory_mb, cases, np.inf) for table in tables])
    return cases, values


def _check_same_organs(entrants: Sequence[Entrant]) -> None:
    """Refuse tables whose means over organs are those of different organs."""
    first = entrants[0].scores
    for entrant in entrants:
        for stem in ("DSC", "NSD"):
            metric = entrant.scores.metric_named(stem)
            ours, theirs = entrant.scores.scores[metric], first.scores[first.metric_named(stem)]
            if set(ours) != set(theirs):
                raise InputError(
                    f"{entrant.name} and {first.name} hold {stem} of different organs",
                    seen=", ".join(ours),
                    expected=", ".join(theirs),
                    remedy="Evaluate all systems with the same protocol and labels.",
                )


def _cases_without_scores(entrant: Entrant, cases: Sequence[str]) -> tuple[str, ...]:
    dsc = entrant.scores.mean_over_organs("DSC")
    return tuple(case for case in cases if np.isnan(dsc.get(case, np.nan)))


def _filled(by_case: dict[str, float], cases: Sequence[str], absent: float) -> list[float]:
    """Values in the order of `cases`; what is absent or not a number gets the worst value."""
    values = (by_case.get(case, absent) for case in cases)
    return [absent if np.isnan(value) else value for value in values]


def _finite_mean(values: NDArray[np.float64]) -> float | None:
    return abs(float(values.mean())) if np.isfinite(values).all() else None


def _places(mean_ranks: NDArray[np.float64]) -> NDArray[np.intp]:
    """Places by mean rank, equal ones sharing the better place; rounding of sums does not count."""
    places: NDArray[np.intp] = rankdata(np.round(mean_ranks, 9), method="min").astype(np.intp)
    return places


def _kendall_tau(first: NDArray[np.intp], second: NDArray[np.intp]) -> float:
    """Share of concordant minus share of discordant pairs of systems."""
    upper = np.triu_indices(len(first), k=1)
    signs = (np.sign(np.subtract.outer(order, order))[upper] for order in (first, second))
    agreement: NDArray[np.intp] = np.prod(list(signs), axis=0)
    return float(agreement.mean())
