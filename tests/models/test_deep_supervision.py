"""The loss of the VGG-13 U-Net: by hand, and the original's."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

from flarecli_models.deep_supervision import DEEP_SUPERVISION_WEIGHTS, deep_supervision_loss, softmax_cross_entropy
from flarecli_models.vgg13_unet import vgg13_unet
from tests.models import model_checks as checks
from tests.models.vgg13_fixtures import OUTPUTS
from tests.shared_data import shared_path


def one_hot(labels: np.ndarray, classes: int = 5) -> np.ndarray:
    return np.moveaxis(np.eye(classes, dtype=np.float32)[labels], -1, 1)


def number(tensor: Any) -> float:
    return float(keras.ops.convert_to_numpy(tensor))


def test_cross_entropy_by_hand() -> None:
    logits = np.log(np.array([[0.5, 0.25, 0.25], [0.1, 0.1, 0.8]], np.float32)) + 7
    target = np.eye(3, dtype=np.uint8)[[1, 2]]
    expected = -(np.log(0.25) + np.log(0.8)) / 2
    assert number(softmax_cross_entropy(target, logits)) == pytest.approx(expected, abs=1e-6)
    assert number(softmax_cross_entropy(target.T, logits.T, channel_axis=0)) == pytest.approx(expected, abs=1e-6)


def test_cross_entropy_of_large_logits_is_finite() -> None:
    logits = np.array([[1000.0, -1000.0]], np.float32)
    assert number(softmax_cross_entropy(np.array([[0, 1]]), logits)) == pytest.approx(2000)


def test_equals_the_original() -> None:
    with np.load(shared_path("fixtures/vgg13_deepsup_w8.npz")) as fixture:
        target = one_hot(fixture["labels"])
        outputs = {name: fixture["logits" if name == "final" else name] for name in OUTPUTS}
        for name, expected in zip(OUTPUTS, fixture["ce"], strict=True):
            assert number(softmax_cross_entropy(target, outputs[name], 1)) == pytest.approx(expected, rel=1e-6)
        loss = number(deep_supervision_loss(target, outputs, 1))
        assert loss == pytest.approx(float(fixture["loss_div3p6"]), rel=1e-6)
        loss = number(deep_supervision_loss(target, outputs, 1, is_mean=False))
        assert loss == pytest.approx(float(fixture["loss_sum"]), rel=1e-6)


def test_outputs_of_another_network_are_refused() -> None:
    logits = np.zeros((1, 5, 2, 2), np.float32)
    with pytest.raises(ValueError, match=r"outputs \(=final\) must be final, aux1, aux2, aux3, aux4"):
        deep_supervision_loss(logits, {"final": logits})


@checks.needs_training
def test_steps_of_training_with_keras_own_weighting_lower_the_loss() -> None:
    keras.utils.set_random_seed(3)
    model = vgg13_unet((16, 32), base_filters=2, labels=3, deep_supervision=True)
    axis = 1 if model.inputs[0].shape[1] == 3 else -1
    generator = np.random.default_rng(51)
    image = np.moveaxis(generator.standard_normal((2, 16, 32, 3)).astype(np.float32), -1, axis)
    target = np.moveaxis(np.eye(3, dtype=np.float32)[(generator.random((2, 16, 32)) * 3).astype(int)], -1, axis)

    def loss(target: Any, logits: Any) -> Any:
        return softmax_cross_entropy(target, logits, axis)

    model.compile(
        optimizer=keras.optimizers.Adam(5e-3, clipvalue=0.1),
        loss=dict.fromkeys(OUTPUTS, loss),
        loss_weights=DEEP_SUPERVISION_WEIGHTS,
        run_eagerly=True,
    )
    targets = dict.fromkeys(OUTPUTS, target)
    outputs = model(image, training=True)
    expected = number(keras.ops.stop_gradient(deep_supervision_loss(target, outputs, axis, is_mean=False)))
    losses = [float(model.train_on_batch(image, targets, return_dict=True)["loss"])]
    assert losses[0] == pytest.approx(expected, rel=1e-4)
    for _ in range(2):
        model.reset_metrics()
        losses.append(float(model.train_on_batch(image, targets, return_dict=True)["loss"]))
    assert losses[-1] < 0.98 * losses[0]
