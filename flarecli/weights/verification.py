"""Whether a weights file is what its card says, and can be used by its network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flarecli.engine.keras_model import model_with_weights
from flarecli.engine.runtime import Runtime
from flarecli.engine.weights.file import checked_sha256
from flarecli.engine.weights.values import constant_layers, warning_of
from flarecli.errors import FlareError, InputError
from flarecli.systems import system_named
from flarecli.weights.card import Card, card_path
from flarecli.weights.installed import Installed
from flarecli.weights.selection import at_sizes_of_cards


@dataclass(frozen=True)
class Verified:
    """Result of checking a weights file and its card.

    Attributes:
        found: The file.
        problem: Why it cannot be used; None where it can.
        warning: What to know about it nevertheless.
    """

    found: Installed
    problem: FlareError | None = None
    warning: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """For programs."""
        return {
            "path": str(self.found.path),
            "sha256": None if self.found.card is None else self.found.card.sha256,
            "intact": self.problem is None,
            "problem": None if self.problem is None else self.problem.as_dict(),
            "warning": self.warning,
        }

    def sentence(self) -> str:
        """For people."""
        name = f"{self.found.system}/{self.found.network} ({self.found.set_name})"
        if self.problem is not None:
            return f"{name}: DAMAGED, {self.problem}"
        return f"{name}: intact" + ("" if self.warning is None else f", but {self.warning}")


def verified(found: Installed, runtime: Runtime) -> Verified:
    """Compare a file with its card, and load it into its network."""
    try:
        card = found.sound_card
        checked_sha256(found.path, card.sha256)
        return Verified(found, warning=_warning(found, card, runtime))
    except FlareError as problem:
        return Verified(found, problem)


def _warning(found: Installed, card: Card, runtime: Runtime) -> str | None:
    system = at_sizes_of_cards(system_named(card.system), {card.network: card}, {card.network: found.path})
    specs = {spec.key: spec for spec in system.networks}
    if card.network not in specs:
        raise InputError(
            f"is for a network that {card.system} does not have",
            path=card_path(found.path),
            seen=card.network,
            expected=", ".join(specs),
            remedy="Correct the card, or remove the weights and their card.",
        )
    model = model_with_weights(specs[card.network].build, found.path, runtime)
    return warning_of(card.network, constant_layers(model))
