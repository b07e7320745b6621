"""A system with the weights that were chosen for it, at the sizes that these were trained at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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

    @property
    def files(self) -> tuple[Path, ...]:
        """The weights files and their cards."""
        return tuple(path for weights in self.paths.values() for path in (weights, card_path(weights)))


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
        raise wrong_size(name, shapes, paths, error) from error
    return WeightedSystem(sized, paths, cards)


def wrong_size(
    system: str, shapes: Mapping[str, tuple[int, ...]], paths: Mapping[str, Path], error: ValueError
) -> InputError:
    """The error for cards with sizes that networks cannot have.

    Args:
        system: Name of the system.
        shapes: The sizes, by network.
        paths: The weights files, by network.
        error: What is wrong with the sizes.
    """
    return InputError(
        f"cards of the weights say sizes which networks of {system} cannot have",
        seen="; ".join(f"{key} {shape} in {card_path(paths[key])}" for key, shape in shapes.items()),
        expected=error,
        remedy="Correct input_shape in the card, or import or train the weights again.",
    )
