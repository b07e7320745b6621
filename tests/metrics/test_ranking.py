"""Rank, then average."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from flarecli.errors import InputError
from flarecli.files.printable import table_cell
from flarecli.metrics.efficiency_table import EfficiencyTable, read_efficiency_table
from flarecli.metrics.ranking import Entrant, rank_systems
from flarecli.metrics.score_table import ScoreTable, read_score_table


def _entrant(
    name: str,
    dsc: list[float],
    nsd: list[float],
    time_s: list[float] | None = None,
    memory_mb: list[float] | None = None,
    nsd_name: str = "NSD-1mm",
) -> Entrant:
    cases = tuple(f"case_{number}" for number in range(len(dsc)))
    table = ScoreTable(name, cases, {"DSC": {"1": np.array(dsc)}, nsd_name: {"1": np.array(nsd)}})
    if time_s is None or memory_mb is None:
        return Entrant(table)
    return Entrant(
        table,
        EfficiencyTable(dict(zip(cases, time_s, strict=True)), dict(zip(cases, memory_mb, strict=True))),
    )


def test_ranks_of_every_case_and_criterion_are_averaged() -> None:
    accurate = _entrant("accurate", [0.9, 0.9], [0.8, 0.9], [10, 10], [2000, 2000])
    quick = _entrant("quick", [0.8, 0.8], [0.9, 0.8], [1, 1], [500, 500])
    middle = _entrant("middle", [0.85, 0.9], [0.7, 0.7], [5, 5], [500, 1000])
    ranking = rank_systems([accurate, quick, middle])
    assert ranking.criteria == ("DSC", "NSD-1mm", "time_s", "gpu_memory_mb")
    by_name = {standing.name: standing for standing in ranking.standings}
    # DSC 1, 1.5; NSD 2, 1; time 3, 3; memory 3, 3
    assert by_name["accurate"].mean_rank == pytest.approx((1 + 1.5 + 2 + 1 + 3 + 3 + 3 + 3) / 8)
    assert by_name["quick"].mean_rank == pytest.approx((3 + 3 + 1 + 2 + 1 + 1 + 1.5 + 1) / 8)
    assert by_name["middle"].mean_rank == pytest.approx((2 + 1.5 + 3 + 3 + 2 + 2 + 1.5 + 2) / 8)
    assert [standing.name for standing in ranking.standings] == ["quick", "middle", "accurate"]
    assert [standing.place for standing in ranking.standings] == [1, 2, 3]
    assert by_name["quick"].normalized_rank == pytest.approx(by_name["quick"].mean_rank / 3)
    assert by_name["quick"].mean_by_criterion["time_s"] == 1
    assert by_name["accurate"].mean_rank_by_criterion["DSC"] == 1.25


def test_a_clear_winner_is_stable_and_twins_are_not() -> None:
    rng = np.random.default_rng(0)
    good = rng.uniform(0.9, 1, 30).tolist()
    twins = rng.uniform(0.4, 0.6, (2, 30)).tolist()
    ranking = rank_systems([_entrant("one", twins[0], twins[0]), _entrant("two", twins[1], twins[1])])
    assert 0.02 < min(ranking.standings[0].share_by_place) < 0.98
    assert abs(ranking.kendall_tau) < 1
    ranking = rank_systems([_entrant("good", good, good), _entrant("bad", twins[0], twins[0])])
    assert ranking.standings[0].share_by_place == (1, 0)
    assert ranking.standings[0].place_interval == (1, 1)
    assert ranking.kendall_tau == 1


def test_equal_systems_share_the_first_place() -> None:
    ranking = rank_systems([_entrant(name, [0.5, 0.7], [0.5, 0.7]) for name in "abc"])
    assert [standing.place for standing in ranking.standings] == [1, 1, 1]
    assert [standing.mean_rank for standing in ranking.standings] == [2, 2, 2]


def test_a_case_without_scores_counts_as_the_worst() -> None:
    whole = _entrant("whole", [0.1, 0.1, 0.1], [0.1, 0.1, 0.1], [9, 9, 9], [9, 9, 9])
    short = _entrant("short", [0.9], [0.9], [1], [1])
    gap = _entrant("gap", [0.9, np.nan, 0.9], [0.9, np.nan, 0.9], [1, np.nan, 1], [1, np.nan, 1])
    ranking = rank_systems([whole, short, gap])
    assert ranking.incomplete == {"short": ("case_1", "case_2"), "gap": ("case_1",)}
    by_name = {standing.name: standing for standing in ranking.standings}
    assert by_name["whole"].mean_rank_by_criterion["time_s"] == pytest.approx((3 + 1 + 2) / 3)
    assert by_name["short"].mean_by_criterion["time_s"] is None


def test_what_is_missing_is_said_by_criterion() -> None:
    whole = _entrant("whole", [0.9, 0.9, 0.9], [0.9, 0.9, 0.9], [9, 9, 9], [9, 9, 9])
    no_time = _entrant("no_time", [0.9, 0.9, 0.9], [0.9, 0.9, 0.9], [1, np.nan, 1], [1, 1, 1])
    assert no_time.efficiency is not None
    del no_time.efficiency.gpu_memory_mb["case_2"]
    no_nsd = _entrant("no_nsd", [0.9, 0.9, 0.9], [np.nan, 0.9, 0.9], [1, 1, 1], [1, 1, 1])
    ranking = rank_systems([whole, no_time, no_nsd])
    assert ranking.incomplete == {"no_time": ("case_1", "case_2"), "no_nsd": ("case_0",)}
    assert ranking.missing == {
        "no_time": {"time_s": ("case_1",), "gpu_memory_mb": ("case_2",)},
        "no_nsd": {"NSD-1mm": ("case_0",)},
    }
    by_name = {standing.name: standing for standing in ranking.standings}
    assert by_name["no_time"].mean_rank_by_criterion["time_s"] == pytest.approx((1.5 + 3 + 1.5) / 3)


def test_an_efficiency_table_of_other_cases_is_refused() -> None:
    one, two = (_entrant(name, [0.9], [0.9], [1], [1]) for name in ("one", "two"))
    other = replace(two, efficiency=EfficiencyTable({"other": 0.1}, {"other": 1}))
    with pytest.raises(InputError, match=r"efficiency table of two is of other cases.*other, \.\.\..*case_0, \.\.\."):
        rank_systems([one, other])


@pytest.mark.parametrize("name", ["-1.nii.gz", "=1+1.nii.gz", "'-1.nii.gz", "@a.nii.gz", "a.nii.gz"])
def test_names_are_read_as_flare_profile_writes_them(tmp_path: Path, name: str) -> None:
    (tmp_path / "scores.csv").write_text(f"Name,DSC_1,NSD-1mm_1\n{table_cell(name)},0.9,0.9\n")
    (tmp_path / "profile.csv").write_text(f"Name,time,gpu_memory\n{table_cell(name)},5,10\n")
    scores, efficiency = read_score_table(tmp_path / "scores.csv"), read_efficiency_table(tmp_path / "profile.csv")
    assert list(efficiency.time_s) == list(scores.cases) == [name.removesuffix(".nii.gz")]
    ranking = rank_systems([Entrant(replace(scores, name=system), efficiency) for system in "ab"])
    assert ranking.incomplete == ranking.missing == {}
    assert ranking.standings[0].mean_by_criterion["time_s"] == 5


def test_refuses_what_cannot_be_ranked() -> None:
    one = _entrant("one", [0.5], [0.5])
    with pytest.raises(InputError, match="needs systems to compare"):
        rank_systems([one])
    with pytest.raises(InputError, match="different tolerances"):
        rank_systems([one, _entrant("two", [0.5], [0.5], nsd_name="NSD-2mm")])
    with pytest.raises(InputError, match="only some systems"):
        rank_systems([one, _entrant("two", [0.5], [0.5], [1], [1])])


@pytest.mark.parametrize(
    "header",
    ["name,time,gpu_memory,time_multiply_memory", "Name,Time,GPU_Mem,AUC", "Name,Time,MaxGPU_Mem,AUC"],
)
def test_efficiency_tables_of_all_years_are_read(tmp_path: Path, header: str) -> None:
    path = tmp_path / "team_Efficiency.csv"
    path.write_text(f"{header}\ncase_1_0000.nii.gz,9.5,1017,1\ncase_2.nii.gz,,2000,1\n")
    table = read_efficiency_table(path)
    assert table.gpu_memory_mb == {"case_1": 1017, "case_2": 2000}
    assert table.time_s["case_1"] == 9.5
    assert np.isnan(table.time_s["case_2"])


def test_refuses_a_table_without_memory(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("name,time\na,1\n")
    with pytest.raises(InputError, match=r"no column for gpu_memory_mb.*gpu_memory or gpu_mem"):
        read_efficiency_table(tmp_path / "a.csv")


def test_two_systems_of_one_name_are_refused() -> None:
    with pytest.raises(InputError, match="same name"):
        rank_systems([_entrant("a", [0.9], [0.8]), _entrant("a", [0.9], [0.8])])


def test_means_of_different_organs_are_not_ranked() -> None:
    other = ScoreTable("b", ("case_0",), {"DSC": {"2": np.array([0.9])}, "NSD-1mm": {"2": np.array([0.9])}})
    with pytest.raises(InputError, match="different organs"):
        rank_systems([_entrant("a", [0.9], [0.8]), Entrant(other)])


def test_an_efficiency_table_names_each_case_once(tmp_path: Path) -> None:
    (tmp_path / "e.csv").write_text("Name,time,gpu_memory\na,1,2\na.nii.gz,1,2\n")
    with pytest.raises(InputError, match="a case twice"):
        read_efficiency_table(tmp_path / "e.csv")
