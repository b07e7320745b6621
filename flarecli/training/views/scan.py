"""Scans with labels, and the training samples that are cut from them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class LabelledScan:
    """A scan to cut samples from, in the orientation of the network.

    Attributes:
        number: Number of the scan in its source; the same number is the same scan.
        image: int16 HU, (z, y, x).
        labels: uint8 FLARE labels of the same shape, followed by kinds of surroundings where requested.
        spacing_mm: Distance of voxels along the three axes.
    """

    number: int
    image: np.ndarray
    labels: np.ndarray
    spacing_mm: tuple[float, float, float]


@dataclass(frozen=True)
class FirstStageView:
    """The input of a first-stage network for the scan of a sample, and the sample's position in it.

    Attributes:
        scan_number: Number of the scan; samples of one scan have the same image.
        image: float32 input of the first stage, (z, y, x): the scan, then padding up to the network's sizes.
        start_zyx: Position of the sample's first voxel centre, in voxels of `image`.
        step_zyx: Distance of the sample's voxels, in voxels of `image`.
    """

    scan_number: int
    image: np.ndarray
    start_zyx: tuple[float, float, float]
    step_zyx: tuple[float, float, float]


@dataclass(frozen=True)
class Sample:
    """Input and target of a network.

    Attributes:
        image: float32, (channels, z, y, x) or, for networks of slices, (channels, y, x) or (slices, channels, y, x).
        labels: uint8 values of the recipe's target, the same without channels.
        first_stage: For networks whose input holds the scores of another one.
    """

    image: np.ndarray
    labels: np.ndarray
    first_stage: FirstStageView | None = None
