"""What the system refuses while results are written: an error with a remedy, and no part of a result."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from flarecli.errors import InputError, OutputError
from flarecli.files.unfinished import PREFIX
from flarecli.measures.statistics import organ_statistics
from tests.prediction.batch_run import run
from tests.synthetic_ct import write_ct

pytestmark = pytest.mark.usefixtures("threshold_system")

ROOT = Path(__file__).parents[2]
NO_LIMIT = -1


def command(most_bytes: int, *arguments: object) -> list[str]:
    return [sys.executable, "-m", "tests.limited_command", str(most_bytes), *map(str, arguments)]


def ended(words: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, capture_output=True, text=True, cwd=ROOT, timeout=100)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


@pytest.mark.parametrize(
    ("most_bytes", "options", "named"),
    [(50, (), "o.nii.gz"), (50, ("--split",), "o.nii.gz"), (1000, ("--preview",), "p.png"), (1000, (), "o.json")],
)
def test_files_that_may_not_become_so_large(
    tmp_path: Path, most_bytes: int, options: tuple[str, ...], named: str
) -> None:
    scan, out = write_ct(tmp_path / "scan.nii.gz"), tmp_path / "out"
    given = [*options, *([out / "p.png"] if "--preview" in options else [])]
    failed = ended(command(most_bytes, "predict", scan, out / "o.nii.gz", *given))
    assert failed.returncode == 3, failed.stderr
    assert f"{out / named}: cannot be written" in failed.stderr
    assert "File too large" in failed.stderr
    assert "ulimit -f" in failed.stderr
    assert "defect" not in failed.stderr
    assert names(out) == []


def test_an_older_result_stays(tmp_path: Path) -> None:
    scan, out = write_ct(tmp_path / "scan.nii.gz"), tmp_path / "out"
    assert ended(command(NO_LIMIT, "predict", scan, out / "o.nii.gz")).returncode == 0
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    failed = ended(command(1000, "predict", scan, out / "o.nii.gz", "--overwrite", "--roi", "full"))
    assert failed.returncode == 3
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


def test_in_a_folder_the_cases_fail(tmp_path: Path) -> None:
    for name in "ab":
        write_ct(tmp_path / "scans" / f"{name}.nii.gz")
    failed = ended(command(1000, "predict", tmp_path / "scans", tmp_path / "out"))
    assert failed.returncode == 4
    assert failed.stderr.count("File too large") == 2
    assert names(tmp_path / "out") == []
    again = ended(command(NO_LIMIT, "predict", tmp_path / "scans", tmp_path / "out", "--resume"))
    assert again.returncode == 0, again.stderr
    assert names(tmp_path / "out") == ["a.json", "a.nii.gz", "b.json", "b.nii.gz"]


def test_a_table_that_cannot_be_written(tmp_path: Path) -> None:
    for index in range(8):
        write_ct(tmp_path / "scans" / f"{index}.nii.gz", seed=index)
    table = tmp_path / "t.json"
    failed = ended(command(7000, "predict", tmp_path / "scans", tmp_path / "out", "--statistics", table))
    assert failed.returncode == 3, failed.stdout
    assert f"{table}: cannot be written" in failed.stderr
    assert len(names(tmp_path / "out")) == 16


@pytest.mark.parametrize(("kilobytes", "option"), [(4, False), (4, True)])
def test_a_small_file_system_is_full(tmp_path: Path, kilobytes: int, option: bool) -> None:
    mount = f"mount -t tmpfs -o size={kilobytes}k tmpfs {tmp_path / 'small'}"
    (tmp_path / "small").mkdir()
    if shutil.which("unshare") is None or ended(["unshare", "-m", "sh", "-c", mount]).returncode:
        pytest.skip("file systems cannot be mounted here: needs root and unshare")
    scan = write_ct(tmp_path / "scan.nii.gz")
    labels = tmp_path / ("out" if option else "small") / "o.nii.gz"
    words = command(NO_LIMIT, "predict", scan, labels, *(["--preview", tmp_path / "small/p.png"] if option else []))
    listing = f"{mount} && {' '.join(words)}; code=$?; ls -A {tmp_path / 'small'}; exit $code"
    failed = ended(["unshare", "-m", "sh", "-c", listing])
    assert failed.returncode == 3, failed.stderr
    assert "No space left on device" in failed.stderr
    assert "Make room on the disk" in failed.stderr
    assert failed.stdout == ""
    assert names(labels.parent) == []


def test_a_folder_that_vanishes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out"

    def measure(*arguments: object) -> object:
        shutil.rmtree(out)
        return organ_statistics(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr("flarecli.prediction.result.organ_statistics", measure)
    (outcome,) = run(write_ct(tmp_path / "scan.nii.gz"), out / "o.nii.gz")
    assert isinstance(outcome.error, OutputError)
    assert "it must stay while the command runs" in str(outcome.error)


def test_memory_that_runs_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_memory(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("flarecli.prediction.result.organ_statistics", no_memory)
    (outcome,) = run(write_ct(tmp_path / "scan.nii.gz"), tmp_path / "out" / "o.nii.gz")
    assert isinstance(outcome.error, InputError)
    assert "memory ran out" in str(outcome.error)
    assert names(tmp_path / "out") == []
    assert not list(tmp_path.rglob(f"{PREFIX}*"))
