"""The frugal executor: same numbers as the plain call, fewer tensors."""

from __future__ import annotations

import os
import subprocess
import sys
import weakref
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops

from flarecli_models.efficientscn import localization_unet, spatial_configuration_net
from flarecli_models.execution import MemoryEfficientExecutor
from tests.models import model_checks as checks

pytestmark = pytest.mark.usefixtures("weights_of_zero")


class Probe(layers.Layer):
    """Adds one, and counts how many results of all probes are still held when it is called."""

    results: list[weakref.ref[Any]] = []  # noqa: RUF012  (shared on purpose)
    alive: list[int] = []  # noqa: RUF012

    def call(self, inputs: Any) -> Any:
        Probe.alive.append(sum(reference() is not None for reference in Probe.results))
        result = inputs + 1.0
        Probe.results.append(weakref.ref(result))
        return result


@pytest.fixture
def chain() -> keras.Model:
    """Ten probes in a row, the first one's result used again at the end."""
    image = keras.Input((4,))
    first = x = Probe()(image)
    for _ in range(9):
        x = Probe()(x)
    return forgotten(keras.Model(image, layers.Add()([first, x])))


def forgotten(model: keras.Model) -> keras.Model:
    """The model, after the probes have forgotten the calls that built it."""
    Probe.results, Probe.alive = [], []
    return model


@checks.needs_eager
def test_tensors_are_let_go_after_their_last_use(chain: keras.Model) -> None:
    image = ops.convert_to_tensor(np.zeros((1, 4), np.float32))
    np.testing.assert_array_equal(
        keras.ops.convert_to_numpy(MemoryEfficientExecutor(chain)(image)), np.full((1, 4), 11.0)
    )
    assert max(Probe.alive) == 2  # the skip connection, and the input of the probe that runs


@checks.needs_eager
def test_the_plain_call_keeps_them_all(chain: keras.Model) -> None:
    chain(ops.convert_to_tensor(np.zeros((1, 4), np.float32)))
    assert max(Probe.alive) == 9


@checks.needs_eager
@pytest.mark.parametrize("merge", [layers.Add, layers.Concatenate])
def test_tensors_that_a_layer_merged_are_let_go(merge: type[layers.Layer]) -> None:
    """On PyTorch what merges tensors of a list may hold them until garbage is collected."""
    image = keras.Input((4,))
    first = Probe()(image)
    merged = merge()([first, Probe()(first)])
    model = forgotten(keras.Model(image, Probe()(Probe()(merged))))
    MemoryEfficientExecutor(model)(ops.convert_to_tensor(np.zeros((1, 4), np.float32)))
    assert Probe.alive == [0, 1, 0, 1]


@checks.needs_eager
def test_localization_equals_the_plain_call() -> None:
    model = localization_unet(filters=2, levels=3)
    checks.with_weights(model, checks.seeded_weights(model, seed=1))
    image = _image()
    expected = keras.ops.convert_to_numpy(model(image, training=False))
    checks.assert_close(keras.ops.convert_to_numpy(MemoryEfficientExecutor(model)(image)), expected, atol=1e-6)


@checks.needs_eager
@pytest.mark.parametrize("output", ["final", "local", "spatial"])
def test_each_output_of_the_segmentation_equals_the_plain_call(output: str) -> None:
    model = spatial_configuration_net(local_filters=2, local_levels=2, spatial_filters=2, spatial_levels=2)
    checks.with_weights(model, checks.seeded_weights(model, seed=1))
    image = _image()
    expected = keras.ops.convert_to_numpy(model(image, training=False)[output])
    run = MemoryEfficientExecutor(model, output)
    for _ in range(2):
        checks.assert_close(keras.ops.convert_to_numpy(run(image)), expected, atol=1e-6)


def test_outputs_that_are_not_wanted_are_not_computed() -> None:
    model = spatial_configuration_net(local_filters=2, local_levels=2, spatial_filters=2, spatial_levels=2)
    names = {node.operation.name for node in MemoryEfficientExecutor(model, "local")._nodes}
    assert "local_prediction" in names
    assert not any(name.startswith("spatial") for name in names)


@pytest.mark.parametrize("output", [None, "labels"])
def test_an_output_that_is_not_there_is_refused(output: str | None) -> None:
    model = spatial_configuration_net(local_filters=2, local_levels=2, spatial_filters=2, spatial_levels=2)
    with pytest.raises(ValueError, match="must be one of: final, local, spatial"):
        MemoryEfficientExecutor(model, output)


def test_an_output_of_a_model_with_one_is_refused() -> None:
    with pytest.raises(ValueError, match=r"output \(='final'\) of efficientscn_localization must be one of: None"):
        MemoryEfficientExecutor(localization_unet(filters=2, levels=2), "final")


@pytest.mark.slow
@pytest.mark.skipif(checks.BACKEND != "torch", reason="memory of an eager backend; measured on PyTorch")
def test_peak_memory_of_a_process_is_lower() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _PEAK_MEMORY],
        env={**os.environ, "KERAS_BACKEND": "torch"},
        capture_output=True,
        text=True,
        check=True,
    )
    plain, frugal = map(float, done.stdout.split())
    assert plain > 50
    assert frugal < 0.7 * plain


_PEAK_MEMORY = """
import os
from flarecli.engine.keras_import import import_keras
import_keras()
import torch
from flarecli.engine.zero_weights import built_without_random_weights
from flarecli.hardware.memory import peak_rss_mb
from flarecli_models.efficientscn import localization_unet
from flarecli_models.execution import MemoryEfficientExecutor

torch.set_num_threads(1)  # no others, which a fork would leave behind
with built_without_random_weights():
    model = localization_unet()
for run in (model, MemoryEfficientExecutor(model)):
    child = os.fork()
    if child:
        assert os.waitpid(child, 0)[1] == 0
        continue
    before = peak_rss_mb()
    with torch.inference_mode():
        run(torch.zeros(1, 1, 64, 64, 64))
    print(peak_rss_mb() - before, flush=True)
    os._exit(0)
"""
"""Prints the growth of the peak resident memory over one call at 64 cubed voxels, in a process for each way."""


def _image() -> Any:
    values = np.random.default_rng(2).uniform(-0.5, 0.5, checks.batch_shape((8, 16, 8), 1))
    return ops.convert_to_tensor(values.astype(np.float32))
