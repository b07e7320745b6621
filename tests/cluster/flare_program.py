"""The command `flare` for recipes, with a system that needs no networks."""

from __future__ import annotations

import os
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def with_flare(folder: Path, seconds: float = 0.2) -> dict[str, str]:
    """Make the program in a folder, and give the variables of an environment that finds it.

    Args:
        folder: Made here.
        seconds: What each scan takes.
    """
    folder.mkdir()
    flare = folder / "flare"
    flare.write_text(f'#!/bin/bash\ncd {ROOT}\nexec {sys.executable} -m tests.shared_command {seconds} "$@"\n')
    flare.chmod(0o755)
    return {"PATH": f"{folder}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
