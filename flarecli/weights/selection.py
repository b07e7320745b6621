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
    return WeightedSystem(at_sizes_of_cards(system, cards, paths), paths, cards)


def at_sizes_of_cards(system: System, cards: Mapping[str, Card], paths: Mapping[str, Path]) -> System:
    """The system with networks of the input sizes and widths that cards say.

    Args:
        system: The system.
        cards: The cards, by network.
        paths: The weights files, by network.

    Raises:
        InputError: for a size or width that a network cannot have.
    """
    shapes = {key: card.input_shape for key, card in cards.items() if card.input_shape is not None}
    filters = {key: card.base_filters for key, card in cards.items() if card.base_filters is not None}
    try:
        return system.at_input_shapes(shapes).at_base_filters(filters)
    except ValueError as error:
        sizes = [f"{key} {shape} in {card_path(paths[key])}" for key, shape in shapes.items()]
        sizes += [f"{key} {count} base filters in {card_path(paths[key])}" for key, count in filters.items()]
        raise InputError(
            f"cards of the weights say sizes which networks of {system.name} cannot have",
            seen="; ".join(sizes),
            expected=error,
            remedy="Correct input_shape and base_filters in the card, or import or train the weights again.",
        ) from error
