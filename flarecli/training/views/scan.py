"""What training is made of: scans with labels, and the samples that are cut from them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class LabelledScan:
    """A scan to cut samples from, in the orientation of the network.

    Attributes:
        number: Which scan of its source it is; the same number is the same scan.
        image: (z, y, x); int16 HU, or uint8 grey levels for networks of slices.
        labels: uint8 labels of the house, of the same shape; where asked for, kinds of surroundings after them.
        spacing_mm: Distance of voxels along the three axes.
    """

    number: int
    image: np.ndarray
    labels: np.ndarray
    spacing_mm: tuple[float, float, float]


@dataclass(frozen=True)
class FirstStageView:
    """What a first-stage network sees of the scan of a sample, and where the sample lies in it.

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
    """What a network is given, and what it should answer.

    Attributes:
        image: float32, (channels, z, y, x) or, for networks of slices, (channels, y, x) or (slices, channels, y, x).
        labels: uint8 values of the recipe's target, the same without channels.
        first_stage: For networks that also see the scores of another one.
    """

    image: np.ndarray
    labels: np.ndarray
    first_stage: FirstStageView | None = None
