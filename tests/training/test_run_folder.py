"""A folder of a run is locked while a process trains in it."""

from __future__ import annotations

import errno
import subprocess
import sys
from pathlib import Path

import pytest

from flarecli.errors import UsageError
from flarecli.training.learning.run_folder import RunFolder

pytestmark = pytest.mark.any_backend

_HOLDS = """
import sys
from pathlib import Path
from flarecli.training.learning.run_folder import RunFolder
with RunFolder(Path(sys.argv[1])).locked():
    print("locked", flush=True)
    sys.stdin.read()
"""


def test_two_processes_do_not_train_in_one_folder(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    with subprocess.Popen(
        [sys.executable, "-c", _HOLDS, str(folder.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "locked\n"
        assert folder.is_in_use
        with pytest.raises(UsageError, match="another process is training in this folder"), folder.locked():
            pass
        other.communicate()
    assert not folder.is_in_use
    with folder.locked():
        pass


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS])
def test_a_finished_run_is_used_in_a_folder_that_cannot_be_written_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refused(path: Path, mode: str = "r") -> None:
        raise OSError(number, "refused", str(path))

    monkeypatch.setattr(Path, "open", refused)
    with RunFolder(tmp_path).locked():
        pass
    assert not RunFolder(tmp_path).is_in_use
