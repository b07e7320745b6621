"""The card that goes with every weights file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from flarecli.errors import InputError
from flarecli.files.atomic import atomic_path, write_json
from flarecli.files.destinations import check_destination
from flarecli.files.sources import opened

WEIGHTS_SUFFIX = ".weights.h5"

_TEXTS = ("system", "network", "set_name", "title", "source", "licence", "date", "sha256")
_LARGEST_BYTES = 4_000_000
_LARGEST_SIZE = 4096
_MOST_FILTERS = 512
_SHOWN = 200


@dataclass(frozen=True)
class Card:
    """What a weights file is, and where it comes from.

    Attributes:
        system: Name of the system.
        network: Key of the network within the system.
        set_name: Name of the set it belongs to ("starter", "published").
        title: One line that says plainly what the weights are.
        source: Where they come from: a publication and its repository, or the data trained on.
        licence: SPDX identifier.
        date: Day on which the file was written, ISO 8601.
        sha256: Checksum of the weights file.
        input_shape: Size of the network's input, (z, y, x), or (rows, columns) of a slice, where it is one and the
            same. Prediction takes it, too; the usual one where None.
        base_filters: Channels of the finest level, where the network was trained with others than its usual ones.
        details: Whatever else is known: recipe, iterations, hardware, attribution, results, failures.
    """

    system: str
    network: str
    set_name: str
    title: str
    source: str
    licence: str
    date: str
    sha256: str
    input_shape: tuple[int, ...] | None = None
    base_filters: int | None = None
    details: dict[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """For records and for writing."""
        content = asdict(self)
        for name in ("input_shape", "base_filters"):
            if content[name] is None:
                del content[name]
        return content


def card_path(weights: Path) -> Path:
    """Where the card of a weights file lies: beside it, `.json` in the place of `.weights.h5`."""
    return weights.with_name(weights.name.removesuffix(WEIGHTS_SUFFIX) + ".json")


def read_card(weights: Path) -> Card:
    """Read the card of a weights file.

    Raises:
        InputError: when it is missing or not a card.
    """
    path = card_path(weights)
    if not path.exists() and not path.is_symlink():
        raise InputError(
            "has no card beside it",
            path=weights,
            expected=path.name,
            remedy="Keep weights and their .json together, or import the weights again with `flare weights import`.",
        )
    with opened(path) as file:
        text = file.read(_LARGEST_BYTES + 1)
    try:
        if len(text) > _LARGEST_BYTES:
            raise ValueError(f"more than {_LARGEST_BYTES:,} bytes")
        return _card_of(json.loads(text))
    except (ValueError, RecursionError) as error:
        raise InputError(
            "is not a card of weights",
            path=path,
            seen=str(error)[:_SHOWN],
            expected="JSON with the fields of a card, such as system, network and sha256",
            remedy="Import or train the weights again, or correct the card.",
        ) from error


def _card_of(content: Any) -> Card:
    """A card with every field checked.

    Raises:
        ValueError: for fields that are missing, unknown or of another type.
    """
    if not isinstance(content, dict):
        raise ValueError(f"a {type(content).__name__}")
    known = {field.name for field in fields(Card)}
    missing, unknown = [name for name in _TEXTS if name not in content], sorted(set(content) - known)
    if missing or unknown:
        raise ValueError(f"fields that are missing: {missing[:3]}, unknown: {unknown[:3]}")
    for name in _TEXTS:
        if not isinstance(content[name], str):
            raise ValueError(f"{name} is {content[name]!r:.60}, not a string")
    for name in ("system", "network", "set_name"):
        if not content[name].isprintable():
            raise ValueError(f"{name} is {content[name]!r:.60}, not a name")
    if not isinstance(content.get("details", {}), dict):
        raise ValueError("details are not a table")
    filters = content.get("base_filters")
    if filters is not None and not (type(filters) is int and 0 < filters <= _MOST_FILTERS):
        raise ValueError(f"base_filters are {filters!r:.60}, expected 1 to {_MOST_FILTERS}")
    shape = content.get("input_shape")
    if shape is None:
        return Card(**content)
    is_list = isinstance(shape, list) and len(shape) in (2, 3)
    if not is_list or not all(type(size) is int and 0 < size <= _LARGEST_SIZE for size in shape):
        raise ValueError(f"input_shape is {shape!r:.60}, expected two or three sizes from 1 to {_LARGEST_SIZE}")
    return Card(**{**content, "input_shape": tuple(shape)})


def write_card(weights: Path, card: Card) -> None:
    """Write the card beside its weights file, atomically."""
    write_json(card_path(weights), card.as_dict())


def write_weights(weights: Path, card: Card, write: Callable[[Path], None]) -> Card:
    """Write a weights file and its card, so that at no moment a file passes for another set.

    The card comes into place first: a file of an earlier set that still lies beside it does not have its checksum, and
    is refused.

    Args:
        weights: The weights file.
        card: Its card; the checksum is filled in here.
        write: Writes the weights to the path that it is given.

    Returns:
        The card with its checksum.

    Raises:
        OutputError: when one of both cannot be written.
    """
    check_destination(card_path(weights))
    with atomic_path(weights) as temporary:
        write(temporary)
        complete = replace(card, sha256=sha256_of(temporary))
        write_card(weights, complete)
    return complete


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
