"""The page of the documentation says the ranges of the code."""

from __future__ import annotations

from flarecli.organs import ORGANS
from flarecli.report.reference import REFERENCE_HU, REFERENCE_VOLUMES_ML
from tests.docs.tables import rows


def test_reference_ranges_are_documented_as_they_are() -> None:
    documented = {cells[0]: tuple(cells[1:]) for cells in rows("report.md") if cells[0] in REFERENCE_HU}
    assert documented == {
        organ.name: tuple(
            f"{low:g} to {high:g}".replace("-", "−")
            for low, high in (REFERENCE_VOLUMES_ML[organ.name], REFERENCE_HU[organ.name])
        )
        for organ in ORGANS
    }
