"""Adaptive gradient clipping: the global norm is limited relative to its running mean."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


def adaptively_clipped(
    kind: type[keras.optimizers.Optimizer], limit: float, start: float, memory: float, **arguments: Any
) -> keras.optimizers.Optimizer:
    """An optimiser that clips the global gradient norm to a multiple of its running mean.

    With m the running mean: gradients are scaled so that their joint norm is at most limit * m; then
    m = memory * m + (1 - memory) * min(norm, limit * m), unless the norm is not finite.

    Args:
        kind: Class of the optimiser.
        limit: Largest multiple of the running mean.
        start: Initial value of the running mean.
        memory: Its decay.
        arguments: For the optimiser.

    Source: EfficientSCN code (limit 5, start 10, memory 0.99).
    """

    class AdaptivelyClipped(kind):
        def build(self, variables: Any) -> None:
            super().build(variables)
            self.mean_norm = self.add_variable(
                (), initializer=keras.initializers.Constant(start), dtype="float32", name="mean_norm"
            )

        def apply(self, grads: Any, trainable_variables: Any = None) -> Any:
            squares = [ops.sum(ops.square(ops.cast(grad, "float32"))) for grad in grads if grad is not None]
            norm = ops.sqrt(sum(squares[1:], squares[0]))
            clipped = ops.minimum(norm, limit * self.mean_norm)
            mean = (1.0 - memory) * clipped + memory * self.mean_norm
            self.mean_norm.assign(ops.where(ops.isfinite(norm), mean, self.mean_norm))
            factor = clipped / ops.maximum(norm, 1e-12)
            limited = [None if grad is None else grad * ops.cast(factor, grad.dtype) for grad in grads]
            return super().apply(limited, trainable_variables)

    return AdaptivelyClipped(**arguments)
