"""Losses and updates: equal to the published code's, and to arithmetic by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import keras
import numpy as np
import pytest

from flarecli.errors import UsageError
from flarecli.training.learning.losses import compiled_losses
from flarecli.training.recipe import (
    ClippingSettings,
    LossSettings,
    OptimiserSettings,
    PrecisionSettings,
    Recipe,
    ScheduleSettings,
)
from flarecli.training.targets import Target
from tests.shared_data import shared_path
from tests.training import small

pytestmark = small.needs_training


def value_and_gradient(loss: Any, values: np.ndarray, outputs: np.ndarray) -> tuple[float, np.ndarray]:
    if small.BACKEND == "torch":
        import torch

        tensor = torch.tensor(outputs, requires_grad=True)
        value = loss(torch.tensor(values), tensor)
        value.backward()
        return float(value.detach()), tensor.grad.numpy()
    import tensorflow

    tensor = tensorflow.constant(outputs)
    with tensorflow.GradientTape() as tape:
        tape.watch(tensor)
        value = loss(tensorflow.constant(values), tensor)
    return float(value), tape.gradient(value, tensor).numpy()


def assert_equal(found: tuple[float, np.ndarray], value: Any, gradient: np.ndarray) -> None:
    assert found[0] == pytest.approx(float(value), abs=2e-6)
    np.testing.assert_allclose(found[1], gradient, rtol=0, atol=2e-6 * np.abs(gradient).max() + 1e-9)


def recipe_loss(name: str, target: Target, **arguments: Any) -> tuple[Any, Any]:
    return compiled_losses(LossSettings(name, arguments), target, channel_axis=1)


def test_localization_loss_of_label_values_equals_the_published_code() -> None:
    loss, weights = recipe_loss("generalized_dice", Target.ANY_ORGAN, skip_absent=False)
    assert weights is None
    with np.load(shared_path("fixtures/scn_losses.npz")) as fixture:
        values = fixture["gdl_logits_2/labels_onehot"].argmax(axis=1)[:, None].astype(np.uint8)
        found = value_and_gradient(loss, values, fixture["gdl_logits_2/input"])
        assert_equal(found, fixture["gdl_logits_2/loss"], fixture["gdl_logits_2/grad"])


def test_segmentation_losses_of_label_values_equal_the_published_code() -> None:
    losses, weights = recipe_loss("spatial_configuration", Target.CLASSES, skip_absent=False)
    assert weights is None
    with np.load(shared_path("fixtures/scn_losses.npz")) as fixture:
        values = fixture["total/labels_onehot"].argmax(axis=1)[:, None].astype(np.uint8)
        outputs = {
            "final": fixture["total/fused_final"],
            "local": fixture["total/local_logits"],
            "spatial": fixture["total/spatial_logits"],
        }
        total = sum(value_and_gradient(losses[name], values, array)[0] for name, array in outputs.items())
        assert total == pytest.approx(float(fixture["total/loss"]), abs=3e-6)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("dice", "dice"),
        ("dice_focal", "diceAndFocal"),
        ("dice_cross_entropy", "diceAndBce"),
        ("dice_top_k", "diceAndTopK"),
    ],
)
def test_efficientsegnet_losses_of_label_values_equal_the_published_code(name: str, key: str) -> None:
    loss, _ = recipe_loss(name, Target.ORGANS)
    with np.load(shared_path("fixtures/efficientsegnet_losses.npz")) as fixture:
        for case in ("a", "b", "c_emptyclass"):
            target = fixture[f"{case}/target"]
            if (target.sum(axis=1) > 1).any():
                continue  # labels of a map exclude each other; the fixture's need not
            values = (target * np.arange(1, 5).reshape(1, 4, 1, 1, 1)).sum(axis=1, keepdims=True).astype(np.uint8)
            found = value_and_gradient(loss, values, fixture[f"{case}/logits"])
            gradient = fixture[f"{case}/{key}/grad_logits"]
            assert found[0] == pytest.approx(float(fixture[f"{case}/{key}/mean"]), rel=2e-6)
            np.testing.assert_allclose(found[1], gradient, rtol=0, atol=2e-6 * np.abs(gradient).max())


def test_deep_supervision_equals_the_published_code_in_value_and_gradient() -> None:
    losses, weights = recipe_loss("deep_supervision", Target.CLASSES)
    assert weights == pytest.approx(
        {"final": 1 / 3.6, "aux1": 0.8 / 3.6, "aux2": 0.7 / 3.6, "aux3": 0.6 / 3.6, "aux4": 0.5 / 3.6}
    )
    _, summed = recipe_loss("deep_supervision", Target.CLASSES, is_mean=False)
    assert summed == pytest.approx({"final": 1, "aux1": 0.8, "aux2": 0.7, "aux3": 0.6, "aux4": 0.5})
    with np.load(shared_path("fixtures/vgg13_deepsup_w8.npz")) as fixture:
        values = fixture["labels"][:, None].astype(np.uint8)
        total = 0.0
        for name, weight in weights.items():
            logits = fixture["logits" if name == "final" else name]
            value, gradient = value_and_gradient(losses[name], values, logits)
            total += weight * value
            # The gradient of a mean cross-entropy is (softmax - one-hot) / pixels.
            likely = np.exp(logits - logits.max(axis=1, keepdims=True))
            likely /= likely.sum(axis=1, keepdims=True)
            one_hot = values == np.arange(5).reshape(1, 5, 1, 1)
            np.testing.assert_allclose(gradient, (likely - one_hot) / values.size, rtol=0, atol=1e-8)
        assert total == pytest.approx(float(fixture["loss_div3p6"]), rel=1e-6)


def test_deep_supervision_with_dice_compares_every_output_by_both() -> None:
    plain, weights = recipe_loss("deep_supervision", Target.CLASSES)
    with_dice, same = recipe_loss("deep_supervision_dice", Target.CLASSES)
    both, _ = recipe_loss("cross_entropy_dice", Target.CLASSES)
    assert same == weights
    values = np.zeros((2, 1, 4, 4), np.uint8)
    values[:, :, 1:3, 1:3] = 2
    logits = np.random.default_rng(0).normal(size=(2, 5, 4, 4)).astype(np.float32)
    for name in weights:
        found, gradient = value_and_gradient(with_dice[name], values, logits)
        assert found > value_and_gradient(plain[name], values, logits)[0]
        wanted, wanted_gradient = value_and_gradient(both, values, logits)
        assert found == pytest.approx(wanted, rel=1e-6)
        np.testing.assert_allclose(gradient, wanted_gradient, rtol=0, atol=1e-7)


def test_the_channel_axis_does_not_matter() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(2, 5, 3, 4, 6)).astype(np.float32)
    values = rng.integers(0, 5, (2, 1, 3, 4, 6)).astype(np.uint8)
    first, _ = compiled_losses(LossSettings("cross_entropy_dice"), Target.CLASSES, 1)
    last, _ = compiled_losses(LossSettings("cross_entropy_dice"), Target.CLASSES, -1)
    one = value_and_gradient(first, values, logits)
    other = value_and_gradient(last, np.moveaxis(values, 1, -1), np.ascontiguousarray(np.moveaxis(logits, 1, -1)))
    assert one[0] == pytest.approx(other[0], rel=1e-6)
    np.testing.assert_allclose(one[1], np.moveaxis(other[1], -1, 1), atol=1e-7)


def optimised(recipe: Recipe, gradients: list[list[np.ndarray]], precision: str = "float32") -> tuple[Any, Any]:
    from flarecli.training.learning.optimiser import make_optimiser

    variables = [keras.Variable(np.ones(np.shape(gradient), np.float32)) for gradient in gradients[0]]
    optimiser = make_optimiser(recipe, precision)
    optimiser.build(variables)
    for step in gradients:
        optimiser.apply([keras.ops.convert_to_tensor(gradient) for gradient in step], variables)
    return optimiser, [np.asarray(variable.numpy()) for variable in variables]


def steps(*norms: float) -> list[list[np.ndarray]]:
    """Two gradients whose joint norm is the given one, for each step."""
    return [[np.array([0.6 * norm], np.float32), np.array([[0.8 * norm]], np.float32)] for norm in norms]


def test_adaptive_clipping_follows_its_running_mean() -> None:
    recipe = small.recipe(clipping=ClippingSettings("adaptive", limit=5.0, start=10.0, memory=0.99))
    norms = [3.0, 200.0, 40.0, 0.5]
    mean = 10.0
    for norm in norms:
        mean = 0.01 * min(norm, 5 * mean) + 0.99 * mean
    optimiser, _ = optimised(recipe, steps(*norms))
    assert float(optimiser.mean_norm) == pytest.approx(mean, rel=1e-5)


def test_adaptive_clipping_limits_what_adam_sees() -> None:
    recipe = small.recipe(
        clipping=ClippingSettings("adaptive", limit=5.0, start=10.0), schedule=ScheduleSettings(), iterations=5
    )
    clipped, _ = optimised(recipe, steps(200.0))
    plain, _ = optimised(replace(recipe, clipping=ClippingSettings()), steps(50.0))
    for one, other in zip(clipped.variables[2:], plain.variables[2:], strict=False):
        if one.path == other.path.replace("adam", "adaptively_clipped"):
            np.testing.assert_allclose(one.numpy(), other.numpy(), rtol=1e-5)
    assert "mean_norm" in clipped.variables[-1].path


def test_clipping_by_value_and_by_norm() -> None:
    def after(gradient: float) -> float:
        """A weight of 1 after one step of Adam; Keras adds epsilon before the correction of the bias."""
        return 1 - 0.1 * gradient * 0.001**0.5 / 0.1 / (0.001**0.5 * gradient + 1)

    base = small.recipe(schedule=ScheduleSettings(), optimiser=OptimiserSettings(learning_rate=1.0, epsilon=1.0))
    _, by_value = optimised(replace(base, clipping=ClippingSettings("value", 0.1)), steps(5.0))
    assert [float(value.ravel()[0]) for value in by_value] == pytest.approx([after(0.1)] * 2, rel=1e-5)
    _, by_norm = optimised(replace(base, clipping=ClippingSettings("global", 1.0)), steps(5.0))
    assert [float(value.ravel()[0]) for value in by_norm] == pytest.approx([after(0.6), after(0.8)], rel=1e-5)


def test_overflowing_gradients_are_skipped_and_the_scale_is_halved() -> None:
    recipe = small.recipe(
        schedule=ScheduleSettings(),
        clipping=ClippingSettings("adaptive"),
        precision=PrecisionSettings(loss_scale=1024.0, loss_scale_growth=2),
    )
    optimiser, values = optimised(recipe, steps(float("inf")), precision="float16")
    assert float(optimiser.dynamic_scale) == 512.0
    assert [float(value.ravel()[0]) for value in values] == [1.0, 1.0]
    assert float(optimiser.inner_optimizer.mean_norm) == pytest.approx(10.0)
    optimiser, values = optimised(recipe, steps(1024.0, 1024.0), precision="float16")
    assert float(optimiser.dynamic_scale) == 2048.0
    # The running mean knows the norms without the scale.
    assert float(optimiser.inner_optimizer.mean_norm) == pytest.approx(10 * 0.99**2 + 0.01 * (0.99 + 1), rel=1e-4)
    assert all(float(value.ravel()[0]) < 1 for value in values)


def test_gathered_gradients_make_one_update_and_one_step_of_the_average() -> None:
    base = small.recipe(
        schedule=ScheduleSettings(),
        clipping=ClippingSettings(),
        optimiser=OptimiserSettings(learning_rate=0.1, ema_decay=0.81),
    )
    once, alone = optimised(base, steps(2.0))
    gathered, together = optimised(replace(base, accumulate=2), steps(1.0, 3.0))
    np.testing.assert_allclose(
        np.concatenate([a.ravel() for a in alone]), np.concatenate([t.ravel() for t in together]), rtol=1e-5
    )
    assert int(once.iterations) == int(gathered.iterations) == 1
    assert gathered.ema_momentum == pytest.approx(0.9)


@pytest.mark.parametrize(
    "schedule",
    [ScheduleSettings("cosine", warmup=2), ScheduleSettings("steps", steps=((0.5, 0.1),))],
    ids=["cosine", "steps"],
)
def test_schedules_run_over_updates_however_many_batches_these_have(schedule: ScheduleSettings) -> None:
    base = small.recipe(
        schedule=schedule,
        clipping=ClippingSettings(),
        optimiser=OptimiserSettings(learning_rate=0.1),
        iterations=6,
    )
    _, alone = optimised(base, steps(2.0, 2.0, 2.0, 2.0, 2.0))
    _, together = optimised(replace(base, accumulate=2), steps(*(1.0, 3.0) * 5))
    np.testing.assert_allclose(
        np.concatenate([a.ravel() for a in alone]), np.concatenate([t.ravel() for t in together]), rtol=1e-5
    )


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"optimiser": OptimiserSettings(name="sgd")}, r"optimiser\.name"),
        ({"optimiser": OptimiserSettings(weight_decay=0.1)}, "only adamw"),
        ({"schedule": ScheduleSettings("linear")}, r"schedule\.name"),
        ({"schedule": ScheduleSettings("constant", warmup=5)}, "warms up"),
        ({"clipping": ClippingSettings("soft")}, r"clipping\.name"),
        ({"clipping": ClippingSettings("adaptive"), "accumulate": 2}, "clipped adaptively"),
    ],
)
def test_optimisers_that_make_no_sense_are_refused(changes: dict[str, Any], problem: str) -> None:
    from flarecli.training.learning.optimiser import make_optimiser

    with pytest.raises(UsageError, match=problem):
        make_optimiser(small.recipe(**changes), "float32")


def test_penalties_are_those_of_the_published_code() -> None:
    from flarecli.training.learning.optimiser import penalise_kernels

    model = small.build()
    penalise_kernels(model, 1e-6, without_pointwise=True)
    kernels = [layer.kernel for layer in model.layers if isinstance(layer, keras.layers.Conv3D)]
    expected = 1e-6 * sum(float((k.numpy() ** 2).sum()) for k in kernels if tuple(k.shape[:3]) == (3, 3, 3))
    assert float(keras.ops.convert_to_numpy(sum(model.losses))) == pytest.approx(expected, rel=1e-4)
