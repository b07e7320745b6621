"""The networks that `parity.py` measures: how to build them, what the original computed, what size to time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from flarecli_models.efficientscn import localization_unet, spatial_configuration_net
from flarecli_models.efficientsegnet import coarse_unet, efficientsegnet
from flarecli_models.importers import efficientsegnet_state, vgg13_state
from flarecli_models.vgg13_unet import vgg13_unet
from tests.models.efficientsegnet_fixtures import full_width_state, state_of
from tests.models.model_checks import fixture_weights
from tests.models.vgg13_fixtures import full_state
from tests.shared_data import shared_path

if TYPE_CHECKING:
    import keras

Reference = tuple[Mapping[str, np.ndarray], np.ndarray, np.ndarray]
"""Weights by `layer/part`, an image and the scores of the original for it, both as `flarecli.engine` has them."""

_SEGNET_SHAPE = (64, 80, 128)


@dataclass(frozen=True)
class Subject:
    """One network.

    Attributes:
        build: Makes the model for a layout and for the reference's size of input.
        reference: Reads what the original computed.
        timed_shape: Shape of the input that is timed, as the engine takes it.
        build_timed: Makes the model for that size, where it is another one.
        output: Output used, where the model returns a dictionary.
        has_classes: Whether the highest score is the label; else every score above 0 is one.
    """

    build: Callable[[str], keras.Model]
    reference: Callable[[], Reference]
    timed_shape: tuple[int, ...]
    build_timed: Callable[[str], keras.Model] | None = None
    output: str | None = None
    has_classes: bool = True

    def labels(self, scores: np.ndarray) -> np.ndarray:
        """What the scores mean; the classes lie along the first axis of a volume's, the second of slices'."""
        return scores.argmax(axis=-len(self.timed_shape)) if self.has_classes else scores >= 0


def _scn(name: str, image: str, scores: str) -> Reference:
    with np.load(shared_path(f"fixtures/scn_{name}.npz")) as fixture:
        return fixture_weights(fixture), fixture[image][0, 0], fixture[scores][0]


def _segnet(name: str) -> Reference:
    with np.load(shared_path(f"fixtures/efficientsegnet_{name}.npz")) as fixture:
        is_coarse = name == "coarse"
        keys = efficientsegnet_state.coarse_state_keys() if is_coarse else efficientsegnet_state.fine_state_keys()
        state = state_of(fixture) if is_coarse else full_width_state()
        return efficientsegnet_state.layer_weights(state, keys), fixture["input"][0, 0], fixture["output"][0]


def _vgg13() -> Reference:
    with np.load(shared_path("fixtures/vgg13_deepsup.npz")) as fixture:
        return vgg13_state.layer_weights(full_state()), fixture["x"], fixture["logits"]


def _of_layout(make: Callable[..., Any], *arguments: Any) -> Callable[[str], Any]:
    return lambda layout: make(*arguments, data_format=layout)


SUBJECTS = {
    "efficientscn/localization": Subject(
        _of_layout(localization_unet),
        lambda: _scn("localization", "input_ct", "output_ct_logits"),
        (64, 64, 64),
    ),
    "efficientscn/segmentation": Subject(
        _of_layout(spatial_configuration_net),
        lambda: _scn("segmentation", "input", "output_final"),
        (96, 128, 160),
        output="final",
    ),
    "efficientsegnet/coarse": Subject(
        _of_layout(coarse_unet, (32, 48, 64)),
        lambda: _segnet("coarse"),
        (160, 160, 160),
        build_timed=_of_layout(coarse_unet),
        has_classes=False,
    ),
    "efficientsegnet/fine": Subject(
        _of_layout(efficientsegnet, _SEGNET_SHAPE),
        lambda: _segnet("fine_fullwidth_recipe"),
        (192, 192, 192),
        build_timed=_of_layout(efficientsegnet),
        has_classes=False,
    ),
    "vgg13/segmentation": Subject(
        _of_layout(vgg13_unet, (64, 96)),
        _vgg13,
        (1, 3, 512, 512),
        build_timed=_of_layout(vgg13_unet),
    ),
}
