"""Statistics of a case, and of all cases of a dataset."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flarecli.datasets.hu_counts import hu_figures
from flarecli.geometry import bounding_window
from flarecli.organs import ORGANS
from flarecli.volume import Volume

_AXES = ("z", "y", "x")


def case_figures(volume: Volume, labels: NDArray[np.uint8], hu_counts: NDArray[np.int64]) -> dict[str, Any]:
    """Size, intensities and organs of one case, JSON-serialisable.

    Args:
        volume: The scan.
        labels: FLARE labels on its grid.
        hu_counts: The table of `count_hu`.
    """
    grid = volume.grid
    box = bounding_window(labels)
    region_mm = None
    if box is not None:
        region_mm = [(part.stop - part.start) * step for part, step in zip(box, grid.spacing_mm, strict=True)]
    return {
        "shape_zyx": list(grid.shape_zyx),
        "spacing_mm": [round(step, 6) for step in grid.spacing_mm],
        "extent_mm": [round(length, 3) for length in grid.extent_mm],
        "organ_region_mm": None if region_mm is None else [round(length, 3) for length in region_mm],
        "hu": hu_figures(hu_counts.sum(axis=0)),
        "organs": {
            organ.name: {
                "volume_ml": round(int(hu_counts[organ.label].sum()) * grid.voxel_ml, 3),
                "hu": hu_figures(hu_counts[organ.label]),
            }
            for organ in ORGANS
        },
    }


def dataset_figures(cases: Sequence[dict[str, Any]], hu_counts: NDArray[np.int64]) -> dict[str, Any]:
    """Statistics of all cases together, JSON-serialisable.

    Args:
        cases: The figures of each case; at least one.
        hu_counts: The sum of their tables: percentiles are those of all voxels of all cases.

    Returns:
        Shape, spacing and extent of the scans, extent of the organs' region, each a list of three distributions
        along z, y and x; HU of whole scans, of all organs together, and of each; volumes of organs where they are
        present, and how many cases lack them.
    """
    regions = [case["organ_region_mm"] for case in cases if case["organ_region_mm"] is not None]
    return {
        "cases": len(cases),
        "axes": list(_AXES),
        "shape_zyx": _along_axes([case["shape_zyx"] for case in cases]),
        "spacing_mm": _along_axes([case["spacing_mm"] for case in cases]),
        "extent_mm": _along_axes([case["extent_mm"] for case in cases]),
        "organ_region_mm": _along_axes(regions),
        "hu": {
            "scan": hu_figures(hu_counts.sum(axis=0)),
            "organs": hu_figures(hu_counts[1:].sum(axis=0)),
            **{organ.name: hu_figures(hu_counts[organ.label]) for organ in ORGANS},
        },
        "organ_volume_ml": {organ.name: _volumes(cases, organ.name) for organ in ORGANS},
    }


def _volumes(cases: Sequence[dict[str, Any]], name: str) -> dict[str, Any]:
    volumes_ml = [case["organs"][name]["volume_ml"] for case in cases]
    present = [volume_ml for volume_ml in volumes_ml if volume_ml > 0]
    return {**_distribution(present), "absent": len(volumes_ml) - len(present)}


def _along_axes(rows: Sequence[Sequence[float]]) -> list[dict[str, Any]]:
    return [_distribution([row[axis] for row in rows]) for axis in range(len(_AXES))]


def _distribution(values: Sequence[float]) -> dict[str, Any]:
    if not values:
        return dict.fromkeys(("mean", "sd", "min", "median", "max"))
    array = np.asarray(values, dtype=np.float64)
    return {
        "mean": round(float(array.mean()), 4),
        "sd": round(float(array.std()), 4),
        "min": round(float(array.min()), 4),
        "median": round(float(np.median(array)), 4),
        "max": round(float(array.max()), 4),
    }
