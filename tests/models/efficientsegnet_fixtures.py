"""The fixtures of EfficientSegNet as state dictionaries of the original."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy as np

from tests.shared_data import shared_path


def state_of(fixture: Any) -> dict[str, np.ndarray]:
    """The weights that a fixture of a network carries."""
    return {key: fixture[key] for key in fixture if key.endswith("weight")}


def full_width_state() -> dict[str, np.ndarray]:
    """The weights of the full fine network, drawn again from the recipe's seed and compared with its checksums."""
    recipe = json.loads(shared_path("fixtures/efficientsegnet_fine_fullwidth_recipe.json").read_text(encoding="utf-8"))
    generator = np.random.RandomState(recipe["weight_seed"])
    state = {}
    for key, shape, _, digest in recipe["keys_in_order"]:
        fan_in = np.prod(shape[1:])
        array = (generator.standard_normal(shape) * np.sqrt(2.0 / fan_in)).astype(np.float32)
        assert hashlib.sha256(array.tobytes()).hexdigest().startswith(digest), key
        state[key] = array
    return state
