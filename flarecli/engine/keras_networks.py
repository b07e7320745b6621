"""Keras models run by TensorFlow, PyTorch or JAX."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from flarecli.engine.batched_network import BatchedNetwork
from flarecli.engine.runtime import Runtime

if TYPE_CHECKING:
    import keras

_VOLUME_RANK = 5


class TensorFlowNetwork(BatchedNetwork):
    """One traced graph for all input shapes; channels last."""

    def __init__(self, model: keras.Model, output: str | None, runtime: Runtime) -> None:
        import tensorflow

        super().__init__(takes_volumes=len(model.inputs[0].shape) == _VOLUME_RANK)
        signature = tensorflow.TensorSpec(model.inputs[0].shape, tensorflow.float32)

        @tensorflow.function(input_signature=[signature])
        def run(batch: Any) -> Any:
            outputs = model(batch, training=False)
            return tensorflow.cast(outputs if output is None else outputs[output], tensorflow.float32)

        self._run = run

    def _scores(self, batch: np.ndarray) -> np.ndarray:
        return np.moveaxis(self._run(np.moveaxis(batch, 1, -1)).numpy(), -1, 1)


class TorchNetwork(BatchedNetwork):
    """Eager, in inference mode, each tensor freed after its last use; channels first."""

    def __init__(self, model: keras.Model, output: str | None, runtime: Runtime) -> None:
        from flarecli_models.execution import MemoryEfficientExecutor

        super().__init__(takes_volumes=len(model.inputs[0].shape) == _VOLUME_RANK)
        self._run = MemoryEfficientExecutor(model, output)
        self._device = runtime.torch_device

    def _scores(self, batch: np.ndarray) -> np.ndarray:
        import torch

        with torch.inference_mode():
            tensor = torch.from_numpy(batch).to(self._device)
            result = self._run(tensor)
            del tensor
            return result.float().cpu().numpy()


class JaxNetwork(BatchedNetwork):
    """One function, compiled by XLA at the first call with each input shape; weights are read at every call.

    Args:
        model: Functional Keras model with one input, on Keras' JAX backend.
        output: Key of the output wanted where the model returns a dictionary; the others are not computed.
    """

    def __init__(self, model: keras.Model, output: str | None) -> None:
        import jax
        import jax.numpy as jnp

        from flarecli_models.data_format import channel_axis, resolved_data_format

        super().__init__(takes_volumes=len(model.inputs[0].shape) == _VOLUME_RANK)
        self._model = model
        channels = channel_axis(resolved_data_format(None))

        @jax.jit
        def run(trained: list[Any], others: list[Any], batch: Any) -> Any:
            outputs, _ = model.stateless_call(trained, others, jnp.moveaxis(batch, 1, channels), training=False)
            scores = outputs if output is None else outputs[output]
            return jnp.moveaxis(scores, channels, 1).astype("float32")

        self._run = run

    def _scores(self, batch: np.ndarray) -> np.ndarray:
        trained = [variable.value for variable in self._model.trainable_variables]
        others = [variable.value for variable in self._model.non_trainable_variables]
        return np.array(self._run(trained, others, batch))
