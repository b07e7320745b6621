"""Several processes on one folder: each case once, dead processes are made up for, deadly scans end no run."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from flarecli.files.unfinished import PREFIX
from tests.deadly_system import DEADLY_HU
from tests.folder_content import content, hidden
from tests.shared_runs import predicted_alone, run, start
from tests.synthetic_ct import write_ct, write_cts
from tests.threshold_system import NO_ORGAN_HU

ROOT = Path(__file__).parents[1]
PROCESSES = 4
SCANS = 24


@pytest.fixture(scope="module")
def scans(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_cts(tmp_path_factory.mktemp("scans"), SCANS)


@pytest.fixture(scope="module")
def alone(scans: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return predicted_alone(scans, tmp_path_factory.mktemp("alone") / "out")


def test_each_case_is_done_once(scans: Path, alone: dict[str, bytes], tmp_path: Path) -> None:
    out = tmp_path / "out"
    processes = [start("predict", scans, out, "--share", "--json", seconds=0.05) for _ in range(PROCESSES)]
    with ThreadPoolExecutor(PROCESSES) as readers:  # all at once: one that nobody reads from would hold its case
        ended = list(readers.map(lambda process: process.communicate(timeout=120), processes))
    assert [process.returncode for process in processes] == [0] * PROCESSES, ended
    outcomes = [json.loads(line) for output, _ in ended for line in output.splitlines()]
    assert sorted(outcome["case"] for outcome in outcomes) == [f"s{number:02}" for number in range(SCANS)]
    assert {outcome["status"] for outcome in outcomes} == {"done"}
    assert content(out) == alone
    assert hidden(out) == []


def test_killed_processes_are_made_up_for(scans: Path, alone: dict[str, bytes], tmp_path: Path) -> None:
    out = tmp_path / "out"
    seed = random.Random(1)
    kills = 0
    while kills < 6:  # of one process, so that no case meets two deaths by chance
        process = start("predict", scans, out, "--share", seconds=0.1)
        while process.poll() is None and not list(out.glob(".flare-claim-*-1")):
            time.sleep(0.02)
        time.sleep(seed.uniform(0, 0.4))
        process.kill()
        process.communicate()
        kills += process.returncode == -signal.SIGKILL
    processes = [start("predict", scans, out, "--share") for _ in range(2)]
    for process in processes:
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
    assert content(out) == alone
    assert [path for path in hidden(out) if not path.name.startswith(PREFIX)] == []


def test_a_deadly_scan_ends_no_run(tmp_path: Path) -> None:
    scans, out = tmp_path / "scans", tmp_path / "out"
    for number in range(5):
        write_ct(scans / f"s{number}.nii.gz", seed=number, peak_hu=DEADLY_HU if number == 1 else 900)
    codes = []
    while not codes or codes[-1] == -signal.SIGKILL:
        codes.append(run("predict", scans, out, "--share")[0])
        assert len(codes) < 5
    assert codes == [-signal.SIGKILL, -signal.SIGKILL, 4]
    assert sorted(path.name for path in out.glob("*.nii.gz")) == [f"s{number}.nii.gz" for number in (0, 2, 3, 4)]
    failure = json.loads((out / "s1.failed.json").read_text())
    assert "killed every process" in failure["error"]["problem"]
    assert hidden(out) == []
    code, _, errors = run("predict", scans, out, "--share")
    assert code == 4
    assert "killed every process" in errors
    write_ct(scans / "s1.nii.gz", seed=1)
    (out / "s1.failed.json").unlink()
    assert run("predict", scans, out, "--share")[0] == 0
    assert (out / "s1.nii.gz").exists()


def test_failures_are_recorded_and_not_tried_again(tmp_path: Path) -> None:
    scans, out = tmp_path / "scans", tmp_path / "out"
    write_ct(scans / "good.nii.gz")
    write_ct(scans / "bad.nii.gz", peak_hu=NO_ORGAN_HU + 500)
    for _ in range(2):
        code, _, errors = run("predict", scans, out, "--share")
        assert code == 4
        assert "no organ region" in errors
    assert sorted(path.name for path in out.iterdir()) == ["bad.failed.json", "good.json", "good.nii.gz"]
    write_ct(scans / "bad.nii.gz")
    assert run("predict", scans, out, "--resume")[0] == 0
    assert not (out / "bad.failed.json").exists()


def test_what_a_host_refuses_is_left_to_others(tmp_path: Path) -> None:
    scans, out = tmp_path / "scans", tmp_path / "out"
    for number in range(6):
        write_ct(scans / f"s{number}.nii.gz", seed=number)
    shell = ["bash", "-c", 'ulimit -f 1; exec "$@"', "-"]
    command = [sys.executable, "-m", "tests.shared_command", "0", "predict", str(scans), str(out), "--share"]
    refused = subprocess.run([*shell, *command], capture_output=True, text=True, cwd=ROOT, timeout=300)
    assert refused.returncode == 3, refused.stderr
    assert list(out.iterdir()) == []
    assert refused.stderr.count("s3.") == 0  # it has ended before
    assert run("predict", scans, out, "--share")[0] == 0
    assert len(list(out.glob("*.nii.gz"))) == 6


def test_foreign_files_are_not_replaced(tmp_path: Path) -> None:
    scans, out = tmp_path / "scans", tmp_path / "out"
    write_ct(scans / "a.nii.gz")
    out.mkdir()
    (out / "a.json").write_text('{"Modality": "CT"}')
    code, _, errors = run("predict", scans, out, "--share")
    assert code == 4
    assert "exists already" in errors
    assert (out / "a.json").read_text() == '{"Modality": "CT"}'


def test_what_is_incomplete_is_done_anew(scans: Path, tmp_path: Path) -> None:
    out, few = tmp_path / "out", tmp_path / "few"
    few.write_text("".join(f"{scans / name}.nii.gz\n" for name in ("s00", "s01", "s02")))
    assert run("predict", out, "--from", few, "--share")[0] == 0
    (out / "s01.nii.gz").unlink()  # as where a process dies after its record has appeared
    code, output, _ = run("predict", out, "--from", few, "--share", "--json")
    assert (code, [json.loads(line)["case"] for line in output.splitlines()]) == (0, ["s01"])
    code, output, _ = run("predict", out, "--from", few, "--share", "--json", "--split")
    assert (code, len(output.splitlines())) == (0, 3)
    assert (out / "s02_liver.nii.gz").exists()


def test_claims_of_the_dead_are_cleared(scans: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run("predict", scans, out, "--share")[0] == 0
    program = (
        "import os; from pathlib import Path; from flarecli.files.claims import Claims\n"
        f"Claims().take(Path({str(out / 's03.nii.gz')!r})); os._exit(9)"
    )
    subprocess.run([sys.executable, "-c", program], check=False)
    assert len(hidden(out)) == 1
    assert run("predict", scans, out, "--share")[0] == 0
    assert hidden(out) == []


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_gives_the_claims_back(scans: Path, tmp_path: Path, ending: signal.Signals) -> None:
    out = tmp_path / "out"
    process = start("predict", scans, out, "--share", seconds=0.3)
    while process.poll() is None and not list(out.glob("*.nii.gz")):
        time.sleep(0.02)
    process.send_signal(ending)
    process.communicate(timeout=60)
    assert process.returncode == 128 + ending
    assert hidden(out) == []


def test_parts_make_the_whole(scans: Path, alone: dict[str, bytes], tmp_path: Path) -> None:
    out = tmp_path / "out"
    for number in (1, 2, 3):
        assert run("predict", scans, out, "--part", f"{number}/3")[0] == 0
    assert content(out) == alone


def test_statistics_are_collected_from_records(scans: Path, tmp_path: Path) -> None:
    out, whole, collected = tmp_path / "out", tmp_path / "whole.csv", tmp_path / "collected.csv"
    assert run("predict", scans, out, "--statistics", whole)[0] == 0
    assert run("collect", out, "--statistics", collected)[0] == 0
    assert collected.read_text() == whole.read_text()
    (out / "s00.json").write_text('{"Modality": "CT"}')  # another program's
    (out / "s01.json").write_text('{"record_version": 3, "labels"')
    (out / "s02.json").rename(out / "s02.failed.json")
    code, output, _ = run("collect", out, "--statistics", collected, "--json")
    facts = json.loads(output)
    assert (code, facts["collected"], len(facts["failed"])) == (4, SCANS - 3, 2)
    (tmp_path / "empty").mkdir()
    for folder in ("empty", "missing"):
        assert run("collect", tmp_path / folder, "--statistics", tmp_path / "x.csv")[0] == 3
    assert not (tmp_path / "x.csv").exists()


@pytest.mark.parametrize("share", [(), ("--share",)])
def test_lists(scans: Path, tmp_path: Path, share: tuple[str, ...]) -> None:
    out, listed = tmp_path / "out", tmp_path / "list"
    lines = [str(scans / "s00.nii.gz"), "", json.dumps({"scan": str(scans / "s01.nii.gz"), "name": "one"})]
    lines.append(json.dumps({"scan": str(scans / "s02.nii.gz"), "output": "below/two.nii"}))
    listed.write_text("\n".join(lines))
    code, _, errors = run("predict", out, "--from", listed, *share)
    assert code == 0, errors
    found = sorted(str(path.relative_to(out)) for path in out.rglob("*") if path.is_file())
    assert found == ["below/two.json", "below/two.nii", "one.json", "one.nii.gz", "s00.json", "s00.nii.gz"]
