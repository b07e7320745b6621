"""Figures over cases."""

from __future__ import annotations

import math

import numpy as np
import pytest

from flarecli.metrics.protocol import Metric
from flarecli.metrics.summary import OVERALL, summarize, summary_statistics


def test_statistics_describe_the_finite_values() -> None:
    described = summary_statistics(np.array([1.0, 2.0, 6.0, np.inf, np.nan]))
    assert (described.mean, described.median, described.lowest, described.highest) == (3, 2, 1, 6)
    assert described.sd == pytest.approx(np.std([1, 2, 6], ddof=1))
    assert (described.finite, described.infinite) == (3, 2)


def test_statistics_of_one_value_and_of_none() -> None:
    assert math.isnan(summary_statistics(np.array([0.5])).sd)
    assert summary_statistics(np.array([np.inf])).as_dict()["mean"] is None


def test_overall_is_the_mean_over_organs_of_each_case() -> None:
    cases = [{Metric.DSC: (1.0, 0.5)}, {Metric.DSC: (0.0, 0.5)}]
    summary = summarize(cases, [Metric.DSC], ["liver", "spleen"])
    assert list(summary[Metric.DSC]) == ["liver", "spleen", OVERALL]
    overall = summary[Metric.DSC][OVERALL]
    assert (overall.lowest, overall.highest, overall.mean) == (0.25, 0.75, 0.5)
    assert overall.sd == pytest.approx(np.std([0.75, 0.25], ddof=1))


def test_no_cases_give_no_statistics() -> None:
    assert summarize([], [Metric.NSD], ["liver"])[Metric.NSD]["liver"].finite == 0
