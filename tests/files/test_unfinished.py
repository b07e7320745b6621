"""Temporary files of killed processes are told from those that are still being written."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from flarecli.files import unfinished
from flarecli.files.unfinished import clear_abandoned, discard_all, new_unfinished_file, new_unfinished_folder


@pytest.fixture(autouse=True)
def nothing_cleared_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unfinished, "_cleared", set())


def left_by_killed_process(folder: Path) -> Path:
    program = (
        "import os, sys, pathlib; from flarecli.files.unfinished import new_unfinished_file;"
        "print(new_unfinished_file(pathlib.Path(sys.argv[1]), '.nii.gz')); sys.stdout.flush(); os.kill(os.getpid(), 9)"
    )
    killed = subprocess.run([sys.executable, "-c", program, str(folder)], capture_output=True, text=True)
    path = Path(killed.stdout.strip())
    assert path.exists()
    return path


def test_parts_of_a_killed_process_are_removed_and_others_stay(tmp_path: Path) -> None:
    abandoned = left_by_killed_process(tmp_path)
    mine, folder = new_unfinished_file(tmp_path, ".csv"), new_unfinished_folder(tmp_path)
    other = tmp_path / ".flare-part-of-something-else"
    other.touch()
    clear_abandoned(tmp_path)
    assert not abandoned.exists()
    assert mine.exists()
    assert folder.is_dir()
    assert other.exists()


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="the system does not tell ended processes apart")
def test_parts_of_a_process_that_nobody_has_waited_for_are_removed(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)
    part = tmp_path / f".flare-part-{unfinished.this_host()}-{ended.pid}-aaaaaaaa.nii.gz"
    part.touch()
    clear_abandoned(tmp_path)
    ended.wait()
    assert not part.exists()


def test_a_folder_is_searched_again_where_that_is_asked_for(tmp_path: Path) -> None:
    clear_abandoned(tmp_path)
    abandoned = left_by_killed_process(tmp_path)
    clear_abandoned(tmp_path)
    assert abandoned.exists()
    clear_abandoned(tmp_path, again=True)
    assert not abandoned.exists()


def test_parts_of_another_host_are_removed_after_a_day(tmp_path: Path) -> None:
    fresh, old = (tmp_path / f".flare-part-00000000-1-{name}.nii.gz" for name in ("aaaaaaaa", "bbbbbbbb"))
    for path in (fresh, old):
        path.touch()
    os.utime(old, (time.time() - 90_000, time.time() - 90_000))
    clear_abandoned(tmp_path)
    assert fresh.exists()
    assert not old.exists()


def test_a_clock_that_is_wrong_removes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fresh, old = (tmp_path / f".flare-part-00000000-1-{name}.nii.gz" for name in ("aaaaaaaa", "bbbbbbbb"))
    for path in (fresh, old):
        path.touch()
    os.utime(old, (time.time() - 90_000, time.time() - 90_000))
    monkeypatch.setattr(unfinished.time, "time", lambda: 4e9)
    clear_abandoned(tmp_path)
    assert list(tmp_path.iterdir()) == [fresh]


def test_a_process_that_ends_at_once_can_remove_its_own(tmp_path: Path) -> None:
    new_unfinished_file(tmp_path, ".csv")
    (new_unfinished_folder(tmp_path) / "array.npy").touch()
    discard_all()
    assert not list(tmp_path.iterdir())


def test_the_mode_follows_the_umask_of_the_process(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        assert new_unfinished_file(tmp_path, "").stat().st_mode & 0o777 == 0o640
    finally:
        os.umask(before)
