"""What a loss comes to, and its gradients, on the backend in use."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from tests.models import model_checks as checks


def value_and_gradients(loss: Callable[..., Any], *inputs: np.ndarray) -> tuple[float, list[np.ndarray]]:
    """A loss and its gradients for each input, on the backend in use."""
    if checks.BACKEND == "torch":
        import torch

        tensors = [torch.tensor(values, requires_grad=True) for values in inputs]
        value = loss(*tensors)
        value.backward()
        return float(value.detach()), [tensor.grad.numpy() for tensor in tensors]
    if checks.BACKEND == "jax":
        import jax

        value, found = jax.value_and_grad(loss, argnums=tuple(range(len(inputs))))(*map(jax.numpy.asarray, inputs))
        return float(value), [np.asarray(gradient) for gradient in found]
    import tensorflow

    tensors = [tensorflow.constant(values) for values in inputs]
    with tensorflow.GradientTape() as tape:
        for tensor in tensors:
            tape.watch(tensor)
        value = loss(*tensors)
    return float(value), [gradient.numpy() for gradient in tape.gradient(value, tensors)]


def number(tensor: Any) -> float:
    """The value of a tensor without axes."""
    return float(keras.ops.convert_to_numpy(tensor))
