"""Checks of the values of a network's weights: numbers that are not finite, and layers of one constant."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from flarecli.errors import InputError

if TYPE_CHECKING:
    import keras

_SHOWN = 3
_AGAIN = "Import or train the weights again, or fetch them from where they came."


def check_values(model: keras.Model, path: Path) -> None:
    """Refuse weights with which a network cannot compute anything.

    Args:
        model: A model that has its weights.
        path: Where they came from, for messages.

    Raises:
        InputError: for values that are NaN or infinite, and where every kernel is a constant.
    """
    broken = [variable.path for variable in model.weights if not np.isfinite(_as_array(variable)).all()]
    if broken:
        raise _refused(path, "holds weights that are not finite", broken, "finite numbers, no NaN or infinity")
    constant = constant_layers(model)
    if constant and len(constant) == sum(1 for _ in _kernels(model)):
        raise _refused(path, "holds a constant in every layer", constant, "kernels of trained layers")


def constant_layers(model: keras.Model) -> tuple[str, ...]:
    """Names of the layers whose kernel is one constant, such as zero: their output does not depend on their input.

    Training does not produce that in a layer that has an effect.
    """
    return tuple(name for name, kernel in _kernels(model) if (kernel == kernel.flat[0]).all())


def warning_of(network: str, constant: Iterable[str]) -> str | None:
    """The sentence for a network with layers of constants; None without any."""
    layers = list(constant)
    if not layers:
        return None
    return (
        f"the weights of {network} are one constant in {_listed(layers)}: these layers have no effect, and labels may "
        "be wrong; import or train the weights again"
    )


def _kernels(model: keras.Model) -> Iterator[tuple[str, np.ndarray]]:
    """Weights with several axes and values, by the path of their layer."""
    for variable in model.weights:
        if len(variable.shape) > 1 and math.prod(variable.shape) > 1:
            yield variable.path.rsplit("/", 1)[0], _as_array(variable)


def _refused(path: Path, problem: str, layers: Sequence[str], expected: str) -> InputError:
    return InputError(problem, path=path, seen=_listed(layers), expected=expected, remedy=_AGAIN)


def _listed(layers: Sequence[str]) -> str:
    more = f" and {len(layers) - _SHOWN} more" if len(layers) > _SHOWN else ""
    return ", ".join(layers[:_SHOWN]) + more


def _as_array(variable: Any) -> np.ndarray:
    from keras import ops

    return np.asarray(ops.convert_to_numpy(variable))
