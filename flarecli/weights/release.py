"""Export of release weights: float16, with their card."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from flarecli.files.atomic import atomic_path
from flarecli.files.names import check_name
from flarecli.files.room import reserve_room
from flarecli.weights.card import WEIGHTS_SUFFIX, Card, sha256_of, write_card

_WORTH_PACKING_BYTES = 16384
"""Smaller arrays grow by the bookkeeping of compression."""


def release_weights(trained: Path, folder: Path, card: Card) -> Path:
    """Write `<network>.weights.h5` in float16 with its card; Keras loads it into float32 models as it is.

    Args:
        trained: Keras weights file in float32.
        folder: Where to; `--weights <folder>` then uses them.
        card: The card; its checksum is filled in here.

    Returns:
        The released file.

    Raises:
        InputError: when the card's network cannot be the name of a file.
    """
    destination = folder / f"{check_name(card.network, 'network')}{WEIGHTS_SUFFIX}"
    with atomic_path(destination) as temporary:
        _copy_in_half_precision(trained, temporary)
        checksum = sha256_of(temporary)
    write_card(destination, Card(**{**card.as_dict(), "sha256": checksum}))
    return destination


def _copy_in_half_precision(source: Path, destination: Path) -> None:
    import h5py

    reserve_room(destination, source.stat().st_size)
    with h5py.File(source) as full, h5py.File(destination, "w") as half:
        _copy_attributes(full, half)

        def copy(name: str, item: Any) -> None:
            if not isinstance(item, h5py.Dataset):
                _copy_attributes(item, half.require_group(name))
                return
            values = item[()]
            is_float = np.issubdtype(values.dtype, np.floating)
            packing = {"compression": "gzip", "shuffle": True} if values.nbytes > _WORTH_PACKING_BYTES else {}
            half.create_dataset(name, data=values.astype(np.float16) if is_float else values, **packing)

        full.visititems(copy)


def _copy_attributes(source: Any, destination: Any) -> None:
    for key, value in source.attrs.items():
        destination.attrs[key] = value
