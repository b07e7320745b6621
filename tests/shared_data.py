"""Where tests find the shared reference material, and how they skip where it is absent."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest

_NEEDS = "needs the shared material"
_DEFAULT = Path(__file__).resolve().parent.parent.parent / "shared"


def shared_path(relative: str) -> Path:
    """Path of a file or folder of the shared material; skips the calling test with the reason where it is absent.

    The folder is `FLARE_SHARED`, or `../shared` beside the checkout.
    """
    root = Path(os.environ.get("FLARE_SHARED", _DEFAULT))
    path = root / relative
    if not path.exists():
        pytest.skip(f"{_NEEDS}: {relative} not found under {root} (set FLARE_SHARED)")
    return path


def list_skips(terminal: pytest.TerminalReporter) -> None:
    """Write at the end of a run which tests were skipped for want of the shared material, file by file."""
    skipped = [report for report in terminal.stats.get("skipped", []) if _NEEDS in str(report.longrepr)]
    if not skipped:
        return
    terminal.section("skipped for want of the shared material")
    for file, number in sorted(Counter(report.nodeid.partition("::")[0] for report in skipped).items()):
        terminal.write_line(f"{number:4d}  {file}")
    terminal.write_line(
        f"{len(skipped)} tests compare with files of the original programs, which cannot be given away; tests/golden/ "
        "holds arrays that stand for them."
    )
