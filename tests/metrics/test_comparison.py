"""Paired differences: their size, their interval, their test, their count."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import wilcoxon

from flarecli.errors import InputError
from flarecli.metrics.comparison import compare
from flarecli.metrics.score_table import ScoreTable


def _table(name: str, first: int = 0, **scores: np.ndarray) -> ScoreTable:
    n = len(next(iter(scores.values())))
    cases = tuple(f"case_{number}" for number in range(first, first + n))
    return ScoreTable(name, cases, {metric.replace("_", "-"): {"1": values} for metric, values in scores.items()})


def test_a_known_difference() -> None:
    rng = np.random.default_rng(0)
    before = rng.uniform(0.6, 0.8, 60)
    after = before + rng.normal(0.05, 0.02, 60)
    after[:5] = before[:5]
    rows = compare(_table("a", DSC=before), _table("b", DSC=after)).rows
    assert [row.organ for row in rows] == ["1", "overall"]
    row = rows[0]
    assert row.mean == pytest.approx((after - before).mean())
    standard_error = (after - before).std(ddof=1) / np.sqrt(60)
    assert row.low == pytest.approx(row.mean - 1.96 * standard_error, abs=0.2 * standard_error)
    assert row.high == pytest.approx(row.mean + 1.96 * standard_error, abs=0.2 * standard_error)
    assert row.p == wilcoxon(after - before).pvalue
    assert row.p_holm == pytest.approx(2 * row.p)  # two equal rows
    assert (row.wins + row.losses, row.ties) == (55, 5)
    assert row.wins > 50


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    covered = 0
    for _ in range(60):
        before = rng.uniform(0, 1, 40)
        row = compare(_table("a", DSC=before), _table("b", DSC=before + rng.normal(0.1, 0.3, 40)), resamples=400).rows[
            0
        ]
        covered += row.low <= 0.1 <= row.high
    assert 50 <= covered <= 60


def test_equal_tables_differ_in_nothing() -> None:
    scores = np.linspace(0, 1, 7)
    row = compare(_table("a", DSC=scores), _table("b", DSC=scores)).rows[0]
    assert (row.mean, row.low, row.high, row.p, row.p_holm) == (0, 0, 0, 1, 1)
    assert (row.wins, row.ties, row.losses) == (0, 7, 0)


def test_lower_distances_and_smaller_volume_errors_win() -> None:
    before, after = np.array([3.0, 3.0, 3.0]), np.array([2.0, 2.0, 4.0])
    for metric in ("HD95_mm", "ASSD_mm"):
        row = compare(_table("a", **{metric: before}), _table("b", **{metric: after})).rows[0]
        assert (row.wins, row.losses) == (2, 1)
        assert row.mean == pytest.approx(-1 / 3)
    volume = compare(
        _table("a", VolumeDifference_mL=np.array([-5.0, 5.0])),
        _table("b", VolumeDifference_mL=np.array([4.0, -6.0])),
    ).rows[0]
    assert (volume.wins, volume.losses, volume.mean) == (1, 1, 0)


def test_only_shared_cases_with_scores_count() -> None:
    before = np.array([0.5, 0.5, np.nan, 0.5])
    after = np.array([0.6, np.inf, 0.6, 0.9])
    comparison = compare(_table("a", DSC=before), _table("b", first=1, DSC=after))
    assert comparison.unshared == ("case_0", "case_4")
    row = comparison.rows[0]
    assert (row.cases, row.left_out, row.baseline_mean) == (2, 1, 0.5)
    assert row.mean == pytest.approx(0.1)


def test_the_same_seed_gives_the_same_interval() -> None:
    rng = np.random.default_rng(2)
    tables = _table("a", DSC=rng.random(20)), _table("b", DSC=rng.random(20))
    assert compare(*tables, seed=3) == compare(*tables, seed=3)
    assert compare(*tables, seed=3) != compare(*tables, seed=4)


@pytest.mark.parametrize(
    ("other", "problem"),
    [
        (_table("b", first=90, DSC=np.ones(3)), "share no case"),
        (_table("b", NSD_1mm=np.ones(3)), "cannot be compared"),
        (_table("b", DSC=np.ones(3), NSD_2mm=np.ones(3)), "cannot be compared"),
    ],
)
def test_refuses_what_cannot_be_compared(other: ScoreTable, problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        compare(_table("a", DSC=np.ones(3)), other)


def test_two_tables_of_one_name_are_compared() -> None:
    before, after = np.array([0.5, 0.6]), np.array([0.7, 0.9])
    comparison = compare(_table("scores", DSC=before), _table("scores", DSC=after))
    assert comparison.rows[0].mean == pytest.approx(0.25)


def test_two_tables_of_one_name_with_other_scores_are_refused() -> None:
    values = np.array([0.5, 0.6])
    with pytest.raises(InputError, match="cannot be compared"):
        compare(_table("scores", DSC=values), _table("scores", NSD_1mm=values))
