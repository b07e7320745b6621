"""Cases that lie far from the others of the same report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from flarecli.report.cases import OrganFacts, ReportCase

_FAR_OUT_IQR = 3.0
"""Beyond so many quartile ranges a value is "far out". Source: J. W. Tukey, Exploratory Data Analysis, 1977."""

_LEAST_CASES = 12
"""With fewer the quartiles say little."""


def with_far_values(cases: Sequence[ReportCase]) -> list[ReportCase]:
    """The cases, with the volumes and HU marked that are far from those of the others, organ by organ."""
    found: dict[tuple[int, str], list[str]] = {}
    names = [organ.name for organ in next((case.organs for case in cases if case.organs), ())]
    for place, name in enumerate(names):
        for attribute, unit in (("volume_ml", "mL"), ("mean_hu", "HU")):
            values = [
                (number, float(getattr(case.organs[place], attribute)))
                for number, case in enumerate(cases)
                if case.organs and case.organs[place].voxels and getattr(case.organs[place], attribute) is not None
            ]
            if len(values) < _LEAST_CASES:
                continue
            lower, upper = np.quantile([value for _, value in values], (0.25, 0.75)).tolist()
            reach = _FAR_OUT_IQR * (upper - lower)
            for number, value in values:
                if not lower - reach <= value <= upper + reach:
                    text = f"{value:.0f} {unit}, half of the cases lie within {lower:.0f} to {upper:.0f}"
                    found.setdefault((number, name), []).append(text)
    return [_marked(case, [found.get((number, name), []) for name in names]) for number, case in enumerate(cases)]


def _marked(case: ReportCase, texts: Sequence[Sequence[str]]) -> ReportCase:
    if not case.organs or not any(texts):
        return case
    organs: list[OrganFacts] = [
        replace(organ, outliers=(*organ.outliers, *more)) for organ, more in zip(case.organs, texts, strict=True)
    ]
    return replace(case, organs=tuple(organs))
