"""The layers and blocks that the networks are made of; bounds are those of the tests against the original programs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from flarecli_models.data_format import CHANNELS_FIRST, input_shape, resolved_data_format
from flarecli_models.efficientsegnet.blocks import Blocks
from flarecli_models.efficientsegnet.networks import max_pooled
from flarecli_models.layers import (
    AveragePooling3D,
    CubicUpsampling3D,
    EntropyFusion,
    InstanceNormalization,
    LinearUpsampling3D,
    SaltAndPepper3D,
)
from tests.golden.case import Arrays, GoldenCase
from tests.golden.drawn import noise, weights_of
from tests.models import model_checks as checks
from tests.models.layers.aligned_resizing import resized
from tests.models.originals.efficientsegnet_blocks import BLOCKS

_SHAPES = {
    "context_avg_full": (32, 8, 9, 12),
    "context_avg_partial": (32, 8, 9, 12),
    "res_base_s2_odd": (3, 7, 9, 11),
    "res_base_s2_convshortcut": (3, 8, 10, 12),
}
"""Channels, z, y and x of the blocks' inputs; of the others the default."""

_RESIZED = {
    "twice": ((3, 4, 5), (6, 8, 10)),
    "up": ((3, 5, 4), (7, 9, 12)),
    "down": ((7, 9, 12), (3, 5, 4)),
    "from_one": ((4, 1, 1), (4, 5, 6)),
    "to_one": ((4, 5, 6), (1, 5, 1)),
}


def _through(build: Callable[[Any, str], Any], batch: np.ndarray, seed: int | None = None) -> np.ndarray:
    """What layers make of a batch of one."""
    data_format = resolved_data_format(None)
    image = keras.Input(input_shape(batch.shape[2:], batch.shape[1], data_format))
    model = keras.Model(image, build(image, data_format))
    if seed is not None:
        checks.with_weights(model, weights_of(model, seed))
    return checks.predict(model, batch)


def _blocks() -> Arrays:
    arrays = {}
    for seed, (name, (chain, _)) in enumerate(BLOCKS.items(), start=200):
        batch = noise((1, *_SHAPES.get(name, (4, 6, 8, 10))), seed)
        arrays[name] = _through(lambda x, form, chain=chain: chain(Blocks(0.2, form), x), batch, seed)
    return arrays


def _pooling() -> Arrays:
    batch = noise((1, 2, 6, 7, 9), 230)
    positive = batch - batch.min()
    arrays = {"maximum": _through(lambda x, form: max_pooled(x, form, "pool"), positive)}
    for size in (2, 4):
        arrays[f"average{size}"] = _through(
            lambda x, form, size=size: AveragePooling3D(size, data_format=form)(x), batch
        )
    return arrays


def _upsampling() -> Arrays:
    batch = noise((1, 2, 4, 5, 6), 231)
    layers = {f"linear{factor}": (LinearUpsampling3D, factor) for factor in (2, 4, 8)}
    layers["cubic4"] = (CubicUpsampling3D, 4)
    return {
        name: _through(lambda x, form, layer=layer, factor=factor: layer(factor, data_format=form)(x), batch)
        for name, (layer, factor) in layers.items()
    }


def _aligned_resizing() -> Arrays:
    return {name: resized(noise((1, 2, *shape), 232), target) for name, (shape, target) in _RESIZED.items()}


def _normalisation() -> Arrays:
    batch = 3 * noise((1, 3, 5, 6, 7), 233) + np.float32(2)
    return {"normalised": _through(lambda x, form: InstanceNormalization(data_format=form)(x), batch)}


def _fusion() -> Arrays:
    local, spatial = (3 * noise((1, 5, 4, 5, 6), seed) for seed in (234, 235))
    return {"fused": keras.ops.convert_to_numpy(EntropyFusion(channel_axis=1)(local, spatial))}


def _salt_and_pepper() -> Arrays:
    layer = SaltAndPepper3D(rate=0.2, data_format=CHANNELS_FIRST)
    values = keras.ops.convert_to_tensor(noise((1, 2, 8, 8, 16), 236))
    for scale in (1, 2, 4, 8):
        shape = (1, 2, 8 // scale, 8 // scale, 16 // scale)
        field = np.random.RandomState(240 + scale).random_sample(shape).astype(np.float32)
        values = layer.disturb(values, keras.ops.convert_to_tensor(field), scale)
    return {"disturbed": keras.ops.convert_to_numpy(values)}


CASES = {
    "blocks": GoldenCase(_blocks, {"": 1e-4}),
    "pooling": GoldenCase(_pooling, {"": 1e-6}),
    "upsampling": GoldenCase(_upsampling, {"": 1e-5}),
    "aligned_resizing": GoldenCase(_aligned_resizing, {"": 2e-6}),
    "normalisation": GoldenCase(_normalisation, {"": 5e-6}),
    "fusion": GoldenCase(_fusion, {"": 1e-6}),
    "salt_and_pepper": GoldenCase(_salt_and_pepper, {"": 1e-5}),
}
