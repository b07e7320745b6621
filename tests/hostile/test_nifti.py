"""NIfTI files with every field wrong once, and those that look wrong and are sound, by the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.hostile.corpus import OddInput, check, names
from tests.hostile.odd_nifti import ODD


@pytest.mark.parametrize("entry", ODD, ids=names(ODD))
@pytest.mark.usefixtures("threshold_system")
def test_odd_nifti(entry: OddInput, tmp_path: Path) -> None:
    check(entry, tmp_path)
