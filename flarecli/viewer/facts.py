"""The data that the page shows beside the pictures: volumes, verdicts, DSC, and the places that it jumps to."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flarecli.files.printable import printable
from flarecli.geometry import Grid
from flarecli.measures.quality import OrganQuality
from flarecli.organs import LEFT_KIDNEY, LEFT_KIDNEY_COLOUR, ORGANS
from flarecli.viewer.label_layer import LabelLayer
from flarecli.viewer.slice_counts import Comparison, Place, areas_of, centre_in_slice, centre_of, largest_difference

_COLOURS = {**{organ.label: organ.colour for organ in ORGANS}, LEFT_KIDNEY: LEFT_KIDNEY_COLOUR}
_OTHER_COLOURS = ((204, 121, 167), (86, 180, 233), (230, 159, 0), (0, 158, 115), (240, 228, 66), (213, 94, 0))
"""For labels that are not flare's; distinguishable with colour blindness. Source: Okabe and Ito 2008."""


def colour_of(label: int) -> tuple[int, int, int]:
    """Display colour of a label."""
    return _COLOURS.get(label, _OTHER_COLOURS[label % len(_OTHER_COLOURS)])


def viewer_facts(
    name: str, grid: Grid, shown: Grid, layers: Sequence[LabelLayer], warnings: Sequence[str]
) -> dict[str, Any]:
    """All data of the page besides voxels, JSON-serialisable.

    Args:
        name: Name of the scan.
        grid: The scan's canonical grid.
        shown: The grid of the voxels that the page holds; indices of places are on it.
        layers: The label maps; the first one is filled, the others are outlines that are compared with it.
        warnings: What the user should know about the scan.
    """
    maps, names = shown_labels(layers), _shown_names(layers)
    areas = [areas_of(labels) for labels in maps]
    comparisons = [Comparison.of(maps[0], labels) for labels in maps[1:]]
    present = [label for label in range(1, 256) if any(area[:, label].any() for area in areas)]
    wanted = sorted({*present, *(organ.label for organ in ORGANS)}) if layers else []
    voxel_ml = grid.voxel_ml

    def placed(place: Place | None) -> list[int] | None:
        return None if place is None else _on_grid(place, grid, shown)

    organs = []
    for label in wanted:
        title = next((each[label] for each in names if label in each), f"label {label}")
        judged = _judged(layers[0], title)
        organs.append(
            {
                "label": label,
                "name": title,
                "colour": list(colour_of(label)),
                "volumes": [round(int(area[:, label].sum()) * voxel_ml, 2) for area in areas],
                "centre": placed(next((c for c in map(centre_of, maps, areas, [label] * len(maps)) if c), None)),
                "dsc": [round(comparison.dsc(label), 4) for comparison in comparisons],
                "difference": placed(
                    largest_difference(maps[0], maps[1], comparisons[0], label) if comparisons else None
                ),
                "differing": int(comparisons[0].differing(label).max()) if comparisons else 0,
                **judged,
                "doubt": placed(_doubtful(layers[0], title, maps[0], areas[0], label, grid)),
            }
        )
    return {
        "name": name,
        "maps": [layer.name for layer in layers],
        "shape": list(shown.shape_zyx[::-1]),
        "spacing": [round(step, 4) for step in shown.spacing_mm[::-1]],
        "affine": [[float(value) for value in row] for row in shown.affine_ras[:3]],
        "organs": organs,
        "warnings": [*map(printable, warnings), *(warning for layer in layers for warning in layer.warnings)],
        "reduced": _reduced(grid, shown),
    }


def shown_labels(layers: Sequence[LabelLayer]) -> list[NDArray[np.uint8]]:
    """The label maps as the page shows and compares them: both kidneys under one label where one of the maps has no
    separate labels for them."""
    if all(layer.has_sides for layer in layers):
        return [layer.labels for layer in layers]
    return [layer.without_sides() for layer in layers]


def _shown_names(layers: Sequence[LabelLayer]) -> list[Mapping[int, str]]:
    """Names of the labels that `shown_labels` gives."""
    if all(layer.has_sides for layer in layers):
        return [layer.names for layer in layers]
    return [layer.names_without_sides() for layer in layers]


def _judged(layer: LabelLayer, title: str) -> dict[str, Any]:
    found = _confidence(layer, title)
    return {
        "verdict": str(found.get("verdict", "")) if found.get("verdict") in set(map(str, OrganQuality)) else "",
        "reasons": [printable(str(reason)) for reason in found.get("reasons", [])],
        "expected": _number(found.get("expected_dsc")),
    }


def _confidence(layer: LabelLayer, title: str) -> Mapping[str, Any]:
    name = "kidneys" if title.endswith(" kidney") else title
    return layer.confidence.get(name, {})


def _doubtful(
    layer: LabelLayer, title: str, labels: NDArray[np.uint8], areas: NDArray[np.int64], label: int, grid: Grid
) -> Place | None:
    """Centre of the organ in the slice in which the network was least certain of it."""
    z_mm = _number(_confidence(layer, title).get("least_certain_z_mm"))
    if z_mm is None:
        return None
    z = min(max(int(z_mm / grid.spacing_mm[0]), 0), grid.shape_zyx[0] - 1)
    place = centre_in_slice(labels, areas, label, z)
    return None if place is None else (place[0], place[1], z)


def _number(value: Any) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and math.isfinite(value) else None


def _on_grid(place: Place, grid: Grid, shown: Grid) -> list[int]:
    sizes = zip(place, grid.shape_zyx[::-1], shown.shape_zyx[::-1], strict=True)
    return [int((index + 0.5) * n_shown / n) for index, n, n_shown in sizes]


def _reduced(grid: Grid, shown: Grid) -> str:
    if shown.shape_zyx == grid.shape_zyx:
        return ""
    full, small = (" × ".join(str(size) for size in each.shape_zyx[::-1]) for each in (grid, shown))
    steps = " × ".join(f"{step:.2f}" for step in shown.spacing_mm[::-1])
    return (
        f"The pictures are reduced: {small} of {full} voxels, {steps} mm. HU are means over the larger voxels; volumes "
        "and DSC are those of the full label maps."
    )
