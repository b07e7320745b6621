"""Uncertainty measures of each organ, from the class probabilities of a network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from flarecli.organs import ORGANS

_UNCERTAIN = (0.1, 0.9)
"""Probabilities between these count as uncertain."""


@dataclass(frozen=True)
class OrganSignals:
    """Uncertainty of a network about one organ.

    Attributes:
        label: The organ's value in the label map.
        expected_dsc: Expected DSC of the label map if the probabilities are calibrated: twice the
            probability inside the organ over its size plus all probability. NaN where there is hardly any.
        mean_margin: Mean difference between the probabilities of the organ and of the next class inside it; 0 where it
            is absent.
        border_uncertainty: Uncertain voxels over the voxels of the organ's surface; an edge drawn sharply has
            about 1 to 2. 0 where it is absent.
        probability_ml: All probability of the organ, as a volume.
        least_certain_z_mm: Where along z the axial slice lies in which most voxels of the organ are expected to be
            wrong: mm from the outer face of the scan's lowest slice. NaN where unknown, or where nothing is in doubt.
    """

    label: int
    expected_dsc: float
    mean_margin: float
    border_uncertainty: float
    probability_ml: float
    least_certain_z_mm: float = float("nan")

    def as_dict(self) -> dict[str, Any]:
        """The signals for JSON, rounded; NaN becomes null."""
        facts = {name: round(float(value), 4) for name, value in asdict(self).items() if name != "label"}
        return {name: None if np.isnan(value) else value for name, value in facts.items()}


NO_SIGNALS = OrganSignals(0, float("nan"), 0.0, 0.0, 0.0)
"""Those of an organ of which there is no trace."""


def organ_signals(
    probabilities: np.ndarray, labels: np.ndarray, voxel_ml: float, z_mm: Sequence[float] | None = None
) -> tuple[OrganSignals, ...]:
    """Measure the uncertainty of a network about each organ of `ORGANS`.

    Args:
        probabilities: float array of shape (classes, z, y, x), summing to 1 over the classes.
        labels: uint8 label map of shape (z, y, x) that was made from them.
        voxel_ml: Volume of a voxel.
        z_mm: Where the slices lie, mm from the outer face of the scan's lowest slice.
    """
    signals = []
    for organ in ORGANS:
        own = probabilities[organ.label]
        inside = labels == organ.label
        voxels = int(np.count_nonzero(inside))
        total = float(own.sum(dtype=np.float64))
        margin = border = 0.0
        overlap = 0.0
        if voxels:
            own_inside = own[inside]
            others = np.max(
                [probabilities[label][inside] for label in range(len(probabilities)) if label != organ.label], 0
            )
            overlap = float(own_inside.sum(dtype=np.float64))
            margin = float((own_inside - others).mean(dtype=np.float64))
            uncertain = np.count_nonzero((own > _UNCERTAIN[0]) & (own < _UNCERTAIN[1]))
            border = uncertain / max(_surface_voxels(inside), 1)
        expected = (
            2 * overlap / (voxels + total) if total * voxel_ml > _LEAST_PROBABILITY_ML or voxels else float("nan")
        )
        doubtful = float("nan") if z_mm is None else _least_certain(own, inside, z_mm)
        signals.append(OrganSignals(organ.label, expected, margin, border, total * voxel_ml, doubtful))
    return tuple(signals)


def _least_certain(own: np.ndarray, inside: np.ndarray, z_mm: Sequence[float]) -> float:
    """Position of the slice with most voxels that are expected to be wrong: 1 - p of each inside, p of each outside."""
    wrong = [
        float(np.sum(plane, dtype=np.float64) + np.count_nonzero(mask) - 2 * np.sum(plane[mask], dtype=np.float64))
        for plane, mask in zip(own, inside, strict=True)
    ]
    worst = int(np.argmax(wrong))
    return float(z_mm[worst]) if wrong[worst] > _LEAST_EXPECTED_ERROR_VOXELS else float("nan")


_LEAST_EXPECTED_ERROR_VOXELS = 0.5
"""Fewer voxels in a slice are rounding."""


_LEAST_PROBABILITY_ML = 1.0
"""Less probability than this says that the organ is not there at all."""


def _surface_voxels(mask: np.ndarray) -> int:
    """Voxels of a mask that have a face in common with the outside; beyond the array is outside."""
    inner = np.zeros_like(mask)
    core = inner[1:-1, 1:-1, 1:-1]
    core |= mask[1:-1, 1:-1, 1:-1]
    for axis in range(3):
        for first in (0, 2):
            neighbours = [slice(1, -1)] * 3
            neighbours[axis] = slice(first, first + mask.shape[axis] - 2)
            core &= mask[tuple(neighbours)]
    return int(np.count_nonzero(mask)) - int(np.count_nonzero(inner))
