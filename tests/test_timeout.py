"""`--timeout`: scans that take too long or kill their process fail alone."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import pytest

from flarecli.files.unfinished import is_running
from tests.deadly_system import DEADLY_HU, ENDLESS_HU
from tests.folder_content import content, hidden
from tests.shared_runs import run, start
from tests.synthetic_ct import write_ct


def scans_with(folder: Path, odd: dict[int, int], count: int = 6) -> Path:
    """Small scans, some of them with a voxel that the system hangs at or dies of."""
    for number in range(count):
        write_ct(folder / f"s{number}.nii.gz", seed=number, peak_hu=odd.get(number, 900))
    return folder


@pytest.mark.parametrize("share", [(), ("--share",)])
def test_slow_and_deadly_scans_fail_alone(tmp_path: Path, share: tuple[str, ...]) -> None:
    scans, out = scans_with(tmp_path / "scans", {1: ENDLESS_HU, 3: DEADLY_HU}), tmp_path / "out"
    sound = scans_with(tmp_path / "sound", {})
    assert run("predict", sound, tmp_path / "whole")[0] == 0
    code, output, errors = run("predict", scans, out, "--timeout", 2, "--json", *share)
    assert code == 4, errors
    ended = [json.loads(line) for line in output.splitlines()] if share else json.loads(output)
    problems = {case["case"]: case["error"]["problem"] for case in ended if case["error"]}
    assert sorted(problems) == ["s1", "s3"]
    assert "took longer than the time allowed" in problems["s1"]
    assert "killed every process" in problems["s3"]
    done = sorted(case["case"] for case in ended if case["status"] == "done")
    assert done == ["s0", "s2", "s4", "s5"]
    whole = content(tmp_path / "whole")
    assert {path.name: path.read_bytes() for path in out.glob("*.nii.gz")} == {
        f"{name}.nii.gz": whole[f"{name}.nii.gz"] for name in done
    }
    assert hidden(out) == []
    if share:
        assert "took longer" in json.loads((out / "s1.failed.json").read_text())["error"]["problem"]
        assert run("predict", scans, out, "--timeout", 2, *share)[0] == 4  # neither is tried again


def test_results_are_those_of_one_process(tmp_path: Path) -> None:
    scans = scans_with(tmp_path / "scans", {})
    table, watched = tmp_path / "a.csv", tmp_path / "b.csv"
    assert run("predict", scans, tmp_path / "a", "--statistics", table)[0] == 0
    assert run("predict", scans, tmp_path / "b", "--statistics", watched, "--timeout", 60)[0] == 0
    assert content(tmp_path / "b") == content(tmp_path / "a")
    assert watched.read_text() == table.read_text()
    code, output, _ = run("predict", scans, tmp_path / "b", "--resume", "--timeout", 60, "--json")
    assert (code, {case["status"] for case in json.loads(output)}) == (0, {"skipped"})


def test_one_slow_scan(tmp_path: Path) -> None:
    scan = write_ct(tmp_path / "scan.nii.gz", peak_hu=ENDLESS_HU)
    code, _, errors = run("predict", scan, tmp_path / "out.nii.gz", "--timeout", 1)
    assert (code, "took longer than the time allowed" in errors) == (3, True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["scan.nii.gz"]


def test_wrong_calls(tmp_path: Path) -> None:
    scan = write_ct(tmp_path / "scan.nii.gz")
    for seconds in ("0", "-1", "soon"):
        assert run("predict", scan, tmp_path / "out.nii.gz", "--timeout", seconds)[0] == 2
    code, _, errors = run("predict", scan, tmp_path / "out.nii.gz", "--timeout", 9, "--backend", "openvino")
    assert code == 0, errors
    code, _, errors = run("predict", scan, tmp_path / "out.nii.gz", "--timeout", 9)
    assert (code, "exists already" in errors) == (3, True)


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_both_processes_end_together(tmp_path: Path, ending: signal.Signals) -> None:
    scans, out = scans_with(tmp_path / "scans", {1: ENDLESS_HU}), tmp_path / "out"
    process = start("predict", scans, out, "--timeout", 500)
    while process.poll() is None and not (out / "s0.nii.gz").exists():
        time.sleep(0.02)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    assert children
    os.kill(process.pid, ending)
    process.communicate(timeout=30)
    deadline = time.monotonic() + 10
    while any(is_running(int(child)) for child in children) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(is_running(int(child)) for child in children)
    if ending is not signal.SIGKILL:
        assert process.returncode == 128 + ending
        assert hidden(out) == []
