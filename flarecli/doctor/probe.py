"""Runs one small network through a backend, in a process of its own: `python -m flarecli.doctor.probe BACKEND`.

Prints one JSON document: what the backend is and runs on, and how far its result is from numpy's. A network of two
3x3x3 convolutions with 32 channels, since that is what backends have computed wrongly, and a leaky rectifier between
them; its numbers are of the size of normalised ones, so that it can be computed in every precision that flarelite can.
"""

from __future__ import annotations

import json
import math
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from flarecli.engine import load_network, start_runtime
from flarecli.engine.precision_choice import INT8_BY_DEFAULT
from flarecli.errors import FlareError

if TYPE_CHECKING:
    import keras

SHAPE_ZYX = (16, 24, 32)
CHANNELS = 32
SLOPE = 0.01


def build_probe() -> keras.Model:
    """The network: 1 to 32 to 1 channels, a leaky rectifier between, no biases."""
    from flarecli.engine.keras_import import import_keras

    keras = import_keras()
    from flarecli_models.data_format import input_shape, resolved_data_format

    data_format = resolved_data_format(None)
    image = keras.Input(input_shape(SHAPE_ZYX, 1, data_format))
    x: Any = image
    for name, filters in (("inner", CHANNELS), ("outer", 1)):
        x = keras.layers.Conv3D(
            filters, 3, padding="same", use_bias=False, data_format=data_format, dtype=_dtype(name), name=name
        )(x)
        if name == "inner":
            x = keras.layers.LeakyReLU(negative_slope=SLOPE)(x)
    return keras.Model(image, x, name="probe")


def probe(backend: str) -> dict[str, Any]:
    """Compute the network on a backend ("auto" too) and compare.

    Returns:
        The runtime's facts and `relative_error`, the largest deviation over the largest value.

    Raises:
        FlareError: when the backend cannot be used.
    """
    runtime = start_runtime(backend, int8=INT8_BY_DEFAULT)
    generator = np.random.default_rng(0)
    image = generator.standard_normal(SHAPE_ZYX, np.float32)
    kernels = [
        generator.standard_normal((3, 3, 3, entering, leaving), np.float32) / np.float32(math.sqrt(27 * entering))
        for entering, leaving in ((1, CHANNELS), (CHANNELS, 1))
    ]
    model = build_probe()
    model.set_weights(kernels)
    with tempfile.TemporaryDirectory(prefix="flare-doctor-") as folder:
        weights = Path(folder) / "probe.weights.h5"
        model.save_weights(weights)
        scores = load_network(build_probe, weights, runtime)(image)
    inner = _convolved(image[None], kernels[0])
    expected = _convolved(np.where(inner < 0, SLOPE * inner, inner), kernels[1])
    return {**runtime.as_dict(), "relative_error": float(np.abs(scores - expected).max() / np.abs(expected).max())}


def _dtype(name: str) -> str | None:
    """Scores leave the network in float32, as those of every network here."""
    return "float32" if name == "outer" else None


def _convolved(x: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Convolution with zeros around, (channels, z, y, x) to (channels, z, y, x)."""
    padded = np.pad(x, [(0, 0), (1, 1), (1, 1), (1, 1)])
    depth, height, width = x.shape[1:]
    total = np.zeros((kernel.shape[-1], depth, height, width), np.float32)
    for z, y, column in np.ndindex(3, 3, 3):
        window = padded[:, z : z + depth, y : y + height, column : column + width]
        total += np.tensordot(kernel[z, y, column].T, window, axes=1)
    return total


def main() -> None:
    """Probe the backend named on the command line; a `FlareError` becomes part of the document."""
    try:
        found = probe(sys.argv[1])
    except FlareError as error:
        found = {"error": error.as_dict()}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
