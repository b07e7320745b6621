"""Makes the golden arrays anew: `KERAS_BACKEND=tensorflow python -m tests.golden.make`.

First all tests are run that compare the code with arrays of the original programs (`tests.shared_data`). Only where
every one of them ran and passed are the golden arrays computed, by the code that has just been shown to equal the
originals, and stored with `provenance.json`, which says which tests and which versions that were.
"""

from __future__ import annotations

import json
import os
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

_TESTS = Path(__file__).resolve().parent.parent
_PACKAGES = ("numpy", "scipy", "keras", "tensorflow-cpu", "connected-components-3d", "nibabel")
_NEEDS_SHARED = "shared_path("
_ELSEWHERE = "needs the shared material"


class _Outcomes:
    """Counts the tests of the files that read the shared material."""

    def __init__(self) -> None:
        self.passed = 0
        self.failed: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed or (report.skipped and _ELSEWHERE in str(report.longrepr)):
            self.failed.append(report.nodeid)
        elif report.passed and report.when == "call":
            self.passed += 1


def main() -> int:
    """Check the code against the originals, then store the arrays; exit code 1 where that check was not complete."""
    files = sorted(
        str(path)
        for path in _TESTS.rglob("test_*.py")
        if _NEEDS_SHARED in path.read_text(encoding="utf-8") and path.parent.name != "golden"
    )
    outcomes = _Outcomes()
    pytest.main(["-q", "-p", "no:cacheprovider", *files], plugins=[outcomes])
    if outcomes.failed or not outcomes.passed:
        print(f"not stored: {len(outcomes.failed)} comparisons failed or could not be made", file=sys.stderr)
        return 1
    _store(outcomes, [Path(file).relative_to(_TESTS.parent).as_posix() for file in files])
    return 0


def _store(outcomes: _Outcomes, files: list[str]) -> None:
    from tests.golden.areas import AREAS
    from tests.golden.case import FOLDER

    for area, cases in AREAS.items():
        for case in cases.values():
            if case.original is not None:
                case.check(case.original())
        arrays = {
            f"{name}/{key}": array
            for name, case in cases.items()
            for key, array in (case.original or case.compute)().items()
        }
        np.savez_compressed(FOLDER / f"{area}.npz", **arrays)
    provenance = {
        "made_by": "python -m tests.golden.make",
        "backend": os.environ["KERAS_BACKEND"],
        "versions": {package: version(package) for package in _PACKAGES},
        "parity": {"passed": outcomes.passed, "failed": len(outcomes.failed), "files": files},
    }
    (FOLDER / "provenance.json").write_text(json.dumps(provenance, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
