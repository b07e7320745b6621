"""The validator dciodvfy of dicom3tools."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

HAS_VALIDATOR = shutil.which("dciodvfy") is not None
NO_VALIDATOR = "needs dciodvfy (Debian: apt-get install dicom3tools)"


def errors_of(path: Path) -> list[str]:
    """The lines in which it finds an error."""
    ended = subprocess.run(["dciodvfy", "-new", str(path)], capture_output=True)
    lines = (ended.stdout + ended.stderr).decode("utf-8", "replace").splitlines()
    return [line for line in lines if "Error" in line]
