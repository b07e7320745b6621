"""The original's state dictionary, with and without its aliases, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from flarecli_models.importers.vgg13_state import StateError, layer_weights
from flarecli_models.vgg13_unet import vgg13_unet
from tests.models import model_checks as checks
from tests.models.originals.vgg13_state import ALIASES, original_state

pytestmark = pytest.mark.usefixtures("weights_of_zero")

LABELS = 3


@pytest.fixture
def state() -> dict[str, np.ndarray]:
    return original_state(base_filters=2, labels=LABELS)


def with_aliases(state: dict[str, np.ndarray], keep_flat: bool) -> dict[str, np.ndarray]:
    """The state as the original saves it, or with the aliases in place of the flat encoder."""
    named = {f"encoder.{flat}": f"{block}.{inner}" for block, names in ALIASES.items() for inner, flat in names.items()}
    aliased = {}
    for key, array in state.items():
        module, _, part = key.rpartition(".")
        if module in named:
            aliased[f"{named[module]}.{part}"] = array
        if keep_flat or module not in named:
            aliased[key] = array
    return aliased


def weights_of(state: dict[str, np.ndarray], **options: bool) -> dict[str, np.ndarray]:
    return layer_weights(state, base_filters=2, labels=LABELS, **options)


@pytest.mark.parametrize("deep_supervision", [False, True])
def test_every_weight_of_the_model_is_given(state: dict[str, np.ndarray], deep_supervision: bool) -> None:
    weights = weights_of(state, deep_supervision=deep_supervision)
    model = vgg13_unet((16, 16), base_filters=2, labels=LABELS, deep_supervision=deep_supervision)
    checks.with_weights(model, weights)
    assert len(weights) == len(model.weights)
    assert all(array.dtype == np.float32 for array in weights.values())


def test_where_arrays_go(state: dict[str, np.ndarray]) -> None:
    weights = weights_of(state, deep_supervision=True)
    kernel = state["encoder.7.weight"]
    assert weights["encoder2_conv0/kernel"][2, 0, 1, 3] == kernel[3, 1, 2, 0]
    transposed = state["deblock2.up.weight"]
    assert weights["decoder3_up/kernel"][1, 0, 5, 11] == transposed[11, 5, 1, 0]
    for weight, key in {
        "center_norm1/moving_variance": "encoder.32.running_var",
        "center_norm1/gamma": "encoder.32.weight",
        "decoder1_conv1/bias": "deblock4.conv.double_conv.3.bias",
        "decoder4_norm0/beta": "deblock1.conv.double_conv.1.bias",
        "side3_norm/moving_mean": "down3.simple_conv.1.running_mean",
        "aux2_prediction/bias": "down_out2.single_conv.bias",
        "fusion_conv/bias": "out1.simple_conv.0.bias",
        "prediction/bias": "out2.single_conv.bias",
    }.items():
        np.testing.assert_array_equal(weights[weight], state[key])


@pytest.mark.parametrize("keep_flat", [False, True])
def test_aliases_change_nothing(state: dict[str, np.ndarray], keep_flat: bool) -> None:
    expected = weights_of(state)
    actual = weights_of(with_aliases(state, keep_flat))
    assert set(actual) == set(expected)
    for name, array in expected.items():
        np.testing.assert_array_equal(actual[name], array)


def test_aliases_that_differ_are_refused(state: dict[str, np.ndarray]) -> None:
    aliased = with_aliases(state, keep_flat=True)
    aliased["center.4.bias"] = aliased["center.4.bias"] + 1
    with pytest.raises(StateError, match=r"encoder\.31\.bias hold different values"):
        weights_of(aliased)


def test_missing_and_unknown_keys_are_named(state: dict[str, np.ndarray]) -> None:
    state["attention.weight"] = state.pop("down_out3.single_conv.bias")
    with pytest.raises(
        StateError,
        match=r"missing keys: 1 \(first: down_out3\.single_conv\.bias\), unknown: 1 \(first: attention\.weight\)",
    ):
        weights_of(state)


def test_another_width_is_named_with_its_key(state: dict[str, np.ndarray]) -> None:
    with pytest.raises(StateError, match=r"encoder\.0\.weight \(=\(2, 3, 3, 3\)\) must have the shape \(64, 3, 3, 3\)"):
        layer_weights(state)
