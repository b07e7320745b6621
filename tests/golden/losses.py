"""Losses with their gradients, and the learning rates of a schedule."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from flarecli.training.recipes import recipe_named
from flarecli_models.deep_supervision import deep_supervision_loss
from flarecli_models.layers import EntropyFusion
from flarecli_models.losses import generalized_dice, sigmoid_cross_entropy
from flarecli_models.multilabel_losses import dice, dice_cross_entropy, dice_focal, dice_top_k
from tests.golden.case import Arrays, GoldenCase
from tests.golden.drawn import label_map, noise, one_hot
from tests.models.loss_values import number, value_and_gradients
from tests.models.vgg13_fixtures import OUTPUTS

_SHAPE = (8, 10, 12)


def _target() -> np.ndarray:
    return one_hot(label_map(_SHAPE, 301))


def _logits(seed: int) -> np.ndarray:
    return 2 * noise((1, 5, *_SHAPE), seed)


def _value_and_gradients(loss: Callable[..., Any], *inputs: np.ndarray) -> Arrays:
    value, gradients = value_and_gradients(loss, *inputs)
    return {"value": np.float32(value)} | {f"gradient{index}": array for index, array in enumerate(gradients)}


def _spatial_configuration() -> Arrays:
    """The three terms of EfficientSCN's segmentation, through the fusion of its two parts."""
    target = _target()

    def total(local: Any, spatial: Any) -> Any:
        final = EntropyFusion(channel_axis=1)(local, spatial)
        separate = sigmoid_cross_entropy(target, local) + sigmoid_cross_entropy(target, spatial)
        return generalized_dice(target, final, 1) + separate

    return _value_and_gradients(total, _logits(302), _logits(303))


def _localization() -> Arrays:
    target = one_hot((label_map(_SHAPE, 301) > 0).astype(int), classes=2)
    logits = _logits(304)[:, :2]
    return _value_and_gradients(lambda x: generalized_dice(target, x, 1, from_logits=True), logits)


def _efficientsegnet(loss: Callable[..., Any]) -> Callable[[], Arrays]:
    return lambda: _value_and_gradients(lambda x: loss(_target()[:, 1:], x, 1), _logits(305)[:, 1:])


def _values() -> Arrays:
    """What needs no gradients."""
    outputs = {name: _logits(306 + index) for index, name in enumerate(OUTPUTS)}
    organs, logits = _target()[:, 1:], _logits(305)[:, 1:]
    return {
        "deep_supervision": np.float32(number(deep_supervision_loss(_target(), outputs, 1))),
        "deep_supervision_sum": np.float32(number(deep_supervision_loss(_target(), outputs, 1, is_mean=False))),
        "sigmoid_cross_entropy": np.float32(number(sigmoid_cross_entropy(_target(), _logits(302)))),
        **{
            loss.__name__: np.float32(number(loss(organs, logits, 1)))
            for loss in (dice, dice_focal, dice_cross_entropy, dice_top_k)
        },
    }


def _learning_rates() -> Arrays:
    """At the beginning and end of each of the 201 epochs of EfficientSegNet's published schedule."""
    from flarecli.training.learning.optimiser import learning_rate

    recipe = recipe_named("efficientsegnet", "coarse", "published")
    schedule, steps = learning_rate(recipe), recipe.iterations // 201
    iterations = [(epoch * steps, (epoch + 1) * steps - 1) for epoch in range(201)]
    return {"rates": np.float32([[float(schedule(iteration)) for iteration in pair] for pair in iterations])}


_BOUNDS = {"value": 2e-6, "gradient": 1e-7}

CASES = {
    "values": GoldenCase(_values, {"": 1e-5}),
    "efficientscn_localization": GoldenCase(_localization, _BOUNDS, needs_gradients=True),
    "efficientscn_segmentation": GoldenCase(_spatial_configuration, _BOUNDS, needs_gradients=True),
    **{
        f"efficientsegnet_{loss.__name__}": GoldenCase(_efficientsegnet(loss), _BOUNDS, needs_gradients=True)
        for loss in (dice, dice_focal, dice_cross_entropy, dice_top_k)
    },
    "learning_rates": GoldenCase(_learning_rates, {"": 1e-8}, needs_gradients=True),
}
