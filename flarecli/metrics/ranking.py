"""Ranking of several systems as in FLARE21: rank in every case and score, then average."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from flarecli.errors import InputError
from flarecli.metrics.efficiency_table import EfficiencyTable
from flarecli.metrics.score_table import ScoreTable

_INTERVAL = (0.025, 0.975)

_EFFICIENCY = ("time_s", "gpu_memory_mb")
"""Criteria of which less is better, named as in `EfficiencyTable`."""


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
        incomplete: By system, the cases it has no value for in some criterion; there they count as zero, or as the
            slowest and largest.
        missing: The same by system and criterion.
        kendall_tau: Mean rank correlation between the order and those of the bootstrap samples; 1 is stable.
        standings: Best first.
    """

    criteria: tuple[str, ...]
    cases: int
    incomplete: dict[str, tuple[str, ...]]
    missing: dict[str, dict[str, tuple[str, ...]]]
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
            tolerances or organs, when only some have an efficiency table, or when one is of other cases.

    Source: FLARE21 challenge design ("rank then average").
    """
    cases, known = _criteria(entrants)
    values = {criterion: _greater_is_better(criterion, table) for criterion, table in known.items()}
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
    missing = {entrant.name: _missing(cases, known, row) for row, entrant in enumerate(entrants)}
    return Ranking(
        criteria=tuple(values),
        cases=len(cases),
        incomplete={name: tuple(sorted(set().union(*by.values()))) for name, by in missing.items() if by},
        missing={name: by for name, by in missing.items() if by},
        kendall_tau=float(np.mean([_kendall_tau(places, sample) for sample in sampled])),
        standings=tuple(standings),
    )


def _criteria(entrants: Sequence[Entrant]) -> tuple[list[str], dict[str, NDArray[np.float64]]]:
    """All cases, and by criterion an array (systems, cases); NaN where a system has no value."""
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
    by_system = {
        metric: [entrant.scores.mean_over_organs(metric) for entrant in entrants] for metric in ("DSC", nsd_names.pop())
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
        for entrant in entrants:
            _check_same_cases(entrant)
        by_system |= {name: [getattr(table, name) for table in tables] for name in _EFFICIENCY}
    known = {
        criterion: np.array([[by_case.get(case, np.nan) for case in cases] for by_case in systems])
        for criterion, systems in by_system.items()
    }
    return cases, known


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


def _check_same_cases(entrant: Entrant) -> None:
    """Refuse an efficiency table that holds none of the cases of its score table."""
    efficiency = entrant.efficiency
    if efficiency is not None and efficiency.time_s.keys().isdisjoint(entrant.scores.cases):
        raise InputError(
            f"the efficiency table of {entrant.name} is of other cases than its score table",
            seen=f"{next(iter(efficiency.time_s))}, ...",
            expected=f"{entrant.scores.cases[0]}, ...",
            remedy="Give --profile in the order of the score tables, each with the cases of its score table.",
        )


def _missing(cases: Sequence[str], known: Mapping[str, NDArray[np.float64]], row: int) -> dict[str, tuple[str, ...]]:
    """The cases that one system has no value for, by criterion; only criteria with such cases."""
    by_criterion = {
        criterion: tuple(case for case, absent in zip(cases, np.isnan(table[row]).tolist(), strict=True) if absent)
        for criterion, table in known.items()
    }
    return {criterion: absent for criterion, absent in by_criterion.items() if absent}


def _greater_is_better(criterion: str, table: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values of which the greater is the better; what is missing gets the worst value."""
    if criterion in _EFFICIENCY:
        return -np.where(np.isnan(table), np.inf, table)
    return np.where(np.isnan(table), 0.0, table)


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
