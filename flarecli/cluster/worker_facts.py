"""Versions and weights that must be the same on all workers, so that results do not depend on the worker."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from flarecli import __version__
from flarecli.errors import InstallationError
from flarecli.prediction.predictor_facts import PredictorFacts
from flarecli.weights.card import Card

_SHOWN = 12  # digits of a checksum


@dataclass(frozen=True)
class WorkerFacts:
    """Everything that determines the result of a worker.

    Attributes:
        flare: Version of flare.
        python: Version of Python, without its last number.
        system: Name of the system.
        weights: Checksums of the weights, by network.
        backend: Backend and its version.
        device: "cpu" or "gpu".
        precision: What networks are computed in.
    """

    flare: str
    python: str
    system: str
    weights: str
    backend: str
    device: str
    precision: str

    def differences(self, other: WorkerFacts) -> tuple[str, str] | None:
        """What differs, as it is here and there; None where nothing does."""
        mine, others = asdict(self), asdict(other)
        names = [name for name in mine if mine[name] != others[name]]
        if not names:
            return None
        return tuple(", ".join(f"{name} {facts[name]}" for name in names) for facts in (mine, others))  # type: ignore[return-value]


def worker_facts(facts: PredictorFacts) -> WorkerFacts:
    """The facts of what predicts in this process's child."""
    runtime = facts.runtime
    return WorkerFacts(
        flare=__version__,
        python=_python(),
        system=facts.system,
        weights=_weights(facts.cards),
        backend=f"{runtime.backend} {runtime.version}",
        device=runtime.device,
        precision=runtime.precision,
    )


def check_same(workers: Mapping[str, WorkerFacts], cards: Mapping[str, Card]) -> WorkerFacts:
    """The facts of all workers.

    Args:
        workers: By address.
        cards: Cards of the weights that are chosen here, by network.

    Raises:
        InstallationError: when workers differ among each other, or from this installation.
    """
    (first, expected), *others = sorted(workers.items())
    for address, facts in others:
        if differences := facts.differences(expected):
            raise _differ(f"{address}: {differences[0]}", f"as {first}: {differences[1]}")
    here = (__version__, _python(), _weights(cards))
    for name, seen, wanted in zip(
        ("flare", "Python", "weights"), (expected.flare, expected.python, expected.weights), here, strict=True
    ):
        if seen != wanted:
            raise _differ(f"{name} {seen} on the workers", f"{name} {wanted}, as here")
    return expected


def _differ(seen: str, expected: str) -> InstallationError:
    return InstallationError(
        "the workers do not have the same versions and weights",
        seen=seen,
        expected=expected,
        remedy="Install the same versions and weights on every host, and restart the workers.",
    )


def _python() -> str:
    return ".".join(platform.python_version_tuple()[:2])


def _weights(cards: Mapping[str, Card]) -> str:
    return ", ".join(f"{network} {card.sha256[:_SHOWN]}" for network, card in sorted(cards.items()))
