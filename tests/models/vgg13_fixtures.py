"""The fixtures of the VGG-13 U-Net as state dictionaries of the original."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy as np

from tests.shared_data import shared_path

OUTPUTS = ("final", "aux1", "aux2", "aux3", "aux4")


def narrow_state(fixture: Any) -> dict[str, np.ndarray]:
    """The weights of the network of base width 8 that `vgg13_deepsup_w8.npz` carries."""
    return {key.removeprefix("w/"): fixture[key] for key in fixture if key.startswith("w/")}


def full_state() -> dict[str, np.ndarray]:
    """The weights of the full network, drawn again from the recipe's seed and compared with its checksums."""
    recipe = json.loads(shared_path("fixtures/vgg13_deepsup_recipe.json").read_text(encoding="utf-8"))
    keys = {entry["key"] for entry in recipe["keys"]}
    generator = np.random.default_rng(recipe["seed"])
    state = {}
    for entry in recipe["keys"]:
        key = entry["key"]
        module, _, part = key.rpartition(".")
        array = drawn_array(generator, module, part, tuple(entry["shape"]), f"{module}.running_mean" in keys)
        assert hashlib.sha256(array.tobytes()).hexdigest() == entry["sha256"], key
        state[key] = array
    return state


def drawn_array(
    generator: np.random.Generator, module: str, part: str, shape: tuple[int, ...], is_normalisation: bool
) -> np.ndarray:
    """One array of the state, drawn from the stream that the fixtures were drawn from."""
    if part == "running_var" or (is_normalisation and part == "weight"):
        return generator.random(shape, np.float32) + np.float32(0.5)
    if len(shape) == 4:
        fan = shape[0] if module.endswith(".up") else shape[1] * shape[2] * shape[3]
        spread = np.float32(np.sqrt(2 / fan))
    elif part == "running_mean":
        spread = np.float32(0.3)
    else:
        spread = np.float32(0.2 if is_normalisation else 0.1)
    return generator.standard_normal(shape, np.float32) * spread
