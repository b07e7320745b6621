"""What can be said of all cases of a report together."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from flarecli.measures.quality import OrganQuality
from flarecli.organs import ORGANS
from flarecli.report.cases import ReportCase, Status
from flarecli.report.distributions import Figure
from flarecli.report.reference import REFERENCE_HU, REFERENCE_VOLUMES_ML

JUDGEMENTS = (*(str(status) for status in Status if status is not Status.DONE), "failed", "check", "good", "not judged")
"""How a case can end, the most doubtful first."""

_NUMBER = re.compile(r"\d+(?:\.\d+)?")


@dataclass(frozen=True)
class OrganSummary:
    """One organ over all cases that have a result.

    Attributes:
        name: The organ.
        verdicts: Number of cases by verdict, and of those without one under "not judged".
        absent: In how many it was not found.
        outliers: In how many a figure is an outlier.
        volume_ml: Lowest, median and highest volume where it was found; None where it never was.
        mean_hu: Likewise.
    """

    name: str
    verdicts: dict[str, int]
    absent: int
    outliers: int
    volume_ml: tuple[float, float, float] | None
    mean_hu: tuple[float, float, float] | None


def judgements(cases: Iterable[ReportCase]) -> dict[str, int]:
    """Number of cases by how they ended, those that occur."""
    counts = Counter(case.judgement for case in cases)
    return {name: counts[name] for name in JUDGEMENTS if counts[name]}


def organ_summaries(cases: Sequence[ReportCase]) -> list[OrganSummary]:
    """One summary an organ."""
    done = [case for case in cases if case.organs]
    summaries = []
    for place, organ in enumerate(ORGANS):
        facts = [case.organs[place] for case in done]
        counts = Counter("not judged" if fact.verdict is None else str(fact.verdict) for fact in facts)
        summaries.append(
            OrganSummary(
                organ.name,
                {name: counts[name] for name in (*map(str, OrganQuality), "not judged")},
                sum(not fact.voxels for fact in facts),
                sum(bool(fact.outliers) for fact in facts),
                _spread(fact.volume_ml for fact in facts if fact.voxels),
                _spread(fact.mean_hu for fact in facts if fact.mean_hu is not None),
            )
        )
    return summaries


def figures(cases: Sequence[ReportCase]) -> list[tuple[Figure, Figure]]:
    """Volume and HU of each organ over all cases, as the plots need them."""
    pairs = []
    for place, organ in enumerate(ORGANS):
        both = []
        for attribute, unit, references in (
            ("volume_ml", "mL", REFERENCE_VOLUMES_ML),
            ("mean_hu", "HU", REFERENCE_HU),
        ):
            values = np.full(len(cases), np.nan)
            outlier = np.zeros(len(cases), np.bool_)
            for number, case in enumerate(cases):
                if case.organs and case.organs[place].voxels:
                    value = getattr(case.organs[place], attribute)
                    values[number] = np.nan if value is None else value
                    outlier[number] = any(f" {unit}," in text for text in case.organs[place].outliers)
            both.append(Figure(organ.name, unit, values, outlier, references[organ.name]))
        pairs.append((both[0], both[1]))
    return pairs


def made_with(cases: Iterable[ReportCase]) -> dict[str, dict[str, int]]:
    """System, weights, engine and version, each with the number of cases made with it."""
    done = [case for case in cases if case.status is Status.DONE]
    return {
        title: dict(Counter(str(getattr(case, attribute)) for case in done).most_common())
        for title, attribute in (
            ("system", "system"),
            ("weights", "weights"),
            ("engine", "engine"),
            ("flare", "version"),
        )
    }


def warning_kinds(cases: Iterable[ReportCase]) -> dict[str, int]:
    """Warnings that differ by their numbers alone count as one kind; the most frequent first."""
    return dict(Counter(kind for case in cases for kind in {*map(warning_kind, case.warnings)}).most_common())


def warning_kind(warning: str) -> str:
    """A warning with every number in it replaced."""
    return _NUMBER.sub("…", warning)


def spread_of(values: Iterable[float | None]) -> tuple[float, float, float] | None:
    """Lowest, median and highest of the values there are."""
    return _spread(value for value in values if value is not None)


def _spread(values: Iterable[float]) -> tuple[float, float, float] | None:
    there = list(values)
    if not there:
        return None
    low, median, high = np.quantile(there, (0.0, 0.5, 1.0)).tolist()
    return low, median, high
