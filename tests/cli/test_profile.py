"""`flare profile` as its users meet it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from flarecli.cli.main import app
from flarecli.errors import InputError
from flarecli.profiling.profile import CaseProfile, Profile, ProfileRequest, ScanToProfile
from flarecli.weights import store
from tests.profiling.fake_nvml import build_fake_nvml
from tests.profiling.made_up import SCORES, case_profile
from tests.profiling.made_up import profile as made_up_profile
from tests.profiling.measured_threshold import register_threshold_system
from tests.synthetic_ct import write_ct


def flare(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["profile", *map(str, arguments)])


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[ProfileRequest, list[ScanToProfile]]]:
    """Answers every profile with made-up figures, and keeps what was asked."""
    calls: list[tuple[ProfileRequest, list[ScanToProfile]]] = []

    def answer(request: ProfileRequest, scans: list[ScanToProfile], **_: object) -> Profile:
        calls.append((request, scans))
        cases: list[CaseProfile] = []
        for scan in scans:
            case = case_profile(scan.case.name)
            if scan.case.name.startswith("bad"):
                case = CaseProfile(case.case, error=InputError("is not a scan", path=scan.case.scan, remedy="Look."))
            elif scan.ground_truth is not None:
                case = replace(case, scores=SCORES)
            cases.append(case)
        return made_up_profile(*cases, request=request)

    monkeypatch.setattr("flarecli.profiling.profile.profile_scans", answer)
    return calls


def test_table_shows_time_memory_and_accuracy_together(asked: list[object], tmp_path: Path) -> None:
    scan, truth = write_ct(tmp_path / "scan.nii.gz"), write_ct(tmp_path / "truth.nii.gz")
    result = flare(scan, "--labels", truth)
    assert result.exit_code == 0, result.output
    for words in ("1.10", "1.00–1.20", "0.750", "0.350", "segment", "exit", "200", "50%", "network 45%", "1.0% of one"):
        assert words in result.stdout
    assert "No GPU here." in result.stderr


def test_files_are_written(asked: list[object], tmp_path: Path) -> None:
    scan = write_ct(tmp_path / "scan.nii.gz")
    result = flare(scan, "--csv", tmp_path / "p.csv", "--plot", tmp_path / "p.png", "--quiet")
    assert result.exit_code == 0, result.output
    assert result.stdout == ""
    assert (tmp_path / "p.csv").read_text(encoding="utf-8").startswith("Name,time,gpu_memory")
    assert (tmp_path / "p.png").read_bytes().startswith(b"\x89PNG")
    flare(scan, "--plot", tmp_path / "plots", "--quiet")
    assert (tmp_path / "plots" / "scan.png").exists()


def test_json_is_one_document(asked: list[object], tmp_path: Path) -> None:
    result = flare(write_ct(tmp_path / "scan.nii.gz"), "--json", "--max-seconds", 1)
    content = json.loads(result.stdout)
    assert result.exit_code == 4
    assert content["budget_breaches"] == [
        {"case": "scan", "figure": "seconds", "limit": 1.0, "measured": pytest.approx(1.1)}
    ]
    assert content["cases"][0]["warm"]["median"]["wall_s"] == pytest.approx(0.7)


def test_systems_side_by_side(
    asked: list[tuple[ProfileRequest, list[ScanToProfile]]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLARE_WEIGHTS", str(tmp_path / "none"))
    shutil.copytree(store.BUNDLED_ROOT, tmp_path / "bundled", ignore=shutil.ignore_patterns("vgg13"))
    monkeypatch.setattr(store, "BUNDLED_ROOT", tmp_path / "bundled")
    scan, truth = write_ct(tmp_path / "scan.nii.gz"), write_ct(tmp_path / "truth.nii.gz")
    picture = tmp_path / "pareto.png"
    result = flare(scan, "--labels", truth, "--systems", "all", "--plot", picture)
    assert result.exit_code == 0, result.output
    assert [request.system for request, _ in asked] == ["flarelite", "efficientscn", "efficientsegnet"]
    assert "vgg13 is left out" in result.stderr
    assert picture.read_bytes().startswith(b"\x89PNG")
    side_by_side = result.stdout.split("side by side")[1]
    assert all(name in side_by_side for name in ("flarelite", "efficientscn", "efficientsegnet"))
    result = flare(scan, "--labels", truth, "--systems", "efficientscn, flarelite", "--json", "--max-seconds", 1)
    content = json.loads(result.stdout)
    assert result.exit_code == 4
    assert [system["system"] for system in content["systems"]] == ["efficientscn", "flarelite"]
    assert [breach["system"] for breach in content["budget_breaches"]] == ["efficientscn", "flarelite"]
    assert content["points"][0] == {
        "system": "efficientscn", "seconds": pytest.approx(1.1), "dsc": pytest.approx(0.75), "memory_mb": 900,
        "cases": 1, "outdone": False,
    }  # fmt: skip
    assert flare(scan, "--labels", truth, "--systems", "all", "--plot", picture).exit_code == 3  # it exists
    assert flare(scan, "--systems", "vgg13").exit_code == 3


def test_budget_gate(asked: list[object], tmp_path: Path) -> None:
    scan = write_ct(tmp_path / "scan.nii.gz")
    assert flare(scan, "--max-seconds", 2, "--max-rss-mb", 900, "--max-gpu-mb", 0).exit_code == 0
    result = flare(scan, "--max-rss-mb", 100)
    assert result.exit_code == 4
    assert "over budget: scan: RSS MB 900, allowed 100" in result.stderr


def test_a_phantom_is_made_without_input(asked: list[tuple[ProfileRequest, list[ScanToProfile]]]) -> None:
    result = flare("--size", "40x32x20")
    assert result.exit_code == 0, result.output
    ((_, (scan,)),) = asked
    assert scan.case.name == "phantom_40x32x20"
    assert scan.ground_truth is not None
    assert "DSC" in result.stdout


def test_several_scans_and_a_bad_one(asked: list[object], tmp_path: Path) -> None:
    good, bad = write_ct(tmp_path / "good.nii.gz"), write_ct(tmp_path / "bad.nii.gz")
    result = flare(good, bad)
    assert result.exit_code == 4
    assert "bad.nii.gz: is not a scan" in result.stderr
    assert "good" in result.stdout
    assert flare(bad).exit_code == 3


def test_options_reach_the_request(asked: list[tuple[ProfileRequest, list[ScanToProfile]]], tmp_path: Path) -> None:
    flare(
        write_ct(tmp_path / "scan.nii.gz"), "--system", "vgg13", "--cold", 2, "--warm", 0, "--no-networks",
        "--protocol", "flare21", "--period", 0.05, "--precision", "float32", "--threads", 1,
    )  # fmt: skip
    request, _ = asked[0]
    assert (request.system, request.cold_runs, request.warm_runs, request.networks) == ("vgg13", 2, 0, False)
    assert request.protocol is not None
    assert request.protocol.name == "flare21"
    assert request.period_s == 0.05
    assert (request.engine.precision, request.engine.threads) == ("float32", 1)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--size", "512x512"], "cannot be read"),
        (["--system", "nothing"], "no such system"),
        (["--cold", "0", "--warm", "0"], "nothing is left"),
        (["--protocol", "flare21", "--cold", "0"], "timed fresh processes"),
        (["--plot", "plot.svg"], ".png"),
        (["scan.nii.gz", "--size", "8x8x8"], "for a phantom"),
        (["--systems", "all", "--weights", "starter"], "--weights is for one system"),
        (["--systems", "flarelite,nothing"], "no such system"),
        (["--systems", "all", "--plot", "folder"], "one picture"),
        (["scan.nii.gz", "--systems", "all", "--plot", "p.png"], "--labels"),
    ],
)
def test_wrong_usage(asked: list[object], options: list[str], expected: str) -> None:
    result = flare(*options)
    assert result.exit_code == 2, result.output
    assert expected in result.stderr
    assert not asked


def test_gpu_memory_of_the_measured_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole command on a machine with a GPU that a fake NVML plays: 250 MB appear with the measured process."""
    library = build_fake_nvml(tmp_path)
    register_threshold_system(tmp_path / "start-up", monkeypatch)
    process = tmp_path / "process"
    environment = {
        **os.environ,
        "LD_LIBRARY_PATH": str(library.parent),
        "FAKE_NVML": "normal",
        "FAKE_NVML_PROCESS": str(process),
    }
    environment.pop("CUDA_VISIBLE_DEVICES", None)
    scan = write_ct(tmp_path / "scan.nii.gz")
    ended = subprocess.run(
        [
            sys.executable, "-c", "from flarecli.cli.entry import main; main()",
            "profile", str(scan), "--system", "threshold", "--backend", "openvino", "--cold", "1", "--warm", "0",
            "--no-networks", "--json", "--max-gpu-mb", "200",
        ],
        env=environment, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert ended.returncode == 4, ended.stderr
    content = json.loads(ended.stdout)
    (case,) = content["cases"]
    assert content["machine"]["gpu"] == {"name": "Fake GPU", "driver": "570.00"}
    whole = case["cold"]["median"]
    assert whole["gpu_process_mb"] == pytest.approx(250)
    assert whole["gpu_device_mb"] == pytest.approx(250)
    assert whole["gpu_allocator_mb"] is None
    assert whole["gpu_energy_j"] > 0
    assert case["gpu_memory_is"] == "process"
    assert content["budget_breaches"][0]["measured"] == pytest.approx(250)
