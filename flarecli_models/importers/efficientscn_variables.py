"""Which published EfficientSCN variable belongs to which layer.

The published SavedModels list their variables by number. Within a U-Net of L levels they run through
contracting 0 ... L-1, then expanding 0 ... L-1 (0 is the finest), each with the kernels and biases of its two
convolutions. The SpatialConfiguration-Net numbers its spatial U-Nets label 1, 2, ... and the background last.

Source: traced through the published localization graph; the published segmentation index agrees shape by shape.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from flarecli_models.importers.tensorflow_bundle import BundleError, TensorFlowBundle

_LABELS = 5


def localization_variables(levels: int = 5) -> dict[str, str]:
    """Variable name in the published bundle for each weight of `localization_unet`, as `layer/kernel|bias`."""
    weights = [*_unet_weights("", levels), "prediction/kernel", "prediction/bias"]
    return {weight: f"model/variables/{number}" for number, weight in enumerate(weights)}


def segmentation_variables(local_levels: int = 5, spatial_levels: int = 4) -> dict[str, str]:
    """Variable name in the published bundle for each weight of `spatial_configuration_net`."""
    names = {
        weight: f"local_appearance/variables/{number}"
        for number, weight in enumerate(_unet_weights("local_", local_levels))
    }
    for part in ("kernel", "bias"):
        names[f"local_prediction/{part}"] = f"local_appearance/prediction/{part}"
    number = 0
    for label in [*range(1, _LABELS), 0]:
        prefix = f"spatial_label{label}_"
        predictions = [f"{prefix}prediction/kernel", f"{prefix}prediction/bias"]
        for weight in [*_unet_weights(prefix, spatial_levels), *predictions]:
            names[weight] = f"spatial_configuration/variables/{number}"
            number += 1
    return names


def check_variables(bundle: TensorFlowBundle, names: Mapping[str, str]) -> None:
    """Check that a bundle holds the variables of a network, and nothing else.

    Raises:
        BundleError: for variables missing from the bundle, or left over in it.
    """
    missing = sorted(set(names.values()) - set(bundle.entries))
    left_over = sorted(set(bundle.entries) - set(names.values()))
    if missing or left_over:
        raise BundleError(
            f"{bundle.prefix}: not the published network: missing variables: {len(missing)} (first: "
            f"{', '.join(missing[:3]) or 'none'}), unknown: {len(left_over)} (first: "
            f"{', '.join(left_over[:3]) or 'none'})"
        )


def read_variables(
    bundle: TensorFlowBundle, names: Mapping[str, str], shapes: Mapping[str, tuple[int, ...]] | None = None
) -> dict[str, np.ndarray]:
    """Read the arrays of all weights from a bundle, checking that the bundle holds nothing else.

    Args:
        bundle: The bundle.
        names: Variable name in it for each weight.
        shapes: Shape that each weight must have, which is seen to before any array is read; None without.

    Raises:
        BundleError: for variables missing from the bundle, left over in it, of another shape, or damaged.
    """
    check_variables(bundle, names)
    for weight, name in names.items() if shapes is not None else ():
        expected = (shapes or {}).get(weight)
        if bundle.entries[name].shape != expected:
            raise BundleError(
                f"{bundle.prefix}: variable {name!r} (={bundle.entries[name].shape}) must have the shape {expected}"
            )
    return {weight: bundle.read(name) for weight, name in names.items()}


def weight_shapes(model: Any) -> dict[str, tuple[int, ...]]:
    """Shape of every weight of a model, by `layer/part`, as `assign_weights` takes them."""
    return {
        f"{layer.name}/{weight.path.rsplit('/', 1)[1]}": tuple(weight.shape)
        for layer in model.layers
        for weight in layer.weights
    }


def assign_weights(model: Any, arrays: Mapping[str, np.ndarray]) -> None:
    """Put arrays into a model by `layer/kernel` and `layer/bias`; every weight of the model must be given.

    Raises:
        ValueError: for a name that the model does not have, a shape that differs, values that are not finite in
            float32, or weights of the model without an array. Nothing is assigned then.
    """
    left = {weight.path for weight in model.weights}
    assignments = []
    for name, array in arrays.items():
        layer, part = name.rsplit("/", 1)
        variable = getattr(model.get_layer(layer), part, None)
        if variable is None:
            raise ValueError(f"{name} is not a weight of {model.name}")
        if tuple(variable.shape) != array.shape:
            raise ValueError(f"{name} (={array.shape}) must have the shape {tuple(variable.shape)}")
        with np.errstate(over="ignore"):
            values = array.astype(np.float32)
        if not np.isfinite(values).all():
            raise ValueError(f"{name} holds values that are not finite in float32 (NaN, infinity)")
        assignments.append((variable, values))
        left.discard(variable.path)
    if left:
        raise ValueError(
            f"weights of {model.name} without an array: {len(left)} (first: {', '.join(sorted(left)[:3])} ..."
        )
    for variable, array in assignments:
        variable.assign(array)


def _unet_weights(prefix: str, levels: int) -> Iterator[str]:
    for path in ("contracting", "expanding"):
        for level in range(levels):
            for convolution in range(2):
                for part in ("kernel", "bias"):
                    yield f"{prefix}{path}{level}_conv{convolution}/{part}"
