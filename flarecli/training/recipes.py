"""What a training run does, as data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the outcome of a training run besides the data and the seed.

    Attributes:
        system: Name of the system.
        network: Key of the network within the system.
        scan_shape_zyx: Size in voxels of the synthetic scans that samples are cut from.
        shape_zyx: Size in voxels of a training sample.
        spacing_mm: Isotropic voxel size of a sample.
        iterations: Steps of the optimiser; the learning rate falls along a cosine over them.
        learning_rate: Peak learning rate of Adam.
        warmup: Iterations over which the learning rate rises from zero.
        ema_decay: Decay of the moving average of the weights, which is what gets released.
        weight_decay: Coefficient of the L2 penalty on the kernels of the 3x3x3 convolutions.
        intensity_shift: Largest shift of the scaled intensities (HU / 2048), up or down.
        intensity_scale: Largest relative change of their scale, up or down.
        reuse: How many samples are cut from each scan, on average.
    """

    system: str
    network: str
    scan_shape_zyx: tuple[int, int, int]
    shape_zyx: tuple[int, int, int]
    spacing_mm: float
    iterations: int
    learning_rate: float
    warmup: int = 100
    ema_decay: float = 0.995
    weight_decay: float = 1e-6
    intensity_shift: float = 0.2
    intensity_scale: float = 0.2
    reuse: int = 4


STARTER_RECIPES: tuple[Recipe, ...] = (
    Recipe(
        "efficientscn",
        "localization",
        scan_shape_zyx=(64, 64, 64),
        shape_zyx=(64, 64, 64),
        spacing_mm=6.0,
        iterations=800,
        learning_rate=5e-4,
    ),
    Recipe(
        "efficientscn",
        "segmentation",
        scan_shape_zyx=(96, 128, 160),
        shape_zyx=(64, 96, 96),
        spacing_mm=2.0,
        iterations=1100,
        learning_rate=1e-3,
        intensity_shift=0.01,
        intensity_scale=0.05,
    ),
)
"""Short runs for a CPU, on synthetic scans.

L2 coefficient and, for the localization, intensity changes as in the EfficientSCN code. What differs, because the runs
are a hundredth of the published length: higher learning rates with decay, a shorter memory of the moving average, and
for the segmentation smaller intensity changes (the synthetic scans vary in contrast already).
"""
