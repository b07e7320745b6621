"""The whole state of a training run in one file that is there entirely or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from flarecli.atomic import atomic_path
from flarecli.errors import InputError


def save_checkpoint(path: Path, model: Any, iteration: int) -> None:
    """Write weights and optimiser state (moments, moving averages) after `iteration` steps, atomically."""
    arrays: dict[str, np.ndarray] = {"iteration": np.array(iteration)}
    for kind, variables in _state(model).items():
        for index, variable in enumerate(variables):
            arrays[f"{kind}/{index:04d}"] = np.asarray(variable.numpy())
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]


def load_checkpoint(path: Path, model: Any) -> int:
    """Restore weights and optimiser state into a compiled model; return the number of steps done.

    Raises:
        InputError: when the file is not a checkpoint of this model.
    """
    with np.load(path) as stored:
        for kind, variables in _state(model).items():
            keys = sorted(key for key in stored.files if key.startswith(f"{kind}/"))
            shapes = [stored[key].shape for key in keys]
            if shapes != [tuple(variable.shape) for variable in variables]:
                raise InputError(
                    "is a checkpoint of another network",
                    path=path,
                    seen=f"{len(keys)} arrays of {kind}",
                    expected=f"{len(variables)} arrays of the shapes of this network",
                    remedy="Resume with the recipe that the run was started with, or choose another folder.",
                )
            for key, variable in zip(keys, variables, strict=True):
                variable.assign(stored[key])
        return int(stored["iteration"])


def _state(model: Any) -> dict[str, list[Any]]:
    model.optimizer.build(model.trainable_variables)
    return {"weights": model.variables, "optimizer": model.optimizer.variables}
