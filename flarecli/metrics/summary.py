"""Means, deviations and medians over cases."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flarecli.metrics.protocol import Metric

OVERALL = "overall"
"""Name of the row that takes the mean over the organs of each case."""


@dataclass(frozen=True)
class SummaryStatistics:
    """The distribution of one score over cases.

    Attributes:
        mean: Mean of the finite values.
        sd: Their standard deviation with n - 1 in the denominator; NaN below two values.
        median: Median of the finite values.
        lowest: Smallest finite value.
        highest: Greatest finite value.
        finite: How many values are finite; the statistics above are theirs.
        infinite: How many are infinite or do not exist: surfaces of which one is empty have no distance.
    """

    mean: float
    sd: float
    median: float
    lowest: float
    highest: float
    finite: int
    infinite: int

    def as_dict(self) -> dict[str, Any]:
        """The statistics for programs; what does not exist is null."""
        return {
            key: value if isinstance(value, int) or math.isfinite(value) else None
            for key, value in asdict(self).items()
        }


Summary = dict[Metric, dict[str, SummaryStatistics]]
"""Statistics by metric and organ name, `OVERALL` last."""


def summarize(
    cases: Sequence[Mapping[Metric, tuple[float, ...]]], metrics: Sequence[Metric], organ_names: Sequence[str]
) -> Summary:
    """Summarize scores by metric and organ, and over all organs."""
    summary: Summary = {}
    for metric in metrics:
        values = np.array([case[metric] for case in cases], dtype=np.float64).reshape(-1, len(organ_names))
        summary[metric] = {name: summary_statistics(values[:, column]) for column, name in enumerate(organ_names)}
        summary[metric][OVERALL] = summary_statistics(values.mean(axis=1))
    return summary


def summary_statistics(values: NDArray[np.float64]) -> SummaryStatistics:
    """Describe the finite ones of `values` and count the others."""
    finite = values[np.isfinite(values)]
    n = len(finite)
    if not n:
        return SummaryStatistics(math.nan, math.nan, math.nan, math.nan, math.nan, 0, len(values))
    return SummaryStatistics(
        mean=float(finite.mean()),
        sd=float(finite.std(ddof=1)) if n > 1 else math.nan,
        median=float(np.median(finite)),
        lowest=float(finite.min()),
        highest=float(finite.max()),
        finite=n,
        infinite=len(values) - n,
    )
