"""Networks on OpenVINO: graphs compiled for the sizes that occur."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from flarecli.engine.batched_network import BatchedNetwork
from flarecli.engine.compiled_graphs import CompiledGraphs
from flarecli.engine.entry_cache import cache_folder
from flarecli.engine.graph_cache import GraphCache
from flarecli.engine.keras_model import model_with_weights
from flarecli.engine.network_facts import network_facts
from flarecli.engine.openvino_graph import ANY_SIZE, export_graph, open_shape
from flarecli.engine.runtime import Runtime

if TYPE_CHECKING:
    import keras
    import openvino


_VOLUME_RANK = 5


class OpenVinoNetwork(BatchedNetwork):
    """Compiles a graph for each input shape that occurs, at once where only one can; channels first.

    Args:
        graphs: Compiles the graph for a shape.
        shape: Shape of the input, `ANY_SIZE` where it varies.
        keep_memory: Whether activations keep their memory for the next call. To take it anew costs a tenth of the
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
        if ANY_SIZE not in shape:
            self._compile(shape)

    def prepare(self, shape: tuple[int, ...]) -> None:
        """Compile for images of this shape, in the background.

        Args:
            shape: Of the image to come.
        """
        batch_shape = self._batch_shape(shape)
        self._finish_compiling()
        if batch_shape != self._shape:
            background = ThreadPoolExecutor(max_workers=1, thread_name_prefix="flare-compile")
            self._compiling = background.submit(self._compile, batch_shape)
            background.shutdown(wait=False)

    def _scores(self, batch: np.ndarray) -> np.ndarray:
        import openvino

        self._finish_compiling()
        if batch.shape != self._shape:
            self._compile(batch.shape)
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
    output: str | None,
    runtime: Runtime,
    *,
    keep_memory: bool,
) -> OpenVinoNetwork:
    """Take a network's graph from the cache; where it is not there, build the Keras model and keep its graph.

    Raises:
        InputError: when the weights do not fit the model.
    """
    facts = network_facts(build, weights, output, runtime)
    if facts is None:
        model = model_with_weights(build, weights, runtime)
        return openvino_network_of(model, output, runtime, keep_memory=keep_memory)
    cache = GraphCache(cache_folder())
    graph = cache.load(facts)
    if graph is not None:
        return _network_of_graph(graph, runtime, keep_memory, facts)
    model = model_with_weights(build, weights, runtime)
    graph = _open_graph(model, output, runtime)
    if graph is None:
        return _network_of_model(model, output, runtime, keep_memory)
    cache.store(facts, graph)
    return _network_of_graph(graph, runtime, keep_memory, facts)


def openvino_network_of(
    model: keras.Model, output: str | None, runtime: Runtime, *, keep_memory: bool = True
) -> OpenVinoNetwork:
    """A Keras model with its weights as a network."""
    graph = _open_graph(model, output, runtime)
    if graph is None:
        return _network_of_model(model, output, runtime, keep_memory)
    return _network_of_graph(graph, runtime, keep_memory)


def _open_graph(model: keras.Model, output: str | None, runtime: Runtime) -> openvino.Model | None:
    """The model's graph for every size, or None where a layer must know the size."""
    try:
        return export_graph(model, output, open_shape(model), precision=runtime.precision)
    except Exception:  # whatever a layer or Keras raises on meeting a size that is None
        return None


def _network_of_graph(
    graph: openvino.Model, runtime: Runtime, keep_memory: bool, facts: Mapping[str, str] | None = None
) -> OpenVinoNetwork:
    def sized(shape: tuple[int, ...]) -> openvino.Model:
        graph.reshape(shape)
        return graph

    shape = graph.inputs[0].partial_shape
    sizes = tuple(ANY_SIZE if size.is_dynamic else size.get_length() for size in shape)
    graphs = CompiledGraphs(sized, _settings(runtime), facts, cache_folder())
    return OpenVinoNetwork(graphs, sizes, keep_memory=keep_memory)


def _network_of_model(model: keras.Model, output: str | None, runtime: Runtime, keep_memory: bool) -> OpenVinoNetwork:
    sized = partial(export_graph, model, output, precision=runtime.precision)
    return OpenVinoNetwork(CompiledGraphs(sized, _settings(runtime)), open_shape(model), keep_memory=keep_memory)


def _settings(runtime: Runtime) -> dict[str, Any]:
    """What OpenVINO is told when it compiles."""
    return {
        "INFERENCE_PRECISION_HINT": runtime.openvino_precision,
        "INFERENCE_NUM_THREADS": runtime.threads,
        "PERFORMANCE_HINT": "LATENCY",
        # Pinned threads of two processes share the first processors while others stand idle.
        "ENABLE_CPU_PINNING": False,
    }
