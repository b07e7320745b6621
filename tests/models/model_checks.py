"""What holds for every model of `flarecli_models`, as functions that a model's own tests call.

`predict` runs a model the way `flare` does on the backend in use. That matters on OpenVINO, where Keras' own
`predict` computes in bfloat16 on processors that have it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

from flarecli.engine.batched_network import BatchedNetwork
from flarecli.engine.networks import network_of
from flarecli.engine.precision_choice import processor_computes_bfloat16
from flarecli.engine.runtime import Runtime, start_runtime
from flarecli.engine.zero_weights import built_without_random_weights
from flarecli_models.data_format import (
    CHANNELS_FIRST,
    CHANNELS_LAST,
    channel_axis,
    input_shape,
    resolved_data_format,
)
from flarecli_models.importers.efficientscn_variables import assign_weights

BACKEND = keras.backend.backend()

needs_training = pytest.mark.skipif(BACKEND == "openvino", reason="OpenVINO computes no gradients")
needs_eager = pytest.mark.skipif(BACKEND == "openvino", reason="OpenVINO compiles whole graphs only")

Build = Callable[..., keras.Model]


def runtime(precision: str = "float32") -> Runtime:
    """The backend in use on the CPU; skips the calling test where this processor lacks the precision."""
    if precision == "bfloat16" and not processor_computes_bfloat16():
        pytest.skip("this processor does not compute bfloat16")
    if precision != "float32" and BACKEND == "jax":
        pytest.skip("on JAX in float32 only")
    return start_runtime(BACKEND, "cpu", precision)


def batch_shape(shape_zyx: tuple[int, int, int], channels: int) -> tuple[int | None, ...]:
    """Shape of a batch of one in the backend's usual layout."""
    return (1, *input_shape(shape_zyx, channels, resolved_data_format(None)))


@cache
def built_once(build: Build) -> keras.Model:
    """One model for all tests that set all its weights before they use it."""
    with built_without_random_weights():
        return build()


def predict(model: keras.Model, batch: np.ndarray, output: str | None = None, precision: str = "float32") -> np.ndarray:
    """Scores (batch, classes, ...) for a batch of slices, or of one volume (1, channels, z, y, x)."""
    # OpenVINO's graphs hold the weights; the others read them at each call.
    prepared = network_of if BACKEND == "openvino" else _kept_network
    network = prepared(model, runtime(precision), output)
    takes_slices = len(model.inputs[0].shape) == 4
    return network(batch) if takes_slices else network(batch[0])[None]


@lru_cache(maxsize=4)
def _kept_network(model: keras.Model, runtime: Runtime, output: str | None) -> BatchedNetwork:
    return network_of(model, runtime, output)


def predict_each(model: keras.Model, batch: np.ndarray, precision: str = "float32") -> dict[str, np.ndarray]:
    """All outputs of a model that returns a dictionary of tensors with equally many channels, from one run."""
    scores = predict(_with_joined_outputs(model), batch, precision=precision)
    return dict(zip(model.output, np.split(scores, len(model.output), axis=1), strict=True))


@lru_cache(maxsize=4)
def _with_joined_outputs(model: keras.Model) -> keras.Model:
    joined = layers.Concatenate(axis=channel_axis(resolved_data_format(None)))(list(model.output.values()))
    return keras.Model(model.inputs, joined)


def fixture_weights(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Weights by `layer/part`: `weights/local/contracting0/conv1/bias` is `local_contracting0_conv1/bias`."""
    weights = {}
    for path in arrays:
        if path.startswith("weights/"):
            *layer, part = path.removeprefix("weights/").split("/")
            weights[f"{'_'.join(layer)}/{part}"] = arrays[path]
    return weights


def with_weights(model: keras.Model, weights: Mapping[str, np.ndarray]) -> keras.Model:
    """The model, after all its weights were found by name and set."""
    assign_weights(model, weights)
    return model


def seeded_weights(model: keras.Model, seed: int) -> dict[str, np.ndarray]:
    """Random weights by `layer/part`, the same on every backend: He-normal kernels, positive variances, no zeros."""
    generator = np.random.default_rng(seed)
    weights = {}
    for layer in model.layers:
        for part in ("kernel", "bias", "gamma", "beta", "moving_mean", "moving_variance"):
            if getattr(layer, part, None) is not None:
                shape = tuple(getattr(layer, part).shape)
                if part in ("gamma", "moving_variance"):
                    values = generator.uniform(0.5, 1.5, shape)
                else:
                    spread = np.sqrt(2.0 / np.prod(shape[:-1])) if part == "kernel" else 0.1
                    values = generator.normal(0.0, spread, shape)
                weights[f"{layer.name}/{part}"] = values.astype(np.float32)
    return weights


def assert_close(actual: np.ndarray, expected: np.ndarray, atol: float) -> None:
    """Same shape, float32, and no element further away than `atol`."""
    assert actual.shape == expected.shape
    assert actual.dtype == np.float32
    np.testing.assert_allclose(actual, expected, rtol=0, atol=atol)


def label_agreement(actual: np.ndarray, expected: np.ndarray) -> float:
    """Share of voxels whose highest class is the same in both scores (1, classes, z, y, x)."""
    return float(np.mean(actual.argmax(axis=1) == expected.argmax(axis=1)))


def check_saving(build: Build, batch: np.ndarray, output: str | None, folder: Path) -> None:
    """Weights files and whole models come back bit by bit, and compute the same."""
    model = built_once(build)
    with_weights(model, seeded_weights(model, seed=3))
    expected = predict(model, batch, output)

    weights_file = folder / "model.weights.h5"
    model.save_weights(weights_file)
    again = build()
    assert not _same_weights(again, model)
    again.load_weights(weights_file)
    assert _same_weights(again, model)

    model_file = folder / "model.keras"
    model.save(model_file)
    loaded = keras.saving.load_model(model_file, compile=False)
    assert loaded.count_params() == model.count_params()
    assert _same_weights(loaded, model)
    np.testing.assert_array_equal(predict(loaded, batch, output), expected)


def check_layouts(build: Build, batch: np.ndarray, output: str | None, atol: float) -> None:
    """Both layouts take the same weights and give the same scores; TensorFlow's broken one is refused."""
    if BACKEND == "tensorflow":
        import tensorflow

        if not tensorflow.config.list_physical_devices("GPU"):
            with pytest.raises(ValueError, match="wrong 3-D convolutions on TensorFlow without a GPU"):
                build(data_format=CHANNELS_FIRST)
            return
    first, last = build(data_format=CHANNELS_FIRST), build(data_format=CHANNELS_LAST)
    weights = seeded_weights(first, seed=5)
    with_weights(first, weights)
    with_weights(last, weights)
    expected = predict(first, batch, output)
    assert np.ptp(expected) > 100 * atol
    assert_close(predict(in_usual_layout(last, output), batch), expected, atol)


def check_policy(policy: str, build: Build, batch: np.ndarray, output: str | None, atol: float) -> None:
    """Under a mixed policy the weights and outputs stay float32, and the scores stay within `atol`."""
    reference = built_once(build)
    weights = seeded_weights(reference, seed=7)
    expected = predict(with_weights(reference, weights), batch, output)
    model = under_policy(policy, build)
    assert {weight.dtype for weight in model.weights} == {"float32"}
    assert {keras.backend.standardize_dtype(tensor.dtype) for tensor in model.outputs} == {"float32"}
    actual = predict(with_weights(model, weights), batch, output)
    assert np.abs(actual - expected).max() > 0, "the policy changed nothing"
    assert_close(actual, expected, atol)


def under_policy(policy: str, build: Build) -> keras.Model:
    """The model, built while `policy` is Keras' global one."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        return build()
    finally:
        keras.config.set_dtype_policy(before)


def in_precision(precision: str, build: Build) -> keras.Model:
    """The model as `flare` builds it for a precision: under a mixed policy, or unchanged for OpenVINO's compiler."""
    runtime(precision)
    if BACKEND == "openvino" or precision == "float32":
        return build()
    return under_policy(f"mixed_{precision}", build)


def in_usual_layout(model: keras.Model, output: str | None = None) -> keras.Model:
    """A model in the layout that the backend does not prefer, between transpositions into the other."""
    image_shape = model.inputs[0].shape[1:]
    axes = range(1, len(image_shape) + 1)
    to_last, to_first = layers.Permute((*axes[1:], 1)), layers.Permute((axes[-1], *axes[:-1]))
    if resolved_data_format(None) == CHANNELS_FIRST:
        *spatial, channels = image_shape
        image, before, after = keras.Input((channels, *spatial)), to_last, to_first
    else:
        channels, *spatial = image_shape
        image, before, after = keras.Input((*spatial, channels)), to_first, to_last
    scores = model(before(image))
    return keras.Model(image, after(scores if output is None else scores[output]))


def _same_weights(one: keras.Model, other: keras.Model) -> bool:
    pairs = zip(one.get_weights(), other.get_weights(), strict=True)
    return all(np.array_equal(a, b) and a.dtype == b.dtype for a, b in pairs)
