"""A profile as CSV and JSON."""

from __future__ import annotations

import csv
import json
import math
from dataclasses import replace
from pathlib import Path

import pytest

from flarecli.errors import InputError
from flarecli.metrics.efficiency_table import read_efficiency_table
from flarecli.metrics.protocol import Metric
from flarecli.metrics.score_table import read_score_table
from flarecli.profiling.flare_protocols import FLARE21, FLARE22
from flarecli.profiling.profile import CaseProfile, ProfileRequest
from flarecli.profiling.report import busy_notes, mean_scores, profile_as_dict, write_profile_table
from tests.profiling.made_up import SCORES, case_profile, profile, samples


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_rank_reads_the_table(tmp_path: Path) -> None:
    write_profile_table(tmp_path / "profile.csv", profile(case_profile("a"), case_profile("b")))
    table = read_efficiency_table(tmp_path / "profile.csv")
    assert table.time_s == {"a": pytest.approx(1.1), "b": pytest.approx(1.1)}
    assert table.gpu_memory_mb == {"a": 0.0, "b": 0.0}


def test_own_columns_follow(tmp_path: Path) -> None:
    levels = [300.0] * 6 + [1000.0] * 8
    seen = samples(levels, process_mb=650.0)
    write_profile_table(tmp_path / "profile.csv", profile(case_profile(seen=seen, device="gpu")))
    (row,) = rows(tmp_path / "profile.csv")
    assert list(row)[:3] == ["Name", "time", "gpu_memory"]
    assert row["Name"] == "scan.nii.gz"
    assert row["gpu_memory_is"] == "process"
    assert float(row["gpu_memory"]) == float(row["gpu_process_mb"]) == 650
    assert float(row["gpu_device_mb"]) == 700
    assert float(row["gpu_allocator_mb"]) == 500
    assert float(row["peak_rss_mb"]) == 900
    assert float(row["warm_time"]) == pytest.approx(0.7)


def test_table_with_scores_is_a_score_table_too(tmp_path: Path) -> None:
    write_profile_table(tmp_path / "profile.csv", profile(replace(case_profile(), scores=SCORES)))
    scores = read_score_table(tmp_path / "profile.csv")
    assert scores.mean_over_organs("DSC") == {"scan": pytest.approx(0.75)}
    assert scores.mean_over_organs("NSD-1mm") == {"scan": pytest.approx(0.35)}
    assert mean_scores(SCORES) == {Metric.DSC: pytest.approx(0.75), Metric.NSD: pytest.approx(0.35)}


def test_challenge_tables_are_to_the_letter(tmp_path: Path) -> None:
    for protocol in (FLARE21, FLARE22):
        figures = protocol.medians([(samples(), 2.0)])
        case = replace(case_profile(), protocol_figures=figures)
        request = ProfileRequest("efficientscn", protocol=protocol)
        path = tmp_path / f"{protocol.name}.csv"
        write_profile_table(path, profile(case, request=request))
        (row,) = rows(path)
        assert tuple(row) == (protocol.name_column, *protocol.columns)
        # On the processor there is no GPU memory to read, and none is taken.
        assert read_efficiency_table(path).gpu_memory_mb == {"scan": 0.0}
        assert read_efficiency_table(path).time_s == {"scan": 2.0}


def test_unknown_memory_of_a_gpu_is_empty_not_zero(tmp_path: Path) -> None:
    case = replace(case_profile(device="gpu"), protocol_figures=FLARE21.medians([(samples(), 2.0)]))
    write_profile_table(tmp_path / "p.csv", profile(case, request=ProfileRequest("x", protocol=FLARE21)))
    assert math.isnan(read_efficiency_table(tmp_path / "p.csv").gpu_memory_mb["scan"])


def test_failed_cases_are_left_out_of_the_table(tmp_path: Path) -> None:
    failed = CaseProfile(case_profile("bad").case, error=InputError("is not a scan", remedy="Look at it."))
    measured = profile(failed, case_profile("good"))
    write_profile_table(tmp_path / "p.csv", measured)
    assert [row["Name"] for row in rows(tmp_path / "p.csv")] == ["good.nii.gz"]
    entries = profile_as_dict(measured)["cases"]
    assert entries[0]["error"]["problem"] == "is not a scan"
    assert entries[0]["cold"] is None


def test_json_holds_medians_runs_shares_and_the_rate_of_convolutions() -> None:
    content = json.loads(json.dumps(profile_as_dict(profile(replace(case_profile(), scores=SCORES)))))
    (case,) = content["cases"]
    assert case["cold"]["median"]["wall_s"] == pytest.approx(1.1)
    assert [run["wall_s"] for run in case["cold"]["runs"]] == pytest.approx([1.0, 1.2, 1.1])
    assert case["cold"]["median"]["steps"]["segment"]["peak_rss_mb"] == 900
    assert case["shares"] == pytest.approx({"import": 2 / 11, "read": 1 / 11, "network": 5 / 11, "other": 3 / 11})
    (network,) = case["networks"]
    assert network["achieved_flops"] == pytest.approx(100e9)
    assert network["share_of_convolutions"] == pytest.approx(0.5)
    assert case["scores"]["scores"]["dsc"]["pancreas"] == 0.6
    assert content["sampling"][0]["share_of_a_core"] == pytest.approx(0.01)


def test_a_busy_machine_is_said() -> None:
    quiet = case_profile()
    calm = [replace(run, whole=replace(run.whole, others_busy=0.1)) for run in quiet.cold]
    busy = [replace(run, whole=replace(run.whole, others_busy=1.5)) for run in quiet.cold]
    assert busy_notes(profile(replace(quiet, cold=tuple(calm), warm=()))) == []
    (note,) = busy_notes(profile(replace(quiet, cold=tuple(busy), warm=())))
    assert "1.5 of 2 processors" in note
