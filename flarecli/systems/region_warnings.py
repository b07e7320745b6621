"""Warnings about the result of a system that segments a region."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np


def region_warnings(labels: np.ndarray, cut_faces: Iterable[str]) -> tuple[str, ...]:
    """Sentences about an empty label map and about organs that the region cuts.

    Args:
        labels: uint8 label map.
        cut_faces: Names of the region's faces where organs reach it.
    """
    warnings = []
    if not labels.any():
        warnings.append(
            "No organ was found in the segmented region: the label map is empty. "
            "Check that the scan is an upright abdominal CT in Hounsfield units."
        )
    sides = ", ".join(cut_faces)
    if sides:
        warnings.append(
            f"Organs reach the border of the segmented region ({sides}) and may be cut there. "
            "Give a larger box, or segment the whole scan with `--roi full`."
        )
    return tuple(warnings)
