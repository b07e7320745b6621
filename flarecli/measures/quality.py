"""Quality check of each organ of a label map: good, check or failed, with the reasons."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np

from flarecli.measures.anatomy.findings import Findings, anatomy_findings
from flarecli.measures.anatomy.shapes import OrganShape
from flarecli.measures.calibration import Calibration
from flarecli.measures.signals import NO_SIGNALS, OrganSignals
from flarecli.measures.statistics import OrganStatistics
from flarecli.organs import BOTH_KIDNEYS_NAME, LEFT_KIDNEY_NAME, RIGHT_KIDNEY_NAME


class OrganQuality(StrEnum):
    """Result of the quality check of an organ."""

    GOOD = "good"
    CHECK = "check"
    FAILED = "failed"


class Evidence(StrEnum):
    """What a quality check rests on."""

    ANATOMY = "anatomy"
    """Size, parts, tissue, shape and position in the label map."""
    PROBABILITIES = "probabilities"
    """Uncertainty of the network, from its class probabilities."""


@dataclass(frozen=True)
class UncertaintyLimits:
    """Limits of a network's uncertainty about one organ.

    Attributes:
        check_below_dsc: An estimated DSC below this is worth a review.
        failed_below_dsc: An estimated DSC below this counts as failed.
        check_above_border: A border uncertainty above this is worth a review.
    """

    check_below_dsc: float
    failed_below_dsc: float
    check_above_border: float


LIMITS: dict[str, UncertaintyLimits] = {
    "liver": UncertaintyLimits(0.92, 0.50, 3.5),
    "kidneys": UncertaintyLimits(0.86, 0.50, 3.5),
    "spleen": UncertaintyLimits(0.92, 0.50, 3.5),
    "pancreas": UncertaintyLimits(0.64, 0.20, 3.5),
}
"""Chosen on scans of patients and synthetic ones, see `docs/confidence.md`."""


@dataclass(frozen=True)
class OrganConfidence:
    """The quality check of one organ.

    Attributes:
        name: The organ.
        verdict: Good, check or failed.
        reasons: Why it is not good; empty where it is.
        estimated_dsc: The expected DSC, calibrated on scans of known labels; NaN where there is nothing to estimate, or
            no calibration for the system.
        signals: Uncertainty of the network; None for systems whose scores are no probabilities.
        shapes: Shape of the organ, or of each kidney; empty where it was not found.
    """

    name: str
    verdict: OrganQuality
    reasons: tuple[str, ...]
    estimated_dsc: float = float("nan")
    signals: OrganSignals | None = None
    shapes: tuple[OrganShape, ...] = field(default=(), repr=False)

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """What the verdict rests on."""
        return (Evidence.ANATOMY,) if self.signals is None else (Evidence.ANATOMY, Evidence.PROBABILITIES)

    def as_dict(self) -> dict[str, Any]:
        """The result for JSON; what is not known is null."""
        estimated = None if np.isnan(self.estimated_dsc) else round(self.estimated_dsc, 4)
        signals = dict.fromkeys(NO_SIGNALS.as_dict()) if self.signals is None else self.signals.as_dict()
        return {
            "verdict": str(self.verdict),
            "reasons": list(self.reasons),
            "evidence": list(map(str, self.evidence)),
            "estimated_dsc": estimated,
            **signals,
            "shapes": {shape.name: shape.as_dict() for shape in self.shapes},
        }


def assess_organs(
    organs: Sequence[OrganStatistics],
    kidneys: Sequence[OrganStatistics],
    shapes: Mapping[str, OrganShape],
    slice_mm: float,
    *,
    signals: Iterable[OrganSignals] = (),
    calibrations: Mapping[str, Calibration] | None = None,
) -> tuple[OrganConfidence, ...]:
    """Check the quality of each organ by anatomy and, where there is any, by the network's uncertainty.

    Args:
        organs: Measurements of the organs of the final label map.
        kidneys: Those of the right and the left kidney alone.
        shapes: Shapes of what was found, by name; the kidneys apart.
        slice_mm: Distance between the slices.
        signals: Uncertainty of the network, one entry an organ; none for systems whose scores are no probabilities.
        calibrations: By organ, fitted to these signals of the same system; without them no DSC is estimated.
    """
    findings = anatomy_findings(organs, kidneys, shapes, slice_mm)
    by_label = {signal.label: signal for signal in signals}
    return tuple(
        _assess(organ, findings[organ.name], by_label.get(organ.label), calibrations or {}, shapes) for organ in organs
    )


def _assess(
    organ: OrganStatistics,
    findings: Findings,
    signals: OrganSignals | None,
    calibrations: Mapping[str, Calibration],
    shapes: Mapping[str, OrganShape],
) -> OrganConfidence:
    failures, doubts = list(findings.failures), list(findings.doubts)
    estimated = float("nan")
    if signals is not None:
        if organ.name in calibrations:
            estimated = calibrations[organ.name].estimate(signals.expected_dsc)
        if organ.voxels:
            limits = LIMITS[organ.name]
            if estimated < limits.check_below_dsc:  # not where it is NaN
                found = failures if estimated < limits.failed_below_dsc else doubts
                found.append(f"a DSC of about {estimated:.2f} is expected")
            if signals.border_uncertainty > limits.check_above_border:
                doubts.append("its border is uncertain")
    verdict = OrganQuality.FAILED if failures else OrganQuality.CHECK if doubts else OrganQuality.GOOD
    parts = (RIGHT_KIDNEY_NAME, LEFT_KIDNEY_NAME) if organ.name == BOTH_KIDNEYS_NAME else (organ.name,)
    own = tuple(shapes[part] for part in parts if part in shapes)
    return OrganConfidence(organ.name, verdict, (*failures, *doubts), estimated, signals, own)
