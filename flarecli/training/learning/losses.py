"""The losses that recipes can name, for `keras.Model.compile`. Keras is imported when a loss is made, not before."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from flarecli.errors import UsageError
from flarecli.organs import ORGANS
from flarecli.training.recipe import LossSettings
from flarecli.training.targets import UNSPECIFIED, Target

LOSSES: dict[str, dict[str, Any]] = {
    "generalized_dice": {"skip_absent": True},
    "spatial_configuration": {"skip_absent": True},
    "dice": {},
    "dice_focal": {"alpha": 0.5, "gamma": 2.0},
    "dice_cross_entropy": {},
    "dice_top_k": {"hardest_percent": [30.0, 30.0, 30.0, 10.0]},
    "cross_entropy": {},
    "cross_entropy_dice": {"skip_absent": True, "dice_classes": 0},
    "partial_cross_entropy_dice": {"skip_absent": True, "dice_classes": 0},
    "deep_supervision": {"is_mean": True},
    "deep_supervision_dice": {"is_mean": True, "skip_absent": True},
}
"""Names of the losses, and the arguments of each, with defaults. Runs of former versions do not name arguments that
they left at these."""

TargetLoss = Callable[..., Any]
"""A loss of `flarecli_models`: from one-hot targets and outputs to a scalar."""


def compiled_losses(settings: LossSettings, target: Target, channel_axis: int) -> tuple[Any, dict[str, float] | None]:
    """The loss for `keras.Model.compile`: a function, or one for each named output, and their weights.

    They take label values, (batch, ..., 1) with the channel on `channel_axis`, and convert them to one-hot targets on
    the device, which saves most of the transfer.

    Raises:
        UsageError: for an unknown loss or an argument that it does not have.
    """
    arguments = checked_arguments(settings)
    made, weights = _losses(settings.name, arguments, channel_axis)
    if isinstance(made, Mapping):
        return {output: _on_values(loss, target, channel_axis) for output, loss in made.items()}, weights
    return _on_values(made, target, channel_axis), weights


def checked_arguments(settings: LossSettings) -> dict[str, Any]:
    """The arguments of a loss, with its defaults for those not given.

    Raises:
        UsageError: for an unknown loss or argument.
    """
    if settings.name not in LOSSES:
        raise UsageError(
            "there is no such loss",
            seen=settings.name,
            expected=", ".join(LOSSES),
            remedy="Name one of those as loss.name.",
        )
    known = LOSSES[settings.name]
    if unknown := sorted(set(settings.arguments) - set(known)):
        raise UsageError(
            f"the loss {settings.name} has no such argument",
            seen=", ".join(unknown),
            expected=", ".join(known) or "none",
            remedy="Leave it out, or name another loss.",
        )
    return {**known, **settings.arguments}


def _losses(name: str, arguments: Mapping[str, Any], axis: int) -> tuple[Any, dict[str, float] | None]:
    from flarecli_models import deep_supervision, losses, multilabel_losses, soft_dice

    at_axis: dict[str, Any] = {"channel_axis": axis}
    if name == "generalized_dice":
        return partial(losses.generalized_dice, from_logits=True, **at_axis, **arguments), None
    if name == "spatial_configuration":
        final = partial(losses.generalized_dice, **at_axis, **arguments)
        return {"final": final, "local": losses.sigmoid_cross_entropy, "spatial": losses.sigmoid_cross_entropy}, None
    if name in ("deep_supervision", "deep_supervision_dice"):
        of_output: TargetLoss = partial(deep_supervision.softmax_cross_entropy, **at_axis)
        if name == "deep_supervision_dice":
            of_output = partial(soft_dice.cross_entropy_dice, skip_absent=arguments["skip_absent"], **at_axis)
        weights = deep_supervision.DEEP_SUPERVISION_WEIGHTS
        divisor = sum(weights.values()) if arguments["is_mean"] else 1.0
        return dict.fromkeys(weights, of_output), {output: weight / divisor for output, weight in weights.items()}
    functions: dict[str, TargetLoss] = {
        "dice": multilabel_losses.dice,
        "dice_focal": multilabel_losses.dice_focal,
        "dice_cross_entropy": multilabel_losses.dice_cross_entropy,
        "dice_top_k": multilabel_losses.dice_top_k,
        "cross_entropy": deep_supervision.softmax_cross_entropy,
        "cross_entropy_dice": soft_dice.cross_entropy_dice,
        "partial_cross_entropy_dice": soft_dice.partial_cross_entropy_dice,
    }
    return partial(functions[name], **at_axis, **arguments), None


def _on_values(loss: TargetLoss, target: Target, channel_axis: int) -> Callable[[Any, Any], Any]:
    from keras import ops

    from flarecli_models.background_union import join_background

    classes = len(target.values)
    leaves_open = target is Target.SURROUNDINGS

    def loss_of_values(values: Any, outputs: Any) -> Any:
        if outputs.shape[channel_axis] > classes:
            # Classes that these labels do not distinguish are background.
            outputs = join_background(outputs, classes, channel_axis)
        shape = [1] * len(outputs.shape)
        shape[channel_axis] = classes
        channels = ops.reshape(ops.convert_to_tensor(target.values, "float32"), shape)
        values = ops.cast(values, "float32")
        matching = ops.equal(values, channels)
        if leaves_open:
            # Several classes are correct where the label is unspecified.
            is_background = ops.logical_or(ops.equal(channels, 0.0), channels > float(len(ORGANS)))
            matching = ops.logical_or(matching, ops.logical_and(ops.equal(values, float(UNSPECIFIED)), is_background))
        return loss(ops.cast(matching, "float32"), outputs)

    return loss_of_values
