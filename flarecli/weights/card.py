"""The card that goes with every weights file."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from flarecli.atomic import write_json
from flarecli.errors import InputError

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
    details: dict[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """For records and for writing."""
        return asdict(self)


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
        return Card(**json.loads(path.read_text(encoding="utf-8")))
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
