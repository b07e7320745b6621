"""Which entry of the original EfficientSegNet state dictionaries belongs to which layer.

Every entry is the kernel of a convolution, (out, in, kz, ky, kx); there are no biases, no normalisation parameters
and no buffers.

Source: the published code's module tree; the levels of its decoder count upwards (`conv3_1` ... `conv0_4`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from flarecli_models.importers.efficientscn_variables import assign_weights

_LEVELS = 5
_BLOCKS = 2
_WRAPPER = "module."
"""Prefix that training on several GPUs puts before every key."""

_KERNEL_AXES = (2, 3, 4, 1, 0)
"""From PyTorch's (out, in, z, y, x) to Keras' (z, y, x, in, out)."""

_CONTEXT = {
    "context_entry": "trans_layer.conv",
    "context_pyramid_entry": "conv1_1.conv",
    "context_strip_entry": "conv1_2.conv",
    "context_pyramid_full": "conv2_0.conv",
    "context_pyramid_pool2": "conv2_1.conv",
    "context_pyramid_pool4": "conv2_2.conv",
    "context_strip_z": "conv2_3.conv",
    "context_strip_y": "conv2_4.conv",
    "context_strip_x": "conv2_5.conv",
    "context_pyramid_exit": "conv2_6.conv",
    "context_strip_exit": "conv2_7.conv",
    "context_merge": "conv3.conv",
    "context_exit": "score_layer.0.conv",
    "context_output": "score_layer.1",
}


class StateError(ValueError):
    """The arrays are not the state of an EfficientSegNet network; the message names keys and expectations."""


def coarse_state_keys() -> dict[str, str]:
    """Key of the original state dictionary for the kernel of each convolution of `coarse_unet`, by layer."""
    keys = dict(_coarse_encoder())
    for level in reversed(range(_LEVELS - 1)):
        keys.update(_block(f"decoder{level}_block0", f"conv{level}_{_LEVELS - 1 - level}"))
    return {**keys, "prediction": "final.weight"}


def fine_state_keys() -> dict[str, str]:
    """Key of the original state dictionary for the kernel of each convolution of `efficientsegnet`, by layer."""
    keys: dict[str, str] = {}
    for level in range(_LEVELS):
        for block in range(_BLOCKS):
            layer, module = f"encoder{level}_block{block}", f"conv{level}_0.{block}"
            keys.update(_block(layer, module, projects=block == 0))
    keys.update((layer, f"context_block.{module}.weight") for layer, module in _CONTEXT.items())
    for level in reversed(range(_LEVELS - 1)):
        keys[f"reduction{level}"] = f"trans_{level + 1}.conv.weight"
        keys.update(_block(f"decoder{level}_block0", f"conv{level}_{_LEVELS - 1 - level}.0"))
    return {**keys, "prediction": "final.weight"}


def check_shapes(
    shapes: Mapping[str, tuple[int, ...]],
    keys: Mapping[str, str],
    expected: Callable[[], Mapping[str, tuple[int, ...]]] | None = None,
) -> None:
    """Check the keys of an original state dictionary, and the shapes of its arrays.

    Args:
        shapes: Shape of each array, by key; a prefix `module.` of all keys is overlooked.
        keys: `coarse_state_keys()` or `fine_state_keys()`.
        expected: Tells the shapes that the model has, by `layer/kernel`; asked only once the keys are right.

    Raises:
        StateError: for keys that are missing or unknown, and arrays that are not kernels of the model.
    """
    state = {key.removeprefix(_WRAPPER): shape for key, shape in shapes.items()}
    missing = [key for key in keys.values() if key not in state]
    unknown = sorted(set(state) - set(keys.values()))
    if missing or unknown:
        raise StateError(
            f"not the state of this network: missing keys: {len(missing)} (first: "
            f"{', '.join(missing[:3]) or 'none'}), unknown: {len(unknown)} (first: {', '.join(unknown[:3]) or 'none'})"
        )
    kernels = None if expected is None else expected()
    for layer, key in keys.items():
        if len(state[key]) != len(_KERNEL_AXES):
            raise StateError(f"{key} (={state[key]}) must be a kernel (out, in, z, y, x)")
        if kernels is not None:
            z, y, x, entering, leaving = kernels[f"{layer}/kernel"]
            if state[key] != (leaving, entering, z, y, x):
                raise StateError(f"{key} (={state[key]}) must have the shape {(leaving, entering, z, y, x)}")


def layer_weights(arrays: Mapping[str, np.ndarray], keys: Mapping[str, str]) -> dict[str, np.ndarray]:
    """Rename and transpose the original arrays.

    Args:
        arrays: The original state dictionary, key to array; a prefix `module.` of all keys is overlooked.
        keys: `coarse_state_keys()` or `fine_state_keys()`.

    Returns:
        float32 array for every weight of the model, by `layer/kernel`.

    Raises:
        StateError: for keys that are missing or unknown, and arrays that are not kernels.
    """
    check_shapes({key: array.shape for key, array in arrays.items()}, keys)
    state = {key.removeprefix(_WRAPPER): array for key, array in arrays.items()}
    with np.errstate(over="ignore"):
        return {f"{layer}/kernel": state[key].astype(np.float32).transpose(_KERNEL_AXES) for layer, key in keys.items()}


def import_state_dict(model: Any, arrays: Mapping[str, np.ndarray]) -> None:
    """Put an original state dictionary into `coarse_unet` or `efficientsegnet`, whatever their width.

    Raises:
        StateError: for keys that are missing or unknown, and arrays whose shape is not that of the model's kernel.
            Nothing is assigned then.
    """
    is_fine = any(layer.name == "context_entry" for layer in model.layers)
    keys = fine_state_keys() if is_fine else coarse_state_keys()
    weights = layer_weights(arrays, keys)
    for layer, key in keys.items():
        z, y, x, entering, leaving = model.get_layer(layer).kernel.shape
        expected = (leaving, entering, z, y, x)
        seen = tuple(weights[f"{layer}/kernel"].transpose(4, 3, 0, 1, 2).shape)
        if seen != expected:
            raise StateError(f"{key} (={seen}) must have the shape {expected} in {model.name}")
    assign_weights(model, weights)


def _coarse_encoder() -> Iterator[tuple[str, str]]:
    for level in range(_LEVELS):
        module = f"conv{level}_0"
        for block in range(_BLOCKS):
            for convolution in range(2):
                layer = f"encoder{level}_block{block}_conv{convolution}"
                yield layer, f"{module}.residual_unit_{block + 1}.{convolution}.conv.weight"
        yield f"encoder{level}_block0_shortcut", f"{module}.shortcut_unit_1.conv.weight"


def _block(layer: str, module: str, projects: bool = True) -> Iterator[tuple[str, str]]:
    for convolution in range(2):
        yield f"{layer}_conv{convolution}", f"{module}.residual_unit.{convolution}.conv.weight"
    if projects:
        yield f"{layer}_shortcut", f"{module}.shortcut_unit.conv.weight"
