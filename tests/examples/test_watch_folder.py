"""The script that watches a folder: what cannot be used is marked, what may be over later is tried again."""

from __future__ import annotations

import argparse
import errno
import importlib.util
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flarecli.errors import FlareError, InputError, InstallationError, OutputError
from tests.dicom.series_writer import write_series

SCRIPT = Path(__file__).resolve().parents[2] / "examples" / "watch_folder.py"


def script() -> Any:
    spec = importlib.util.spec_from_file_location("watch_folder", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def arguments(tmp_path: Path) -> argparse.Namespace:
    write_series(tmp_path / "incoming" / "ct")
    (tmp_path / "results").mkdir()
    return argparse.Namespace(incoming=tmp_path / "incoming", results=tmp_path / "results", settle=0.0, store=None)


def failing(error: FlareError, before: Callable[[], None] = lambda: None) -> Any:
    def segment(scan: object) -> None:
        before()
        raise error

    return segment


def marks(arguments: argparse.Namespace) -> list[str]:
    return sorted(path.name for path in arguments.results.iterdir())


def test_a_scan_that_cannot_be_used_is_marked(arguments: argparse.Namespace) -> None:
    script().work_through(arguments, failing(InputError("holds no CT scan", remedy="Look at it.")))

    assert marks(arguments) == ["ct.failed"]
    assert (arguments.results / "ct.failed").read_text() == "holds no CT scan. Look at it.\n"


@pytest.mark.parametrize(
    "error",
    [OutputError("cannot be written", remedy="Make room."), InstallationError("no highdicom", remedy="Install.")],
)
def test_what_is_no_fault_of_the_scan_is_tried_again(
    arguments: argparse.Namespace, capsys: pytest.CaptureFixture[str], error: FlareError
) -> None:
    script().work_through(arguments, failing(error))

    assert marks(arguments) == []
    assert f"ct: tried again later: {error}" in capsys.readouterr().out


def test_a_scan_that_changes_meanwhile_is_tried_again(
    arguments: argparse.Namespace, capsys: pytest.CaptureFixture[str]
) -> None:
    def grow() -> None:
        os.utime(arguments.incoming / "ct" / "IM000.dcm", (4e9, 4e9))

    script().work_through(arguments, failing(InputError("slices are missing", remedy="Wait."), grow))

    assert marks(arguments) == []
    assert "tried again later" in capsys.readouterr().out


def test_a_full_disk_does_not_end_the_script(
    arguments: argparse.Namespace, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Path, *_: object, **__: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", refuse)
    (arguments.incoming / "damaged.zip").write_bytes(b"PK\x03\x04 no archive")
    script().work_through(arguments, failing(InputError("holds no CT scan", remedy="Look at it.")))

    printed = capsys.readouterr().out
    assert "ct: tried again later: [Errno 28] No space left on device" in printed
    assert "damaged.zip: tried again later" in printed
