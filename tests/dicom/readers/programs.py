"""Programs of others that read DICOM: run, or skipped aloud where they are not installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

_PLACES = {
    "dciodvfy": "Debian: apt-get install dicom3tools",
    "dcmdump": "Debian: apt-get install dcmtk",
    "drtdump": "Debian: apt-get install dcmtk",
    "dsrdump": "Debian: apt-get install dcmtk",
    "storescu": "Debian: apt-get install dcmtk",
    "plastimatch": "Debian: apt-get install plastimatch",
    "Orthanc": "Debian: apt-get install orthanc",
    "dcm2niix": "pip install dcm2niix",
    "segimage2itkimage": "pip install dcmqi",
    "tid1500reader": "pip install dcmqi",
}


def found(program: str) -> str | None:
    """Its path, also beside this Python."""
    places = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    return shutil.which(program, path=places) or shutil.which(program, path="/usr/sbin")


def path_of(program: str) -> str:
    """Its path; the test is skipped where it is not there."""
    path = found(program)
    if path is None:
        pytest.skip(f"needs {program} ({_PLACES[program]})")
    return path


def run(program: str, *arguments: object) -> str:
    """What it prints; it must end well."""
    words = [path_of(program), *map(str, arguments)]
    ended = subprocess.run(words, capture_output=True, check=False, timeout=120)
    printed = (ended.stdout + ended.stderr).decode("utf-8", "replace")
    assert ended.returncode == 0, printed
    return printed
