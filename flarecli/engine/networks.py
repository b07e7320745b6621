"""A Keras model with its weights as a plain function from array to array, on each backend in its best form."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from flarecli.engine.runtime import Runtime
from flarecli.errors import InputError

if TYPE_CHECKING:
    import keras

_OPENVINO_PRECISION = {"float32": "f32", "bfloat16": "bf16"}


def load_network(
    build: Callable[[], keras.Model], weights: Path, runtime: Runtime, output: str | None = None
) -> Callable[[np.ndarray], np.ndarray]:
    """Build a model, load its weights and prepare it for inference.

    Args:
        build: Makes the untrained model.
        weights: Keras weights file (`.weights.h5`).
        runtime: The backend to run on, as `start_runtime` gave it.
        output: Key of the output wanted where the model returns a dictionary.

    Returns:
        The model as a `flarecli.systems.base.Network`: a function from a volume to its scores or, where the
        model takes 2-D images, from a batch of slices to theirs.

    Raises:
        InputError: when the weights do not fit the model.
    """
    import keras

    policy = keras.config.dtype_policy()
    mixed = runtime.backend != "openvino" and runtime.precision != "float32"
    keras.config.set_dtype_policy(f"mixed_{runtime.precision}" if mixed else "float32")
    try:
        model = build()
    finally:
        keras.config.set_dtype_policy(policy)
    try:
        with warnings.catch_warnings():
            # Keras only warns about layers that the file does not have.
            warnings.simplefilter("error", UserWarning)
            model.load_weights(weights)
    except (OSError, ValueError, KeyError, UserWarning) as error:
        raise InputError(
            f"does not hold weights of {model.name}",
            path=weights,
            seen=str(error).splitlines()[0],
            remedy="Choose weights made for this network: `flare weights list` shows what there is.",
        ) from error
    wrap: dict[str, Callable[[keras.Model, str | None, Runtime], _BackendNetwork]] = {
        "openvino": OpenVinoNetwork,
        "tensorflow": TensorFlowNetwork,
        "torch": TorchNetwork,
    }
    return wrap[runtime.backend](model, output, runtime)


class _BackendNetwork(ABC):
    """What does not depend on the backend: one volume, or a batch of slices, as the model's input has it."""

    def __init__(self, model: keras.Model) -> None:
        self._takes_volumes = len(model.inputs[0].shape) == 5

    def __call__(self, image: np.ndarray) -> np.ndarray:
        if not self._takes_volumes:
            return self._scores(np.ascontiguousarray(image, dtype=np.float32))
        channels = image[None] if image.ndim == 3 else image
        return self._scores(np.ascontiguousarray(channels[None], dtype=np.float32))[0]

    @abstractmethod
    def _scores(self, batch: np.ndarray) -> np.ndarray:
        """Float32 scores of a batch, both channels first, in an array of their own."""


class OpenVinoNetwork(_BackendNetwork):
    """Compiles the model's graph for each input shape that occurs; channels first."""

    def __init__(self, model: keras.Model, output: str | None, runtime: Runtime) -> None:
        from flarecli_models.layers import InstanceNormalization

        super().__init__(model)
        for layer in model.layers:
            if isinstance(layer, InstanceNormalization):
                layer.compiled_precision = runtime.precision
        self._model = model
        self._output = output
        self._settings = {
            "INFERENCE_PRECISION_HINT": _OPENVINO_PRECISION[runtime.precision],
            "INFERENCE_NUM_THREADS": runtime.threads,
            "PERFORMANCE_HINT": "LATENCY",
        }
        self._shape: tuple[int, ...] | None = None
        self._request: Any = None

    def _scores(self, batch: np.ndarray) -> np.ndarray:
        if batch.shape != self._shape:
            # One compiled graph at a time: it holds the activation memory of its shape.
            self._request = None
            self._request = self._compiled(batch.shape)
            self._shape = batch.shape
        result = self._request.infer([batch], share_inputs=True)
        return np.array(next(iter(result.values())))

    def _compiled(self, shape: tuple[int, ...]) -> Any:
        import openvino
        from keras.src.backend.openvino.core import OpenVINOKerasTensor
        from openvino import opset16

        parameter = opset16.parameter(list(shape), dtype=openvino.Type.f32)
        outputs = self._model(OpenVINOKerasTensor(parameter.output(0)), training=False)
        wanted = outputs if self._output is None else outputs[self._output]
        graph = openvino.Model([opset16.result(wanted.output)], [parameter])
        return openvino.Core().compile_model(graph, "CPU", self._settings).create_infer_request()


class TensorFlowNetwork(_BackendNetwork):
    """One traced graph for all input shapes; channels last."""

    def __init__(self, model: keras.Model, output: str | None, runtime: Runtime) -> None:
        import tensorflow

        super().__init__(model)
        signature = tensorflow.TensorSpec(model.inputs[0].shape, tensorflow.float32)

        @tensorflow.function(input_signature=[signature])
        def run(batch: Any) -> Any:
            outputs = model(batch, training=False)
            return tensorflow.cast(outputs if output is None else outputs[output], tensorflow.float32)

        self._run = run

    def _scores(self, batch: np.ndarray) -> np.ndarray:
        return np.moveaxis(self._run(np.moveaxis(batch, 1, -1)).numpy(), -1, 1)


class TorchNetwork(_BackendNetwork):
    """Eager, in inference mode, each tensor freed after its last use; channels first."""

    def __init__(self, model: keras.Model, output: str | None, runtime: Runtime) -> None:
        from flarecli_models.execution import FrugalRun

        super().__init__(model)
        self._run = FrugalRun(model, output)
        self._device = "cuda" if runtime.device == "gpu" else "cpu"

    def _scores(self, batch: np.ndarray) -> np.ndarray:
        import torch

        with torch.inference_mode():
            tensor = torch.from_numpy(batch).to(self._device)
            result = self._run(tensor)
            del tensor
            return result.float().cpu().numpy()
