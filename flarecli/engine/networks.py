"""A Keras model with its weights as a plain function from array to array, on each backend in its best form."""

from __future__ import annotations

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
        Function from a float32 image (z, y, x) or (channels, z, y, x) to float32 scores (classes, z, y, x).

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
        model.load_weights(weights)
    except (OSError, ValueError, KeyError) as error:
        raise InputError(
            f"does not hold weights of {model.name}",
            path=weights,
            seen=str(error).splitlines()[0],
            remedy="Choose weights made for this network: `flare weights list` shows what there is.",
        ) from error
    wrap = {"openvino": OpenVinoNetwork, "tensorflow": TensorFlowNetwork, "torch": TorchNetwork}
    return wrap[runtime.backend](model, output, runtime)


class OpenVinoNetwork:
    """Compiles the model's graph for each input shape that occurs; channels first."""

    def __init__(self, model: keras.Model, output: str | None, runtime: Runtime) -> None:
        self._model = model
        self._output = output
        self._settings = {
            "INFERENCE_PRECISION_HINT": _OPENVINO_PRECISION[runtime.precision],
            "INFERENCE_NUM_THREADS": runtime.threads,
            "PERFORMANCE_HINT": "LATENCY",
        }
        self._shape: tuple[int, ...] | None = None
        self._request: Any = None

    def __call__(self, image: np.ndarray) -> np.ndarray:
        batch = _channels_first_batch(image)
        if batch.shape != self._shape:
            # One compiled graph at a time: it holds the activation memory of its shape.
            self._request = None
            self._request = self._compiled(batch.shape)
            self._shape = batch.shape
        result = self._request.infer([batch], share_inputs=True)
        return np.array(next(iter(result.values()))[0])

    def _compiled(self, shape: tuple[int, ...]) -> Any:
        import openvino
        from keras.src.backend.openvino.core import OpenVINOKerasTensor
        from openvino import opset16

        parameter = opset16.parameter(list(shape), dtype=openvino.Type.f32)
        outputs = self._model(OpenVINOKerasTensor(parameter.output(0)), training=False)
        wanted = outputs if self._output is None else outputs[self._output]
        graph = openvino.Model([opset16.result(wanted.output)], [parameter])
        return openvino.Core().compile_model(graph, "CPU", self._settings).create_infer_request()


class TensorFlowNetwork:
    """One traced graph for all input shapes; channels last."""

    def __init__(self, model: keras.Model, output: str | None, runtime: Runtime) -> None:
        import tensorflow

        signature = tensorflow.TensorSpec(model.inputs[0].shape, tensorflow.float32)

        @tensorflow.function(input_signature=[signature])  # type: ignore[untyped-decorator]
        def run(batch: Any) -> Any:
            outputs = model(batch, training=False)
            return tensorflow.cast(outputs if output is None else outputs[output], tensorflow.float32)

        self._run = run

    def __call__(self, image: np.ndarray) -> np.ndarray:
        batch = np.moveaxis(_channels_first_batch(image), 1, -1)
        return np.moveaxis(self._run(batch).numpy()[0], -1, 0)


class TorchNetwork:
    """Eager, in inference mode, each tensor freed after its last use; channels first."""

    def __init__(self, model: keras.Model, output: str | None, runtime: Runtime) -> None:
        from flarecli_models.execution import FrugalRun

        self._run = FrugalRun(model, output)
        self._device = "cuda" if runtime.device == "gpu" else "cpu"

    def __call__(self, image: np.ndarray) -> np.ndarray:
        import torch

        with torch.inference_mode():
            batch = torch.from_numpy(_channels_first_batch(image)).to(self._device)
            result = self._run(batch)
            del batch
            return result[0].float().cpu().numpy()


def _channels_first_batch(image: np.ndarray) -> np.ndarray:
    """A batch of one, channels first: (1, channels, z, y, x), C-contiguous float32."""
    channels = image[None] if image.ndim == 3 else image
    return np.ascontiguousarray(channels[None], dtype=np.float32)
