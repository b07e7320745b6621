"""The documentation builds, and a warning is an error."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.mark.slow
@pytest.mark.parametrize(("builder", "result"), [("html", "index.html"), ("man", "flare.1")])
def test_the_site_builds_without_a_warning(builder: str, result: str, tmp_path: Path) -> None:
    for package in ("sphinx", "myst_parser", "furo"):
        pytest.importorskip(package, reason="needs the extra 'docs'")
    built = subprocess.run(
        [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", builder, ROOT / "docs", tmp_path],
        capture_output=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )

    assert built.returncode == 0, built.stderr
    assert (tmp_path / result).stat().st_size > 1000
