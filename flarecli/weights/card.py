"""The card that goes with every weights file."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from flarecli.errors import InputError
from flarecli.files.atomic import write_json

WEIGHTS_SUFFIX = ".weights.h5"


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
        date: Day on which the file was made, ISO 8601.
        sha256: Checksum of the weights file.
        input_shape: Size of the network's input, (z, y, x), or (rows, columns) of a slice, where it is one and the
            same. Prediction takes it, too; the usual one where None.
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
    details: dict[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """For records and for writing."""
        content = asdict(self)
        if self.input_shape is None:
            del content["input_shape"]
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
    try:
        card = Card(**json.loads(path.read_text(encoding="utf-8")))
        return card if card.input_shape is None else replace(card, input_shape=tuple(card.input_shape))
    except FileNotFoundError as error:
        raise InputError(
            "has no card beside it",
            path=weights,
            expected=path.name,
            remedy="Keep weights and their .json together, or import the weights again with `flare weights import`.",
        ) from error
    except (OSError, ValueError, TypeError) as error:
        raise InputError(
            "is not a card of weights",
            path=path,
            seen=error,
            remedy="Import the weights again with `flare weights import`.",
        ) from error


def write_card(weights: Path, card: Card) -> None:
    """Write the card beside its weights file, atomically."""
    write_json(card_path(weights), card.as_dict())


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
