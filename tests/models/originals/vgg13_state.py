"""The state dictionary of the VGG-13 U-Net's original, written down apart from the importer."""

from __future__ import annotations

import numpy as np

ALIASES = {
    "enblock1": {0: 0, 1: 1, 3: 3, 4: 4},
    "enblock2": {1: 7, 2: 8, 4: 10, 5: 11},
    "enblock3": {1: 14, 2: 15, 4: 17, 5: 18},
    "enblock4": {1: 21, 2: 22, 4: 24, 5: 25},
    "center": {1: 28, 2: 29, 4: 31, 5: 32},
}
"""Names inside each block under which the flat encoder's layers are saved once more."""


def original_state(base_filters: int, labels: int) -> dict[str, np.ndarray]:
    """Random arrays under the original's keys, without aliases, with counters."""
    generator = np.random.default_rng(41)
    arrays: dict[str, np.ndarray] = {}

    def convolution(key: str, entering: int, leaving: int, size: int = 3) -> None:
        shape = (leaving, entering, size, size) if size == 3 else (entering, leaving, size, size)
        arrays[f"{key}.weight"] = generator.standard_normal(shape, np.float32)
        arrays[f"{key}.bias"] = generator.standard_normal(leaving, np.float32)

    def normalisation(key: str, channels: int) -> None:
        for part in ("weight", "bias", "running_mean", "running_var"):
            arrays[f"{key}.{part}"] = generator.standard_normal(channels, np.float32)
        arrays[f"{key}.num_batches_tracked"] = np.array(7)

    widths = [base_filters * factor for factor in (1, 2, 4, 8, 8)]
    entering = 3
    for blocks, width in zip(ALIASES.values(), widths, strict=True):
        first, first_norm, second, second_norm = blocks.values()
        convolution(f"encoder.{first}", entering, width)
        normalisation(f"encoder.{first_norm}", width)
        convolution(f"encoder.{second}", width, width)
        normalisation(f"encoder.{second_norm}", width)
        entering = width
    for number, width in enumerate(widths[3::-1], start=1):
        convolution(f"deblock{number}.up", entering, width, size=2)
        for index, channels in ((0, 2 * width), (3, width)):
            convolution(f"deblock{number}.conv.double_conv.{index}", channels, width)
            normalisation(f"deblock{number}.conv.double_conv.{index + 1}", width)
        entering = width
    for level in (4, 3, 2, 1):
        convolution(f"down{level}.simple_conv.0", widths[level - 1], 16)
        normalisation(f"down{level}.simple_conv.1", 16)
    for level in (1, 2, 3, 4):
        convolution(f"down_out{level}.single_conv", 16, labels)
    convolution("out1.simple_conv.0", 64, 64)
    normalisation("out1.simple_conv.1", 64)
    convolution("out2.single_conv", 64, labels)
    return arrays
