"""A network that is built in no time, and what to show it."""

from __future__ import annotations

import keras
import numpy as np

from flarecli_models.efficientscn import localization_unet


def build_localization() -> keras.Model:
    """EfficientSCN's localization, thin and flat, without weights."""
    return localization_unet(filters=2, levels=2)


def image_of(shape_zyx: tuple[int, int, int]) -> np.ndarray:
    """An image in the range that the network sees, the same for the same shape."""
    return np.random.default_rng(22).uniform(-0.5, 0.5, shape_zyx).astype(np.float32)
