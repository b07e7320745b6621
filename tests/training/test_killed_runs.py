"""Trainings that are killed while they write."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from flarecli.files.unfinished import PREFIX
from tests.training import small

pytestmark = [small.needs_training, pytest.mark.slow]


def train(run: Path, at_flush: int) -> int:
    """Exit code of a training."""
    command = [sys.executable, "-m", "tests.training.killed_run", str(at_flush), str(run)]
    environment = {**os.environ, "KERAS_BACKEND": small.BACKEND}
    root = Path(__file__).parents[2]
    return subprocess.run(command, cwd=root, env=environment, capture_output=True, check=False).returncode


def test_whatever_was_being_written_the_run_goes_on_and_leaves_nothing_over(tmp_path: Path) -> None:
    assert train(tmp_path / "whole", 0) == 0
    expected = small.losses(tmp_path / "whole")
    files = sorted(path.relative_to(tmp_path / "whole") for path in (tmp_path / "whole").rglob("*"))
    assert len(expected) == 12
    for at_flush in range(1, 40, 3):
        run = tmp_path / f"killed{at_flush}"
        code = train(run, at_flush)
        if code == 0:  # it has no so many writes
            break
        assert code == -signal.SIGKILL
        assert train(run, 0) == 0
        assert small.losses(run) == expected
        assert not list(run.rglob(f"{PREFIX}*"))
        assert sorted(path.relative_to(run) for path in run.rglob("*")) == files
    assert at_flush > 8
