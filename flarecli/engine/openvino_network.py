"""Networks on OpenVINO: graphs compiled for the sizes that occur."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from flarecli.engine.batched_network import BatchedNetwork
from flarecli.engine.compiled_graphs import CompiledGraphs
from flarecli.engine.graph_cache import GraphCache
from flarecli.engine.graph_key import graph_cache_key
from flarecli.engine.keras_model import model_with_weights
from flarecli.engine.openvino_graph import ANY_SIZE, export_graph, open_shape
from flarecli.engine.runtime import Runtime
from flarecli.engine.weights.values import constant_layers
from flarecli.errors import InstallationError
from flarecli.files.cache_folder import cache_folder
from flarecli.hardware.memory import return_freed_memory

if TYPE_CHECKING:
    import keras
    import openvino


_VOLUME_RANK = 5

_CONSTANT_LAYERS = "flare_constant_layers"
"""Entry of a cached graph that names its constant layers, so that its weights are not needed for that."""


class OpenVinoNetwork(BatchedNetwork):
    """Compiles a graph for each input shape that occurs, at once where only one can; channels first.

    Threads may share it: they compute one after the other, each with all threads of the runtime.

    Args:
        graphs: Compiles the graph for a shape.
        shape: Shape of the input, `ANY_SIZE` where it varies.
        keep_memory: Whether activations keep their memory for the next call. Allocating it again costs a tenth of the
            time.
    """

    def __init__(self, graphs: CompiledGraphs, shape: tuple[int, ...], *, keep_memory: bool = True) -> None:
        takes_volumes = len(shape) == _VOLUME_RANK
        super().__init__(takes_volumes)
        self._graphs = graphs
        # Slices come batch after batch.
        self._keep_memory = keep_memory or not takes_volumes
        self._shape: tuple[int, ...] | None = None
        self._compiled: Any = None
        self._request: Any = None
        self._compiling: Future[None] | None = None
        self._in_use = threading.Lock()
        if ANY_SIZE not in shape:
            self._compile(shape)

    def prepare(self, shape: tuple[int, ...]) -> None:
        """Compile for images of this shape, in the background.

        Args:
            shape: Of the image to come.
        """
        batch_shape = self._batch_shape(shape)
        with self._in_use:
            self._finish_compiling()
            if batch_shape != self._shape:
                background = ThreadPoolExecutor(max_workers=1, thread_name_prefix="flare-compile")
                self._compiling = background.submit(self._compile, batch_shape)
                background.shutdown(wait=False)

    def _scores(self, batch: np.ndarray) -> np.ndarray:
        with self._in_use:
            return self._computed(batch)

    def _computed(self, batch: np.ndarray) -> np.ndarray:
        import openvino

        self._finish_compiling()
        if batch.shape != self._shape:
            self._compile(batch.shape)
        if not self._keep_memory:
            return_freed_memory()  # of compiling and preparing, before activations take memory of their own
        scores = np.empty(self._request.model_outputs[0].shape, np.float32)
        self._request.set_output_tensor(openvino.Tensor(scores, shared_memory=True))
        self._request.infer([batch], share_inputs=True, share_outputs=True)
        if not self._keep_memory:
            self._compiled.release_memory()
        return scores

    def _finish_compiling(self) -> None:
        compiling, self._compiling = self._compiling, None
        if compiling is not None:
            compiling.result()

    def _compile(self, shape: tuple[int, ...]) -> None:
        # One compiled graph at a time: it holds the activation memory of its shape.
        self._request = self._compiled = self._shape = None
        self._compiled = self._graphs.compiled(shape)
        self._request = self._compiled.create_infer_request()
        self._shape = shape


def load_openvino_network(
    build: Callable[[], keras.Model],
    weights: Path,
    checksum: str,
    output: str | None,
    runtime: Runtime,
    *,
    keep_memory: bool,
) -> OpenVinoNetwork:
    """Take a network's graph from the cache; where it is not there, build the Keras model and keep its graph.

    Args:
        build: Makes the untrained Keras model.
        weights: Its weights file.
        checksum: SHA-256 of that.
        output: Key of the output wanted where the model returns a dictionary.
        runtime: The backend.
        keep_memory: See `OpenVinoNetwork`.

    Raises:
        InputError: when the weights do not fit the model.
    """
    key = graph_cache_key(build, checksum, output, runtime)
    if key is None:
        model = model_with_weights(build, weights, runtime)
        network = openvino_network_of(model, output, runtime, keep_memory=keep_memory)
        network.constant_layers = constant_layers(model)
        return network
    cache = GraphCache(cache_folder())
    graph = cache.load(key)
    if graph is not None:
        return network_of_graph(graph, runtime, keep_memory=keep_memory, key=key)
    model = model_with_weights(build, weights, runtime)
    graph = _open_graph(model, output, runtime)
    if graph is None:
        network = _network_of_model(model, output, runtime, keep_memory)
        network.constant_layers = constant_layers(model)
        return network
    graph.set_rt_info(json.dumps(constant_layers(model)), _CONSTANT_LAYERS)
    cache.store(key, graph)
    return network_of_graph(graph, runtime, keep_memory=keep_memory, key=key)


def openvino_network_of(
    model: keras.Model, output: str | None, runtime: Runtime, *, keep_memory: bool = True
) -> OpenVinoNetwork:
    """A Keras model with its weights as a network."""
    graph = _open_graph(model, output, runtime)
    if graph is None:
        return _network_of_model(model, output, runtime, keep_memory)
    return network_of_graph(graph, runtime, keep_memory=keep_memory)


def _open_graph(model: keras.Model, output: str | None, runtime: Runtime) -> openvino.Model | None:
    """The model's graph for every size, or None where a layer must know the size.

    Raises:
        InstallationError: when the graph cannot be made for another reason.
    """
    shape = open_shape(model)
    try:
        return export_graph(model, output, shape, precision=runtime.precision)
    except _SIZE_IS_MISSING as error:  # what layers, Keras and OpenVINO raise on meeting a size that is not known
        if ANY_SIZE in shape:
            return None
        raise _cannot_be_exported(model, shape, error) from error
    except MemoryError:
        raise
    except Exception as error:
        raise _cannot_be_exported(model, shape, error) from error


def _sized_graph(model: keras.Model, output: str | None, shape: tuple[int, ...], *, precision: str) -> openvino.Model:
    try:
        return export_graph(model, output, shape, precision=precision)
    except MemoryError:
        raise
    except Exception as error:
        raise _cannot_be_exported(model, shape, error) from error


_SHOWN_CHARACTERS = 200
_SIZE_IS_MISSING = (TypeError, ValueError, RuntimeError)


def _cannot_be_exported(model: keras.Model, shape: tuple[int, ...], error: Exception) -> InstallationError:
    return InstallationError(
        f"the network {model.name} cannot be exported to OpenVINO",
        seen=f"{type(error).__name__}: {' '.join(str(error).split())[:_SHOWN_CHARACTERS]}",
        expected=f"a graph for inputs of shape {tuple('any' if size == ANY_SIZE else size for size in shape)}",
        remedy="Use --backend torch, tensorflow or jax, or the version of OpenVINO that `flare doctor` expects.",
    )


def network_of_graph(
    graph: openvino.Model, runtime: Runtime, *, keep_memory: bool = True, key: Mapping[str, str] | None = None
) -> OpenVinoNetwork:
    """A graph as a network, which reshapes it.

    Args:
        graph: Of one input; see `export_graph`.
        runtime: The backend.
        keep_memory: See `OpenVinoNetwork`.
        key: Of the graph in the cache, where it is there.
    """

    def sized(shape: tuple[int, ...]) -> openvino.Model:
        graph.reshape(shape)
        return graph

    shape = graph.inputs[0].partial_shape
    sizes = tuple(ANY_SIZE if size.is_dynamic else size.get_length() for size in shape)
    graphs = CompiledGraphs(sized, _settings(runtime), key, cache_folder())
    network = OpenVinoNetwork(graphs, sizes, keep_memory=keep_memory)
    if graph.has_rt_info(_CONSTANT_LAYERS):
        network.constant_layers = tuple(json.loads(graph.get_rt_info(_CONSTANT_LAYERS).astype(str)))
    return network


def _network_of_model(model: keras.Model, output: str | None, runtime: Runtime, keep_memory: bool) -> OpenVinoNetwork:
    sized = partial(_sized_graph, model, output, precision=runtime.precision)
    return OpenVinoNetwork(CompiledGraphs(sized, _settings(runtime)), open_shape(model), keep_memory=keep_memory)


def _settings(runtime: Runtime) -> dict[str, Any]:
    """OpenVINO's settings for compiling."""
    return {
        "INFERENCE_PRECISION_HINT": runtime.openvino_precision,
        "INFERENCE_NUM_THREADS": runtime.threads,
        "PERFORMANCE_HINT": "LATENCY",
        # Pinned threads of two processes share the first processors while others stand idle.
        "ENABLE_CPU_PINNING": False,
    }
