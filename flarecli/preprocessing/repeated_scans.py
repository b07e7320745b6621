"""Detection of scans that a dataset holds under several names: folds would train on them and score them."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from flarecli.datasets.findings import Finding
from flarecli.preprocessing.outcomes import CaseOutcome

_NAMED = 3
"""Other cases that a warning names."""


def with_repeated_scans_named(outcomes: Sequence[CaseOutcome]) -> tuple[CaseOutcome, ...]:
    """The outcomes, with a warning for each case whose scan is that of another case.

    Scans of the same shape, voxel size and histogram of HU count as one, however their files are compressed.
    """
    keys = [_key(outcome) for outcome in outcomes]
    by_scan: dict[str | None, list[str]] = defaultdict(list)
    for outcome, key in zip(outcomes, keys, strict=True):
        by_scan[key].append(outcome.pair.name)
    by_scan[None] = []  # of faulty ones nothing is known
    return tuple(_with_warning(outcome, by_scan[key]) for outcome, key in zip(outcomes, keys, strict=True))


def _key(outcome: CaseOutcome) -> str | None:
    if outcome.figures is None or outcome.hu_counts is None:
        return None
    grid = f"{outcome.figures['shape_zyx']} {outcome.figures['spacing_mm']}".encode()
    return hashlib.sha256(grid + outcome.hu_counts.sum(axis=0).tobytes()).hexdigest()


def _with_warning(outcome: CaseOutcome, names: Sequence[str]) -> CaseOutcome:
    others = [name for name in names if name != outcome.pair.name]
    if not others:
        return outcome
    shown = f"{', '.join(others[:_NAMED])}{' ...' if len(others) > _NAMED else ''}"
    problem = (
        f"the scan is also that of {shown}: with folds it may be trained on under one name and scored under another"
    )
    return replace(outcome, findings=(*outcome.findings, Finding.warning("scan", problem, outcome.pair.scan)))
