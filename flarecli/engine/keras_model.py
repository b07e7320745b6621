"""Keras models with their weights, ready for inference on the backend in use."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from flarecli.engine.keras_import import import_keras
from flarecli.engine.runtime import Runtime
from flarecli.engine.weights.eight_bits import readable_by_keras
from flarecli.engine.weights.file import check_structure
from flarecli.engine.weights.values import check_values
from flarecli.engine.zero_weights import built_without_random_weights
from flarecli.errors import InputError

if TYPE_CHECKING:
    import keras

_MOST_TIMES, _MORE_ELEMENTS = 4, 100_000
"""Limits for the numbers in a file beyond the model's own: layers that only training needs."""


def model_with_weights(build: Callable[[], keras.Model], weights: Path, runtime: Runtime) -> keras.Model:
    """Build a model for the runtime's precision and load its weights.

    Raises:
        InputError: when the file is damaged or holds anything else than the model's weights, for weights that are not
            finite, and when the model cannot be built for the size in their card.
    """
    keras = import_keras()
    policy = keras.config.dtype_policy()
    mixed = runtime.backend != "openvino" and runtime.precision != "float32"
    keras.config.set_dtype_policy(f"mixed_{runtime.precision}" if mixed else "float32")
    try:
        with built_without_random_weights():
            model = build()
    except ValueError as error:
        raise InputError(
            "has a card that says a size which its network cannot have",
            path=weights,
            seen=error,
            remedy="Correct input_shape in the card (.json), or train the network at a size that it can have.",
        ) from error
    finally:
        keras.config.set_dtype_policy(policy)
    elements = sum(math.prod(variable.shape) for variable in model.variables)
    check_structure(weights, _MOST_TIMES * elements + _MORE_ELEMENTS)
    try:
        with warnings.catch_warnings():
            # Keras only warns about layers that the file does not have.
            warnings.simplefilter("error", UserWarning)
            model.load_weights(readable_by_keras(weights))
    except (MemoryError, InputError):
        raise
    except Exception as error:  # Keras and HDF5 raise nearly anything on files that are not what they expect
        raise InputError(
            f"does not hold weights of {model.name}",
            path=weights,
            seen=(str(error).splitlines() or [type(error).__name__])[0],
            remedy="Choose weights made for this network: `flare weights list` shows what there is.",
        ) from error
    check_values(model, weights)
    return model
