"""The Keras optimiser of a recipe: learning rate schedule, gradient clipping, moving average, loss scaling."""

from __future__ import annotations

from typing import Any

import keras

from flarecli.errors import UsageError
from flarecli.training.learning.adaptive_clipping import adaptively_clipped
from flarecli.training.recipe import ClippingSettings, Recipe


def make_optimiser(recipe: Recipe, precision: str) -> keras.optimizers.Optimizer:
    """Make the optimiser.

    With float16 it scales the loss so that small gradients do not vanish, skips steps whose gradients overflow, and
    clips what it has scaled back.

    Args:
        recipe: The recipe.
        precision: Number type of activations.

    Raises:
        UsageError: for unknown names and for settings that exclude each other.
    """
    settings = recipe.optimiser
    # The moving average counts updates, however many batches each one accumulates.
    decay = settings.ema_decay ** (1 / recipe.accumulate) if settings.ema_decay else 0.0
    arguments: dict[str, Any] = {
        "learning_rate": _by_updates(learning_rate(recipe), recipe.accumulate),
        "beta_1": settings.beta_1,
        "beta_2": settings.beta_2,
        "epsilon": settings.epsilon,
        "use_ema": bool(settings.ema_decay),
        "ema_momentum": decay or 0.99,
        "gradient_accumulation_steps": recipe.accumulate if recipe.accumulate > 1 else None,
        **_clipping_arguments(recipe.clipping),
    }
    kinds: dict[str, type[keras.optimizers.Optimizer]] = {
        "adam": keras.optimizers.Adam,
        "adamw": keras.optimizers.AdamW,
    }
    if settings.name not in kinds:
        raise _unknown("optimiser.name", settings.name, kinds)
    if settings.name == "adamw":
        arguments["weight_decay"] = settings.weight_decay
    elif settings.weight_decay:
        raise UsageError(
            "only adamw has a weight decay of its own",
            seen=f"optimiser.weight_decay = {settings.weight_decay}",
            remedy='Set optimiser.name = "adamw", or optimiser.l2 for a penalty in the loss.',
        )
    if recipe.clipping.name == "adaptive":
        if recipe.accumulate > 1:
            raise UsageError(
                "gradients that are accumulated over several batches cannot be clipped adaptively",
                seen=f"accumulate = {recipe.accumulate}",
                expected="accumulate = 1",
                remedy='Set clipping.name = "global", or accumulate = 1.',
            )
        optimiser = adaptively_clipped(
            kinds[settings.name], recipe.clipping.limit, recipe.clipping.start, recipe.clipping.memory, **arguments
        )
    else:
        optimiser = kinds[settings.name](**arguments)
    if precision != "float16":
        return optimiser
    return keras.optimizers.LossScaleOptimizer(
        optimiser,
        initial_scale=recipe.precision.loss_scale,
        dynamic_growth_steps=recipe.precision.loss_scale_growth,
    )


def learning_rate(recipe: Recipe) -> Any:
    """The learning rate, or its schedule over the iterations of a run.

    Raises:
        UsageError: for an unknown schedule, or a warm-up where there is none.
    """
    peak, schedule = recipe.optimiser.learning_rate, recipe.schedule
    if schedule.warmup and schedule.name != "cosine":
        raise UsageError(
            "only the cosine schedule warms up",
            seen=f'schedule.warmup = {schedule.warmup} with schedule.name = "{schedule.name}"',
            remedy='Set schedule.name = "cosine", or schedule.warmup = 0.',
        )
    if schedule.name == "constant":
        return peak
    if schedule.name == "cosine":
        warmup = min(schedule.warmup, recipe.iterations // 2)
        return keras.optimizers.schedules.CosineDecay(
            0.0 if warmup else peak,
            decay_steps=max(1, recipe.iterations - warmup),
            alpha=schedule.final_share,
            warmup_target=peak if warmup else None,
            warmup_steps=warmup,
        )
    if schedule.name == "steps":
        # Keras changes the rate after a boundary, not at it.
        boundaries = [round(share * recipe.iterations) - 1 for share, _ in schedule.steps]
        factors = [1.0, *(factor for _, factor in schedule.steps)]
        return keras.optimizers.schedules.PiecewiseConstantDecay(boundaries, [peak * factor for factor in factors])
    raise _unknown("schedule.name", schedule.name, ("constant", "cosine", "steps"))


def _by_updates(rate: Any, batches: int) -> Any:
    """A schedule over updates for an optimiser that counts batches, as Keras does with gradient accumulation."""
    if batches == 1 or not isinstance(rate, keras.optimizers.schedules.LearningRateSchedule):
        return rate

    class ByUpdates(keras.optimizers.schedules.LearningRateSchedule):
        def __call__(self, step: Any) -> Any:
            return rate(keras.ops.floor_divide(step, batches))

        def get_config(self) -> dict[str, Any]:
            return {}

    return ByUpdates()


def penalise_kernels(model: keras.Model, coefficient: float, *, without_pointwise: bool) -> None:
    """Add `coefficient` times the sum of squared kernels of all convolutions to the model's loss.

    Args:
        model: The model, before it is compiled.
        coefficient: 0 adds nothing.
        without_pointwise: Whether kernels of one voxel are left out.
    """
    if not coefficient:
        return
    for layer in model.layers:
        kernel = getattr(layer, "kernel", None)
        if kernel is not None and not (without_pointwise and set(layer.kernel_size) == {1}):
            kernel.regularizer = keras.regularizers.L2(coefficient)


def _clipping_arguments(clipping: ClippingSettings) -> dict[str, float]:
    if clipping.name in ("none", "adaptive"):
        return {}
    if clipping.name == "value":
        return {"clipvalue": clipping.limit}
    if clipping.name == "global":
        return {"global_clipnorm": clipping.limit}
    raise _unknown("clipping.name", clipping.name, ("none", "value", "global", "adaptive"))


def _unknown(key: str, seen: str, known: Any) -> UsageError:
    return UsageError(f"unknown value of {key}", seen=seen, expected=", ".join(known), remedy="Choose one of those.")
