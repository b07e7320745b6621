"""Paired comparison of two systems: mean differences with confidence intervals, tests, wins and losses."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import wilcoxon

from flarecli.errors import InputError
from flarecli.metrics.score_table import ScoreTable
from flarecli.metrics.summary import OVERALL

CONFIDENCE = 0.95
_RESAMPLES_AT_A_TIME = 500


@dataclass(frozen=True)
class PairedDifference:
    """One score of one organ, a system against the baseline, case by case.

    Attributes:
        metric: As the tables name it: `DSC`, `NSD-1mm`.
        organ: Label or name, or `overall` for the mean over the organs of each case.
        cases: Cases with finite scores in both tables; all figures are theirs.
        left_out: Cases of both tables whose score is infinite or absent in one.
        baseline_mean: Mean score of the baseline.
        mean: Mean difference, system minus baseline.
        low: Lower end of the bootstrap confidence interval of the mean difference.
        high: Upper end.
        p: Two-sided p-value of Wilcoxon's signed-rank test, zero differences dropped; 1 where all are zero.
        p_holm: The same after Holm's correction for all rows of the comparison.
        wins: Cases in which the system is better.
        ties: Cases with equal scores.
        losses: Cases in which the system is worse.
    """

    metric: str
    organ: str
    cases: int
    left_out: int
    baseline_mean: float
    mean: float
    low: float
    high: float
    p: float
    p_holm: float
    wins: int
    ties: int
    losses: int


@dataclass(frozen=True)
class Comparison:
    """A system against the baseline.

    Attributes:
        baseline: Name of the baseline's table.
        system: Name of the system's table.
        unshared: Cases that only one of the tables holds; they are left out.
        rows: One difference a metric and organ.
    """

    baseline: str
    system: str
    unshared: tuple[str, ...]
    rows: tuple[PairedDifference, ...]

    def as_dict(self) -> dict[str, Any]:
        """The comparison for programs; figures that do not exist are null."""
        return {
            "baseline": self.baseline,
            "system": self.system,
            "unshared_cases": list(self.unshared),
            "differences": [
                {
                    key: None if isinstance(value, float) and not math.isfinite(value) else value
                    for key, value in asdict(row).items()
                }
                for row in self.rows
            ],
        }


def compare(baseline: ScoreTable, system: ScoreTable, *, resamples: int = 10_000, seed: int = 0) -> Comparison:
    """Compare two score tables on the cases that both hold.

    Differences are system minus baseline; of volume differences the absolute values are compared.

    Args:
        baseline: What is compared with.
        system: What is compared.
        resamples: Bootstrap samples of cases behind the percentile confidence intervals.
        seed: Of the bootstrap; every row uses the same samples.

    Raises:
        InputError: when the tables share no case, or hold other scores, tolerances or organs.
    """
    shared = [case for case in baseline.cases if case in set(system.cases)]
    if not shared:
        raise InputError(
            "the tables share no case",
            seen=f"{system.cases[0]}, ... in {system.name}",
            expected=f"{baseline.cases[0]}, ... as in {baseline.name}",
            remedy="Compare tables of one test set.",
        )
    ours, theirs = ({metric: sorted(by) for metric, by in table.scores.items()} for table in (system, baseline))
    if ours != theirs:
        raise InputError(
            f"{system.name} and {baseline.name} hold scores that cannot be compared",
            seen=_listed(system),
            expected=_listed(baseline),
            remedy="Evaluate both with the same protocol, labels, tolerances and metrics.",
        )
    rng = np.random.default_rng(seed)
    samples = rng.integers(len(shared), size=(resamples, len(shared)), dtype=np.int32)
    rows: list[PairedDifference] = []
    for metric in baseline.scores:
        before, after = (_by_organ(table, metric, shared) for table in (baseline, system))
        rows += [_difference(metric, organ, before[organ], after[organ], samples) for organ in before]
    unshared = sorted(set(baseline.cases) ^ set(system.cases))
    return Comparison(baseline.name, system.name, tuple(unshared), tuple(_holm(rows)))


def _by_organ(table: ScoreTable, metric: str, cases: Sequence[str]) -> dict[str, NDArray[np.float64]]:
    """Scores of the given cases by organ, and over all organs."""
    places = [table.cases.index(case) for case in cases]
    by_organ = {organ: values[places] for organ, values in table.scores[metric].items()}
    if metric.startswith("VolumeDifference"):
        by_organ = {organ: np.abs(values) for organ, values in by_organ.items()}
    return {**by_organ, OVERALL: np.mean(list(by_organ.values()), axis=0)}


def _difference(
    metric: str,
    organ: str,
    before: NDArray[np.float64],
    after: NDArray[np.float64],
    samples: NDArray[np.int32],
) -> PairedDifference:
    usable = np.isfinite(before) & np.isfinite(after)
    differences = np.where(usable, after, 0) - np.where(usable, before, 0)
    n = int(usable.sum())
    better = differences[usable] if metric.startswith(("DSC", "NSD")) else -differences[usable]
    low, high = _interval(differences, usable, samples) if n else (math.nan, math.nan)
    p = float(wilcoxon(better).pvalue) if better.any() else 1.0
    return PairedDifference(
        metric=metric,
        organ=organ,
        cases=n,
        left_out=len(usable) - n,
        baseline_mean=float(before[usable].mean()) if n else math.nan,
        mean=float(differences[usable].mean()) if n else math.nan,
        low=low,
        high=high,
        p=p,
        p_holm=p,
        wins=int((better > 0).sum()),
        ties=int((better == 0).sum()),
        losses=int((better < 0).sum()),
    )


def _interval(
    differences: NDArray[np.float64], usable: NDArray[np.bool_], samples: NDArray[np.int32]
) -> tuple[float, float]:
    """Percentile interval of the mean over bootstrap samples of cases."""
    means = np.empty(len(samples))
    for start in range(0, len(samples), _RESAMPLES_AT_A_TIME):
        drawn = samples[start : start + _RESAMPLES_AT_A_TIME]
        counts = usable[drawn].sum(axis=1)
        sums = differences[drawn].sum(axis=1)
        means[start : start + _RESAMPLES_AT_A_TIME] = sums / np.where(counts, counts, np.nan)
    tail = (1 - CONFIDENCE) / 2
    low, high = np.nanquantile(means, [tail, 1 - tail]).tolist()
    return low, high


def _holm(rows: Sequence[PairedDifference]) -> list[PairedDifference]:
    """Correct the p-values for the number of rows. Source: Holm, Scand. J. Statist. 6 (1979)."""
    corrected = list(rows)
    so_far = 0.0
    for rank, place in enumerate(sorted(range(len(rows)), key=lambda place: rows[place].p)):
        so_far = min(1.0, max(so_far, (len(rows) - rank) * rows[place].p))
        corrected[place] = replace(rows[place], p_holm=so_far)
    return corrected


def _listed(table: ScoreTable) -> str:
    return "; ".join(f"{metric} of {', '.join(by_organ)}" for metric, by_organ in table.scores.items())
