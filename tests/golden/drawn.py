"""Inputs and weights of the golden arrays: drawn from seeds, by a generator whose stream numpy keeps for ever."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from flarecli_models.importers import vgg13_state
from tests.models.vgg13_fixtures import drawn_array


def noise(shape: tuple[int, ...], seed: int) -> np.ndarray:
    """float32 values of mean 0 and variance 1."""
    return np.random.RandomState(seed).standard_normal(shape).astype(np.float32)


def smooth(shape_zyx: tuple[int, int, int], seed: int, step: int = 6) -> np.ndarray:
    """float64 noise that is linear between one drawn value for each `step` voxels along each axis."""
    values = np.random.RandomState(seed).standard_normal([n // step + 2 for n in shape_zyx])
    for axis, n in enumerate(shape_zyx):
        places = np.arange(n) / step
        lower = places.astype(int)
        weight = (places - lower).reshape([-1 if other == axis else 1 for other in range(3)])
        values = np.take(values, lower, axis) * (1 - weight) + np.take(values, lower + 1, axis) * weight
    return values


def scan_hu(shape_zyx: tuple[int, int, int], seed: int) -> np.ndarray:
    """int16 HU like those of a scan: air around an elliptic body, smooth contrast and noise in it."""
    _, y, x = np.meshgrid(*(np.linspace(-1, 1, n) for n in shape_zyx), indexing="ij", sparse=True)
    values = 60 + 90 * smooth(shape_zyx, seed) + 20 * noise(shape_zyx, seed + 1)
    return np.where(y**2 / 0.6 + x**2 / 0.8 < 1, values, -1000 + 10 * noise(shape_zyx, seed + 2)).astype(np.int16)


def label_map(shape_zyx: tuple[int, int, int], seed: int) -> np.ndarray:
    """uint8 labels 0 to 4 in connected pieces of many sizes."""
    fields = np.stack([smooth(shape_zyx, seed + label) for label in range(4)])
    return np.where(fields.max(axis=0) > 0.7, fields.argmax(axis=0) + 1, 0).astype(np.uint8)


def one_hot(labels: np.ndarray, classes: int = 5) -> np.ndarray:
    """uint8 array (1, classes, z, y, x)."""
    return np.moveaxis(np.eye(classes, dtype=np.uint8)[labels], -1, 0)[None]


def weights_of(model: keras.Model, seed: int) -> dict[str, np.ndarray]:
    """Weights by `layer/part` for a model without normalisation parameters: He-normal kernels, small biases."""
    generator = np.random.RandomState(seed)
    weights = {}
    for layer in model.layers:
        for part in ("kernel", "bias"):
            if getattr(layer, part, None) is not None:
                shape = tuple(getattr(layer, part).shape)
                spread = np.sqrt(2.0 / np.prod(shape[:-1])) if part == "kernel" else 0.1
                weights[f"{layer.name}/{part}"] = (generator.standard_normal(shape) * spread).astype(np.float32)
    return weights


def efficientsegnet_state(model: keras.Model, keys: Mapping[str, str], seed: int) -> dict[str, np.ndarray]:
    """A state dictionary of the published program, drawn as for the arrays that the program itself computed.

    Args:
        model: The network, for the shapes.
        keys: Key of the state dictionary for each layer, in the order of drawing.
        seed: Of the generator.
    """
    generator = np.random.RandomState(seed)
    state = {}
    for layer, key in keys.items():
        *kernel, entering, leaving = model.get_layer(layer).kernel.shape
        fan_in = entering * np.prod(kernel)
        values = generator.standard_normal((leaving, entering, *kernel)) * np.sqrt(2.0 / fan_in)
        state[key] = values.astype(np.float32)
    return state


def vgg13_state_and_images(seed: int = 20210721) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
    """The state dictionary, the colour and the grey image that the original VGG-13 U-Net was run with.

    They come one after the other from one stream; the images are (1, 3, 64, 96) and (1, 1, 64, 96).
    """
    generator = np.random.default_rng(seed)
    entries: Any = list(vgg13_state._entries(base_filters=64, labels=5))
    keys = {entry.key for entry in entries}
    state = {}
    for entry in entries:
        module, _, part = entry.key.rpartition(".")
        state[entry.key] = drawn_array(generator, module, part, entry.shape, f"{module}.running_mean" in keys)
    images = (generator.standard_normal((1, channels, 64, 96), np.float32) for channels in (3, 1))
    return state, *images
