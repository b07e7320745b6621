"""The whole state of a training run in one file that is there entirely or not at all; the last two are kept."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from flarecli.errors import FlareError, InputError
from flarecli.files.atomic import atomic_path
from flarecli.files.refusals import write_errors

KEPT = 2


def save_checkpoint(folder: Path, model: Any, iteration: int, facts: dict[str, Any]) -> Path:
    """Write everything a run needs to go on as if nothing had happened, then remove all but the last two files.

    Args:
        folder: Folder of the checkpoints.
        model: Compiled model: weights, states of its random numbers, and its optimiser's moments, moving averages,
            loss scale.
        iteration: Updates done.
        facts: What else to remember; JSON.

    Returns:
        The file.

    Raises:
        FlareError: when the state is not finite any more; nothing is written then.
    """
    arrays: dict[str, np.ndarray] = {"iteration": np.array(iteration), "facts": np.array(json.dumps(facts))}
    for kind, variables in _state(model).items():
        for index, variable in enumerate(variables):
            values = _to_numpy(variable)
            if kind == "weights" and not np.isfinite(values).all():
                raise FlareError(
                    "the weights are no longer finite",
                    path=folder,
                    seen=f"{variable.path} after iteration {iteration}",
                    remedy="The last checkpoint is good: lower the learning rate, or clip the gradients.",
                )
            arrays[f"{kind}/{index:04d}"] = values
    path = folder / f"step_{iteration:08d}.npz"
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]
    for old in checkpoints(folder)[:-KEPT]:
        with write_errors(old):
            old.unlink(missing_ok=True)
    return path


def checkpoints(folder: Path) -> list[Path]:
    """The checkpoints of a run, oldest first."""
    return sorted(folder.glob("step_*.npz"))


def load_checkpoint(path: Path, model: Any) -> tuple[int, dict[str, Any]]:
    """Restore the state of a compiled model.

    Returns:
        Updates done, and what else was remembered.

    Raises:
        InputError: when the file is damaged, or not a checkpoint of this model.
    """
    try:
        # np.load does not close a file of its own that turns out to be no archive.
        with path.open("rb") as file, np.load(file) as stored:
            arrays = {key: stored[key] for key in stored.files}
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile) as error:
        raise InputError(
            "is a damaged checkpoint",
            path=path,
            seen=error,
            remedy="Remove it: the run then goes on from the one before.",
        ) from error
    for kind, variables in _state(model).items():
        keys = sorted(key for key in arrays if key.startswith(f"{kind}/"))
        shapes = [arrays[key].shape for key in keys]
        if shapes != [tuple(variable.shape) for variable in variables]:
            raise InputError(
                "is a checkpoint of another network",
                path=path,
                seen=f"{len(keys)} arrays of {kind}",
                expected=f"{len(variables)} arrays of the shapes of this network",
                remedy="Go on with the recipe that the run was started with, or choose another folder.",
            )
        for key, variable in zip(keys, variables, strict=True):
            variable.assign(arrays[key])
    return int(arrays["iteration"]), json.loads(str(arrays["facts"]))


def _state(model: Any) -> dict[str, list[Any]]:
    return {"weights": model.variables, "optimizer": model.optimizer.variables}


def _to_numpy(variable: Any) -> np.ndarray:
    values: np.ndarray = np.asarray(variable.numpy())
    return values
