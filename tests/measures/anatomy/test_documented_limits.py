"""The page of the documentation says the limits of the code."""

from __future__ import annotations

from flarecli.measures.anatomy.limits import (
    ENHANCED_HU,
    KIDNEY_HEIGHTS_MM,
    MEAN_HU,
    SHAPES,
    THICKEST_SLICE_MM,
    VOLUMES_ML,
)
from tests.docs.tables import DOCS, rows

PARTS = {"liver": "liver", "kidneys": "right kidney", "spleen": "spleen", "pancreas": "pancreas"}


def documented(start: str) -> list[str]:
    (cells,) = [cells for cells in rows("confidence.md") if cells[0].startswith(start)]
    return [cell.replace("−", "-").removesuffix(", both") for cell in cells[1:]]


def test_limits_are_documented_as_they_are() -> None:
    shapes = [SHAPES[part] for part in PARTS.values()]
    assert documented("volume in mL") == [f"{VOLUMES_ML[name][0]:g} to {VOLUMES_ML[name][1]:g}" for name in PARTS]
    assert documented("mean HU outside") == [f"{MEAN_HU[name][0]:g} to {MEAN_HU[name][1]:g}" for name in PARTS]
    assert documented("extends over") == [f"{limits.extent_mm:g}" for limits in shapes]
    assert documented("largest connected part") == [f"{100 * limits.largest_part:g} %" for limits in shapes]
    assert documented("mixed tissue") == [f"{limits.mixture_hu:g}" for limits in shapes]
    assert documented("rough surface") == [f"{limits.roughness:g}" for limits in shapes]
    assert documented("outline jumps: changes") == [f"{limits.slice_changes:g}" for limits in shapes]
    assert documented("outline jumps: DSC") == [f"{limits.least_overlap:g}" for limits in shapes]
    assert documented("share of the surface") == [f"{100 * limits.contact:g} %" for limits in shapes]
    assert documented("contrast at the border") == [
        "–" if limits.border_contrast is None else f"{limits.border_contrast:g}" for limits in shapes
    ]
    assert documented("flat face") == [f"{limits.flat_face[0]:.2f}; {limits.flat_face[1]:.2f}" for limits in shapes]
    assert all(limits.flat_face[1] == limits.flat_face[2] for limits in shapes)
    assert SHAPES["left kidney"] == SHAPES["right kidney"]


def test_numbers_of_the_text() -> None:
    text = (DOCS / "confidence.md").read_text(encoding="utf-8")
    assert f"slices of up to {THICKEST_SLICE_MM:g} mm" in text
    assert f"centres lie {KIDNEY_HEIGHTS_MM:g} mm apart" in text
    assert f"median is above {ENHANCED_HU:g} HU" in text
