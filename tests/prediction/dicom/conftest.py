"""Every test segments with a system of known results."""

from __future__ import annotations

import pytest

from tests.prediction.dicom.outputs import Kidneys, use


@pytest.fixture(autouse=True)
def system(monkeypatch: pytest.MonkeyPatch) -> None:
    Kidneys.segmented = 0
    use(monkeypatch, Kidneys())
