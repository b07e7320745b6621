"""Loads a network: a Keras model with its weights as a function from array to array, on any backend."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from flarecli.engine.batched_network import BatchedNetwork
from flarecli.engine.keras_model import model_with_weights
from flarecli.engine.keras_networks import JaxNetwork, TensorFlowNetwork, TorchNetwork
from flarecli.engine.memory_limited_network import MemoryLimitedNetwork
from flarecli.engine.openvino_network import load_openvino_network, openvino_network_of
from flarecli.engine.runtime import Runtime
from flarecli.engine.weights.file import checked_sha256
from flarecli.engine.weights.values import constant_layers

if TYPE_CHECKING:
    import keras


def load_network(
    build: Callable[[], keras.Model],
    weights: Path,
    runtime: Runtime,
    output: str | None = None,
    *,
    sha256: str | None = None,
    keep_memory: bool = True,
) -> BatchedNetwork:
    """Prepare a network with its weights for inference.

    On OpenVINO the model is built once: its graph is kept in the user's cache folder (`flarecli.engine.graph_cache`),
    and Keras is not even imported where that has it.

    Args:
        build: Makes the untrained model. What it returns must depend on nothing but the code.
        weights: Keras weights file (`.weights.h5`).
        runtime: The backend to run on, as `start_runtime` gave it.
        output: Key of the output wanted where the model returns a dictionary.
        sha256: Checksum on the card of the weights, which the file must have; None where there is no card.
        keep_memory: Whether the memory of activations is kept for the next call, where the backend leaves the choice.

    Returns:
        The model as a `flarecli.systems.base.Network`: a function from a volume to its scores or, where the
        model takes 2-D images, from a batch of slices to theirs.

    Raises:
        InputError: when the file is not the one that its card describes, is damaged, or does not fit the model, and
            for weights that are not finite.
    """
    checksum = checked_sha256(weights, sha256)
    if runtime.backend == "openvino":
        return load_openvino_network(build, weights, checksum, output, runtime, keep_memory=keep_memory)
    model = model_with_weights(build, weights, runtime)
    network = network_of(model, runtime, output)
    network.constant_layers = constant_layers(model)
    return network


def network_of(model: keras.Model, runtime: Runtime, output: str | None = None) -> BatchedNetwork:
    """Prepare a model that has its weights; see `load_network`."""
    if runtime.backend == "openvino":
        return openvino_network_of(model, output, runtime)
    if runtime.backend == "jax":
        return JaxNetwork(model, output)
    wrap = {"tensorflow": TensorFlowNetwork, "torch": TorchNetwork}[runtime.backend]
    return MemoryLimitedNetwork(model, output, runtime, wrap(model, output, runtime))
