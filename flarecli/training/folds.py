"""Splits of cases into training and validation: folds, and held-out fractions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from flarecli.counts import counted
from flarecli.errors import UsageError
from flarecli.training.randomness import Purpose, generator

FOLDS = 4
"""Source: EfficientSCN code, EfficientSegNet code."""


@dataclass(frozen=True)
class Split:
    """Names of cases, each part sorted.

    Attributes:
        training: Cases for training.
        validation: Held-out cases; may be empty.
    """

    training: tuple[str, ...]
    validation: tuple[str, ...]


def k_folds(names: Sequence[str], seed: int, folds: int = FOLDS) -> tuple[Split, ...]:
    """Shuffle cases into folds of equal size, the later ones one larger where that does not come out even.

    361 cases in four folds give 90, 90, 90 and 91, as the published split of EfficientSCN.

    Raises:
        UsageError: for fewer than two folds, or fewer cases than folds.
    """
    if not 2 <= folds <= len(names):
        raise UsageError(
            "the cases cannot be split into so many folds",
            seen=f"{folds} folds of {counted(len(names), 'case')}",
            expected="at least two folds with a case each",
            remedy="Give --folds another number.",
        )
    shuffled = _shuffled(names, seed)
    starts = [len(names) * index // folds for index in range(folds + 1)]
    return tuple(
        Split(tuple(sorted(shuffled[:start] + shuffled[stop:])), tuple(sorted(shuffled[start:stop])))
        for start, stop in pairwise(starts)
    )


def fold_number(text: str) -> int | None:
    """The number that a text is, whether there is such a fold or not; None where it is none."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else None


def held_out(names: Sequence[str], share: float, seed: int) -> Split:
    """Hold out a fraction of the cases, at least one unless the fraction is 0 or there is only one case."""
    shuffled = _shuffled(names, seed)
    count = min(max(1, round(share * len(names))), len(names) - 1) if share > 0 else 0
    return Split(tuple(sorted(shuffled[count:])), tuple(sorted(shuffled[:count])))


def _shuffled(names: Sequence[str], seed: int) -> list[str]:
    order = generator(seed, Purpose.FOLDS, 0).permutation(len(names))
    ordered = sorted(names)
    return [ordered[index] for index in order]
