"""The layer that resizes with aligned corners, in a model of its own."""

from __future__ import annotations

import keras
import numpy as np

from flarecli_models.data_format import CHANNELS_FIRST, resolved_data_format
from flarecli_models.layers import AlignedResize3D
from tests.models import model_checks as checks

Shape = tuple[int, int, int]


def resized(batch: np.ndarray, target: Shape, data_format: str | None = None) -> np.ndarray:
    """The layer's result for a batch of one (1, channels, z, y, x), computed in the given layout."""
    data_format = data_format or resolved_data_format(None)
    channels, *spatial = batch.shape[1:]
    image = keras.Input((channels, *spatial) if data_format == CHANNELS_FIRST else (*spatial, channels))
    model = keras.Model(image, AlignedResize3D(target, data_format=data_format)(image))
    if data_format != resolved_data_format(None):
        model = checks.in_usual_layout(model)
    return checks.predict(model, batch)
