"""A system with the weights that were chosen for it, at the sizes that these were trained at."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from flarecli.errors import InputError
from flarecli.systems import system_named
from flarecli.systems.base import System
from flarecli.weights.card import Card, card_path, read_card
from flarecli.weights.store import resolve_weights


@dataclass(frozen=True)
class WeightedSystem:
    """A system, and a weights file for each of its networks.

    Attributes:
        system: With networks of the sizes that the cards give.
        paths: The weights files, by network.
        cards: Their cards, by network.
    """

    system: System
    paths: dict[str, Path]
    cards: dict[str, Card]


def weighted_system(name: str, choices: Iterable[str] = ()) -> WeightedSystem:
    """Choose weights for all networks of a system.

    Args:
        name: Name of the system.
        choices: What the user asked for; see `resolve_weights`.

    Raises:
        UsageError: for an unknown system or network.
        InputError: for weights that are not there, and for a card with a size that its network cannot have.
    """
    system = system_named(name)
    paths = resolve_weights(system.name, [spec.key for spec in system.networks], choices)
    cards = {key: read_card(path) for key, path in paths.items()}
    shapes = {key: card.input_shape for key, card in cards.items() if card.input_shape is not None}
    try:
        sized = system.at_input_shapes(shapes)
    except ValueError as error:
        raise InputError(
            f"cards of the weights say sizes which networks of {name} cannot have",
            seen="; ".join(f"{key} {shape} in {card_path(paths[key])}" for key, shape in shapes.items()),
            expected=error,
            remedy="Correct input_shape in the card, or import or train the weights again.",
        ) from error
    return WeightedSystem(sized, paths, cards)
