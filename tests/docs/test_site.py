"""The documentation builds, and a warning is an error."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.mark.slow
def test_site_and_man_page_are_built_without_a_warning(tmp_path: Path) -> None:
    """One after the other: what the first has read of the pages serves the second."""
    for package in ("sphinx", "myst_parser", "furo"):
        pytest.importorskip(package, reason="needs the extra 'docs'")
    for builder, result in (("html", "index.html"), ("man", "flare.1")):
        command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", builder]
        built = subprocess.run(
            [*command, "-d", tmp_path / "read", ROOT / "docs", tmp_path / builder],
            capture_output=True,
            encoding="utf-8",
            timeout=300,
            check=False,
        )

        assert built.returncode == 0, built.stderr
        assert (tmp_path / builder / result).stat().st_size > 1000
