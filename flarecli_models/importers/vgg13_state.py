"""Which entry of the original VGG-13 U-Net's state dictionary belongs to which layer.

The original registers its encoder twice: as a flat list (`encoder.*`) and inside five blocks (`enblock1.*` to
`center.*`), which are aliases of the same storage. Either set does. Counters of batches mean nothing here.

Source: the published code's module tree.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from flarecli_models.vgg13_unet import FUSION_FILTERS, INPUT_CHANNELS, SIDE_FILTERS

_COUNTER = "num_batches_tracked"

_ENCODER_POSITIONS = ((0, 3), (7, 10), (14, 17), (21, 24), (28, 31))
"""Places of each block's two convolutions in the flat encoder, the centre last; a normalisation follows each."""

_NORMALISATION_PARTS = {
    "weight": "gamma",
    "bias": "beta",
    "running_mean": "moving_mean",
    "running_var": "moving_variance",
}


class StateError(ValueError):
    """The arrays are not the state of the VGG-13 U-Net; the message names keys, findings and expectations."""


def check_shapes(shapes: Mapping[str, tuple[int, ...]], base_filters: int = 64, labels: int = 5) -> None:
    """Check the keys of an original state dictionary, and the shapes of its arrays; see `layer_weights`.

    Raises:
        StateError: for keys that are missing or unknown, and arrays of another shape.
    """
    expected = {entry.key: entry.shape for entry in _entries(base_filters, labels)}
    flat = {key: _flat_key(key) for key in shapes}
    counters = [key for key in shapes if _is_counter(key)]
    missing = sorted(set(expected) - set(flat.values()), key=list(expected).index)
    unknown = [key for key, name in flat.items() if name not in expected and key not in counters]
    if missing or unknown:
        raise StateError(
            f"not the state of the VGG-13 U-Net: missing keys: {len(missing)} (first: "
            f"{', '.join(missing[:3]) or 'none'}), unknown: {len(unknown)} (first: "
            f"{', '.join(unknown[:3]) or 'none'})"
        )
    for key, shape in shapes.items():
        wanted = () if key in counters else expected[flat[key]]
        if shape != wanted:
            raise StateError(
                f"{key} (={shape}) must have the shape {wanted} for base_filters={base_filters} and labels={labels}"
            )


def layer_weights(
    arrays: Mapping[str, np.ndarray],
    base_filters: int = 64,
    labels: int = 5,
    deep_supervision: bool = False,
) -> dict[str, np.ndarray]:
    """Rename and transpose the original arrays for `vgg13_unet` of the same settings.

    Args:
        arrays: The original state dictionary, key to array; the encoder's aliases and the counters may be absent.
        base_filters: Channels of the finest level.
        labels: Labels including background.
        deep_supervision: Whether to return the auxiliary predictions' weights, which `arrays` must have anyway.

    Returns:
        float32 array for every weight of the model, by `layer/part`.

    Raises:
        StateError: for keys that are missing or unknown, arrays of another shape, and aliases that differ.
    """
    check_shapes({key: array.shape for key, array in arrays.items()}, base_filters, labels)
    state = _without_aliases(arrays)
    entries = {entry.key: entry for entry in _entries(base_filters, labels)}
    return {
        entry.weight: entry.converted(state[key])
        for key, entry in entries.items()
        if deep_supervision or not entry.weight.startswith("aux")
    }


@dataclass(frozen=True)
class _Entry:
    """One array of the original: its key and shape, and the weight that it becomes."""

    key: str
    shape: tuple[int, ...]
    weight: str

    def converted(self, array: np.ndarray) -> np.ndarray:
        # Kernels from (out, in, y, x) to (y, x, in, out), transposed ones from (in, out, y, x) to (y, x, out, in).
        return np.ascontiguousarray(array.transpose(2, 3, 1, 0) if array.ndim == 4 else array, dtype=np.float32)


def _entries(base_filters: int, labels: int) -> Iterator[_Entry]:
    """All arrays of the original without aliases and counters, in its order."""
    widths = [base_filters * factor for factor in (1, 2, 4, 8, 8)]
    previous = INPUT_CHANNELS
    for level, (positions, width) in enumerate(zip(_ENCODER_POSITIONS, widths, strict=True), start=1):
        name = f"encoder{level}" if level < len(widths) else "center"
        for index, position in enumerate(positions):
            yield from _convolution(f"encoder.{position}", f"{name}_conv{index}", previous, width)
            yield from _normalisation(f"encoder.{position + 1}", f"{name}_norm{index}", width)
            previous = width
    for number, level in enumerate(range(4, 0, -1), start=1):
        width, block = widths[level - 1], f"deblock{number}"
        yield _Entry(f"{block}.up.weight", (previous, width, 2, 2), f"decoder{level}_up/kernel")
        yield _Entry(f"{block}.up.bias", (width,), f"decoder{level}_up/bias")
        for index, entering in enumerate((2 * width, width)):
            convolution = f"{block}.conv.double_conv.{3 * index}"
            yield from _convolution(convolution, f"decoder{level}_conv{index}", entering, width)
            normalisation = f"{block}.conv.double_conv.{3 * index + 1}"
            yield from _normalisation(normalisation, f"decoder{level}_norm{index}", width)
        previous = width
    for level in range(4, 0, -1):
        simple = f"down{level}.simple_conv"
        yield from _convolution(f"{simple}.0", f"side{level}_conv", widths[level - 1], SIDE_FILTERS)
        yield from _normalisation(f"{simple}.1", f"side{level}_norm", SIDE_FILTERS)
    for level in range(1, 5):
        yield from _convolution(f"down_out{level}.single_conv", f"aux{level}_prediction", SIDE_FILTERS, labels)
    yield from _convolution("out1.simple_conv.0", "fusion_conv", 4 * SIDE_FILTERS, FUSION_FILTERS)
    yield from _normalisation("out1.simple_conv.1", "fusion_norm", FUSION_FILTERS)
    yield from _convolution("out2.single_conv", "prediction", FUSION_FILTERS, labels)


def _convolution(key: str, layer: str, entering: int, leaving: int) -> Iterator[_Entry]:
    yield _Entry(f"{key}.weight", (leaving, entering, 3, 3), f"{layer}/kernel")
    yield _Entry(f"{key}.bias", (leaving,), f"{layer}/bias")


def _normalisation(key: str, layer: str, channels: int) -> Iterator[_Entry]:
    for theirs, ours in _NORMALISATION_PARTS.items():
        yield _Entry(f"{key}.{theirs}", (channels,), f"{layer}/{ours}")


def _without_aliases(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The arrays under the keys of the flat encoder, without counters."""
    state: dict[str, np.ndarray] = {}
    for key, array in arrays.items():
        if _is_counter(key):
            continue
        flat = _flat_key(key)
        if flat in state and not np.array_equal(state[flat], array):
            raise StateError(f"{key} and its alias under {flat} hold different values; they must be the same array")
        state[flat] = array
    return state


def _is_counter(key: str) -> bool:
    return key.rpartition(".")[2] == _COUNTER


def _flat_key(key: str) -> str:
    """The key under the flat encoder."""
    module, _, part = key.rpartition(".")
    return f"{_ALIASES.get(module, module)}.{part}"


def _aliases() -> dict[str, str]:
    """Modules inside the blocks and their names in the flat encoder: `enblock2.1` is `encoder.7`."""
    aliases = {}
    for number, positions in enumerate(_ENCODER_POSITIONS, start=1):
        block = f"enblock{number}" if number < len(_ENCODER_POSITIONS) else "center"
        # All blocks but the first begin with the pooling.
        first = 0 if number == 1 else 1
        for index, position in enumerate(positions):
            for following in range(2):
                aliases[f"{block}.{first + 3 * index + following}"] = f"encoder.{position + following}"
    return aliases


_ALIASES = _aliases()
