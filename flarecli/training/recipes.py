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
        learning_rate=5e-4,
    ),
)
"""Short runs for a CPU, on synthetic scans. L2 coefficient as in the EfficientSCN code; higher learning rates with
decay, because the runs are a hundredth of the published length; a shorter memory of the moving average likewise."""
