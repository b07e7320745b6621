"""How good a network is on synthetic scans that it was not trained on."""

from __future__ import annotations

import numpy as np

from flarecli.metrics.overlap import dice
from flarecli.systems.base import Network
from flarecli.training.recipes import Recipe
from flarecli.training.samples import scaled_intensities, synthetic_scan

HELD_OUT_SEED = 2**40
"""Seed of the first held-out scan. Training streams draw their seeds from 2^63 values; none meets these but by a
chance of one in 10^15."""


def held_out_dice(network: Network, recipe: Recipe, scans: int) -> np.ndarray:
    """Dice of every class but the background on whole held-out scans, network output against labels, voxel by voxel.

    Args:
        network: The network, as a function from an image to class scores.
        recipe: The recipe that it was trained with.
        scans: Number of scans, the same ones every time.

    Returns:
        float64 array (scans, classes - 1); NaN where a scan lacks the organ.
    """
    rows = []
    for index in range(scans):
        scan = synthetic_scan(recipe, HELD_OUT_SEED + index)
        scores = network(scaled_intensities(scan.voxels))
        predicted = scores.argmax(axis=0)
        rows.append(
            [
                dice(predicted == label, scan.labels == label) if (scan.labels == label).any() else np.nan
                for label in range(1, scores.shape[0])
            ]
        )
    return np.array(rows)
