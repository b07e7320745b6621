"""The original's state dictionaries, and what is refused."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from flarecli_models.efficientsegnet import coarse_unet, efficientsegnet
from flarecli_models.importers.efficientsegnet_state import (
    StateError,
    coarse_state_keys,
    fine_state_keys,
    import_state_dict,
    layer_weights,
)
from tests.golden.drawn import efficientsegnet_state

pytestmark = pytest.mark.usefixtures("weights_of_zero")

FILTERS = (2, 2, 3, 3, 4)
SEED = 41


def small(name: str) -> keras.Model:
    return coarse_unet((16, 16, 16), FILTERS) if name == "coarse" else efficientsegnet((64, 64, 128), FILTERS)


NETWORKS = pytest.mark.parametrize(
    ("name", "keys", "count"), [("coarse", coarse_state_keys(), 38), ("fine", fine_state_keys(), 56)]
)


@NETWORKS
@pytest.mark.parametrize("prefix", ["", "module."])
def test_every_entry_finds_its_layer(name: str, keys: dict[str, str], count: int, prefix: str) -> None:
    model = small(name)
    assert len(keys) == len(set(keys.values())) == len(model.weights) == count
    state = efficientsegnet_state(model, keys, SEED)
    import_state_dict(model, {prefix + key: array for key, array in state.items()})
    for layer, key in keys.items():
        (stored,) = model.get_layer(layer).get_weights()
        np.testing.assert_array_equal(stored, state[key].transpose(2, 3, 4, 1, 0))


def test_keys_are_those_of_the_original() -> None:
    coarse, fine = coarse_state_keys(), fine_state_keys()
    assert coarse["encoder4_block1_conv0"] == "conv4_0.residual_unit_2.0.conv.weight"
    assert coarse["decoder0_block0_shortcut"] == "conv0_4.shortcut_unit.conv.weight"
    assert fine["encoder2_block0_shortcut"] == "conv2_0.0.shortcut_unit.conv.weight"
    assert fine["context_pyramid_pool4"] == "context_block.conv2_2.conv.weight"
    assert fine["context_output"] == "context_block.score_layer.1.weight"
    assert fine["reduction0"] == "trans_1.conv.weight"
    assert fine["decoder1_block0_conv1"] == "conv1_3.0.residual_unit.1.conv.weight"


def test_missing_and_unknown_keys_are_named() -> None:
    model = small("coarse")
    state = efficientsegnet_state(model, coarse_state_keys(), SEED)
    state["final1.weight"] = state.pop("final.weight")
    message = r"missing keys: 1 \(first: final\.weight\), unknown: 1 \(first: final1\.weight\)"
    with pytest.raises(StateError, match=message):
        import_state_dict(model, state)


@pytest.mark.parametrize("shape", [(4, 2, 3, 3, 3), (4, 2)])
def test_another_shape_is_refused_and_nothing_assigned(shape: tuple[int, ...]) -> None:
    model = small("coarse")
    before = model.get_weights()
    state = efficientsegnet_state(model, coarse_state_keys(), SEED)
    state["conv0_4.shortcut_unit.conv.weight"] = np.zeros(shape, np.float32)
    with pytest.raises(StateError, match=r"conv0_4\.shortcut_unit\.conv\.weight \(=.*\) must"):
        import_state_dict(model, state)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))


def test_the_other_networks_state_is_refused() -> None:
    state = efficientsegnet_state(small("coarse"), coarse_state_keys(), SEED)
    with pytest.raises(StateError, match=r"missing keys: 55 .* unknown: 37"):
        layer_weights(state, fine_state_keys())
