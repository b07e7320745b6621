"""Standard streams that are closed, full or no longer read."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.synthetic_ct import write_ct

COMMAND = f"{sys.executable} -m tests.interrupted_command 2 10000"
ROOT = Path(__file__).parents[2]


def shell(line: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["bash", "-c", line], capture_output=True, text=True, cwd=ROOT)


@pytest.fixture(scope="module")
def scan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_ct(tmp_path_factory.mktemp("scan") / "scan.nii.gz")


@pytest.fixture(scope="module")
def labels_with_open_streams(scan: Path) -> bytes:
    labels = scan.with_name("open.nii.gz")
    assert shell(f"{COMMAND} predict {scan} {labels}").returncode == 0
    return labels.read_bytes()


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_closed_streams(scan: Path, labels_with_open_streams: bytes, tmp_path: Path, closed: str) -> None:
    ended = shell(f"{COMMAND} predict {scan} {tmp_path}/o.nii.gz {closed}")
    assert ended.returncode == 0
    assert (tmp_path / "o.nii.gz").read_bytes() == labels_with_open_streams
    assert (tmp_path / "o.json").exists()


def test_an_error_keeps_its_exit_code_where_nobody_listens(tmp_path: Path) -> None:
    assert shell(f"{COMMAND} predict {tmp_path}/none.nii.gz {tmp_path}/o.nii.gz >&- 2>&-").returncode == 3


@pytest.mark.parametrize("reader", ["true", "head -c 1"])
def test_readers_that_go_away_do_not_stop_the_work(tmp_path: Path, reader: str) -> None:
    for number in range(3):
        write_ct(tmp_path / "scans" / f"{number}.nii.gz", seed=number)
    (tmp_path / "scans" / "bad.nii.gz").write_bytes(b"no image")
    ended = shell(f"{COMMAND} predict {tmp_path}/scans {tmp_path}/out 2>&1 | {reader}; exit ${{PIPESTATUS[0]}}")
    assert ended.returncode == 4
    assert len(list((tmp_path / "out").glob("*.json"))) == 3


def test_output_that_is_lost_is_an_error(tmp_path: Path) -> None:
    ended = shell(f"ulimit -f 0; {COMMAND} systems --json > {tmp_path}/systems.json")
    assert ended.returncode == 3
    assert "standard output cannot be written: File too large" in ended.stderr


def test_names_that_are_not_utf8_are_printed_with_escapes(tmp_path: Path) -> None:
    ended = shell(f"cd {tmp_path} && PYTHONPATH={ROOT} {COMMAND} predict $'M\\xfcller.nii.gz' o.nii.gz")
    assert ended.returncode == 3
    assert "M\\udcfcller.nii.gz" in ended.stderr


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8"])
def test_json_is_valid_in_every_encoding_of_the_output(tmp_path: Path, encoding: str) -> None:
    name = "Bäuche_腹_\N{GRINNING FACE}.nii.gz"
    ended = subprocess.run(
        [*COMMAND.split(), "predict", str(tmp_path / name), str(tmp_path / "o.nii.gz"), "--json"],
        capture_output=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "1"},
    )
    assert ended.returncode == 3
    assert Path(json.loads(ended.stdout.decode(encoding))["error"]["path"]).name == name
