"""What decides whether a finished case is the one that is asked for; small, and able to cross process boundaries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from flarecli.engine import Runtime
from flarecli.prediction.cases import Case
from flarecli.prediction.output_options import OutputOptions
from flarecli.prediction.resume import completed_record
from flarecli.steps import Steps
from flarecli.weights.card import Card


class JudgesCases(Protocol):
    """Tells finished cases from others: a `Predictor`, or the facts of one that works in another process."""

    @property
    def files(self) -> tuple[Path, ...]: ...

    def load(self, steps: Steps) -> Runtime: ...

    def completed(self, case: Case, extras: OutputOptions, *, contents: bool = True) -> dict[str, Any]: ...


@dataclass(frozen=True)
class PredictorFacts:
    """What a `Predictor` is, without its networks.

    Attributes:
        system: Name of the system.
        cards: Cards of the weights, by network.
        region: What was asked of the region: a mode, or a box in world mm.
        runtime: What computes the networks.
        files: The weights files and their cards.
    """

    system: str
    cards: Mapping[str, Card]
    region: str | list[float]
    runtime: Runtime
    files: tuple[Path, ...]

    def load(self, steps: Steps) -> Runtime:
        """The runtime, which is known."""
        return self.runtime

    def completed(self, case: Case, extras: OutputOptions, *, contents: bool = True) -> dict[str, Any]:
        """The record of a case that an earlier run completed just as this predictor would.

        Args:
            case: The case.
            extras: Additional outputs that are asked for.
            contents: Whether scan and results are read and compared by their checksums.

        Raises:
            CaseDiffersError: when there is none; see `flarecli.prediction.resume`.
            InputError: when the scan cannot be read.
        """
        return completed_record(
            case,
            extras,
            system=self.system,
            cards=self.cards,
            region=self.region,
            runtime=self.runtime,
            contents=contents,
        )
