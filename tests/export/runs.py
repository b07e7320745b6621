"""Exported runners called as a stranger would: in a process that cannot import flare."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

# The checkout is installed where the tests run; a finder of its own keeps it out.
_WITHOUT_FLARE = """
import runpy, sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("flarecli", "flarecli_models", "keras", "nibabel", "scipy", "cc3d"):
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Absent())
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def run_alone(script: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a Python file without flare and what flare needs besides numpy and a runtime of networks."""
    return subprocess.run(
        [sys.executable, "-c", _WITHOUT_FLARE, str(script), *map(str, arguments)],
        cwd=script.parent,
        capture_output=True,
        encoding="utf-8",
        timeout=1200,
        check=False,
    )
