"""Export of release weights: float16 or 8 bits a weight, with their card."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from flarecli.engine.weights.eight_bits import CODES, LARGEST_ERROR, SCALE, coded, decoded, is_coded
from flarecli.engine.weights.file import check_structure
from flarecli.errors import InputError, OutputError
from flarecli.files.names import check_name
from flarecli.files.room import reserve_room
from flarecli.weights.card import WEIGHTS_SUFFIX, Card, write_weights

_WORTH_PACKING_BYTES = 16384
"""Smaller arrays become larger by compression."""

_WORTH_CODING_BYTES = 4096
"""Smaller kernels lose more by their scales than they gain."""

_LARGEST_ERROR = 2.0**-10
"""Of an array, relative. Rounding to float16 alone costs at most half of that."""


def release_weights(trained: Path, folder: Path, card: Card, *, bits: int = 16) -> Path:
    """Write `<network>.weights.h5` with its card.

    Arrays that float16 cannot hold are kept in float32, kernels that 8 bits change by more than one part in 64 in
    float16. In 16 bits Keras loads the file into float32 models as it is; in 8 bits `flare` alone does.

    Args:
        trained: Keras weights file in float32 or float16.
        folder: Where to; `--weights <folder>` then uses them.
        card: The card; its checksum is filled in here.
        bits: 16, or 8 for kernels in 8 bits a weight with one scale a channel; other arrays are always 16.

    Returns:
        The released file.

    Raises:
        InputError: when the card's network cannot be the name of a file, and for weights that are damaged or not
            finite.
        ValueError: for other bits.
    """
    if bits not in (8, 16):
        raise ValueError(f"weights are released in 8 or 16 bits, not in {bits}")
    destination = folder / f"{check_name(card.network, 'network')}{WEIGHTS_SUFFIX}"
    check_structure(trained)
    if bits == 8:
        card = replace(card, details={**card.details, "stored": "kernels in 8 bits a weight, one scale a channel"})
    write_weights(destination, card, lambda path: _copy(trained, path, bits))
    return destination


def _copy(source: Path, destination: Path, bits: int) -> None:
    import h5py

    reserve_room(destination, source.stat().st_size)
    with h5py.File(source) as full, h5py.File(destination, "w", libver="latest") as released:
        _copy_attributes(full, released)

        def copy(name: str, item: Any) -> None:
            if not isinstance(item, h5py.Dataset):
                _copy_attributes(item, released.require_group(name))
                return
            values = _stored_form(item[()], name, source)
            kernel = coded(item[()]) if bits == 8 and values.nbytes > _WORTH_CODING_BYTES else None
            if kernel is None:
                written = released.create_dataset(name, data=values, **_packing(values))
            else:
                written = released.create_group(name)
                codes, scale = kernel
                written.create_dataset(CODES, data=codes, **_packing(codes))
                written.create_dataset(SCALE, data=scale)
            _copy_attributes(item, written)

        full.visititems(copy)
    _check_copy(source, destination)


def _packing(values: np.ndarray) -> dict[str, Any]:
    if values.nbytes <= _WORTH_PACKING_BYTES:
        return {}
    return {"compression": "gzip", "compression_opts": 9, "shuffle": values.itemsize > 1, "chunks": values.shape}


def _stored_form(values: np.ndarray, name: str, source: Path) -> np.ndarray:
    """The values in float16, or in float32 where float16 would change them: beyond 65504, or too close to 0.

    Raises:
        InputError: for values that are not finite.
    """
    if not np.issubdtype(values.dtype, np.floating):
        return values
    with np.errstate(over="ignore"):
        values = np.asarray(values, np.float32)
    if not np.isfinite(values).all():
        raise InputError(
            "holds weights that are not finite",
            path=source,
            seen=name,
            expected="finite numbers (no NaN, no infinity)",
            remedy="Train again with a lower learning rate, or clip the gradients.",
        )
    with np.errstate(over="ignore", under="ignore"):
        half = values.astype(np.float16)
    return half if _relative_error(half, values) <= _LARGEST_ERROR else values


def _relative_error(stored: np.ndarray, values: np.ndarray) -> float:
    """Length of the difference over that of the values, as vectors."""
    largest = float(np.abs(values).max(initial=0.0))
    if largest == 0:
        return float("inf") if stored.any() else 0.0
    if not np.isfinite(stored).all():
        return float("inf")
    scaled = values.astype(np.float64) / largest
    return float(np.linalg.norm(stored.astype(np.float64) / largest - scaled) / np.linalg.norm(scaled))


def _check_copy(source: Path, destination: Path) -> None:
    """Read back what was written.

    Raises:
        OutputError: when it is not what was to be written.
    """
    import h5py

    with h5py.File(source) as full, h5py.File(destination) as written:

        def compare(name: str, item: Any) -> None:
            if not isinstance(item, h5py.Dataset):
                return
            values, stored, largest = item[()], written[name], _LARGEST_ERROR
            if is_coded(stored):
                stored, largest = decoded(stored, destination), LARGEST_ERROR
            if values.shape != stored.shape or not _relative_error(stored[()], values) <= largest:
                raise OutputError(
                    "does not hold what was written to it",
                    path=destination,
                    seen=f"other values of {name}",
                    remedy="Check the disk or network drive, and run the same command again.",
                )

        full.visititems(compare)


def _copy_attributes(source: Any, destination: Any) -> None:
    for key, value in source.attrs.items():
        destination.attrs[key] = value
