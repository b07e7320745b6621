"""Weights that a run is given: those that it starts from, and those of the network whose scores are its input."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flarecli.counts import counted
from flarecli.training.recipe import Recipe
from flarecli.weights.card import Card, read_card
from flarecli.weights.store import resolve_weights

INITIAL = "initial_weights"
FIRST_STAGE = "first_stage"

CASES = "training_cases"

_NAMED = 5
"""Cases that a warning names."""


@dataclass(frozen=True)
class GivenWeights:
    """A weights file that a run is given.

    Attributes:
        role: `INITIAL` or `FIRST_STAGE`.
        path: The file.
        card: Its card.
    """

    role: str
    path: Path
    card: Card

    @property
    def training_cases(self) -> frozenset[str]:
        """Names of cases that its card says it was trained on, in its own run or in those that this started from."""
        data, before = self.card.details.get("data"), self.card.details.get(INITIAL)
        return _names(data, "training") | _names(before, CASES)

    @property
    def facts(self) -> dict[str, Any]:
        """What the card of weights that are trained with these says of them, JSON."""
        return {
            "title": self.card.title,
            "source": self.card.source,
            "licence": self.card.licence,
            "sha256": self.card.sha256,
            CASES: sorted(self.training_cases),
        }

    def seen_of(self, held_out: Collection[str]) -> tuple[str, ...]:
        """Those of the held-out cases that it was trained on, by name."""
        return tuple(sorted(self.training_cases.intersection(held_out)))


def _names(table: object, key: str) -> frozenset[str]:
    names = table.get(key) if isinstance(table, dict) else None
    return frozenset(filter(lambda name: isinstance(name, str), names)) if isinstance(names, list) else frozenset()


def given_weights(recipe: Recipe, initial_weights: str | None) -> tuple[GivenWeights, ...]:
    """The weights that a run is given.

    Args:
        recipe: The recipe, which may name a first stage.
        initial_weights: Weights to start from, as `flare predict --weights` takes them; None for random ones.

    Raises:
        InputError: when they are not there, or have no sound card.
    """
    choices = {}
    if initial_weights is not None:
        choices[INITIAL] = (recipe.network, [initial_weights])
    if (first := recipe.first_stage) is not None:
        choices[FIRST_STAGE] = (first.network, [first.weights] if first.weights else [])
    found = []
    for role, (network, wanted) in choices.items():
        path = resolve_weights(recipe.system, [network], wanted)[network]
        found.append(GivenWeights(role, path, read_card(path)))
    return tuple(found)


def seen_warnings(given: Iterable[GivenWeights], held_out: Collection[str]) -> list[str]:
    """A sentence for weights that were trained on held-out cases, whose scores are then too good."""
    sentences = []
    for weights in given:
        if not (seen := weights.seen_of(held_out)):
            continue
        names = f"{', '.join(seen[:_NAMED])}{' ...' if len(seen) > _NAMED else ''}"
        sentences.append(
            f"{weights.path} ({weights.role}) was trained on {len(seen)} of {counted(len(held_out), 'held-out case')} "
            f"({names}), going by their names: scores of these are too good. For scores that hold, give weights that "
            "were trained with the same --fold and --seed, or on other cases"
        )
    return sentences
