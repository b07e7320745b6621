"""Quality check of each organ of a label map: good, check or failed, with the reasons."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import numpy as np

from flarecli.measures.calibration import CALIBRATIONS
from flarecli.measures.signals import OrganSignals

if TYPE_CHECKING:
    from flarecli.measures.statistics import OrganStatistics


class OrganQuality(StrEnum):
    """Result of the quality check of an organ."""

    GOOD = "good"
    CHECK = "check"
    FAILED = "failed"


@dataclass(frozen=True)
class OrganLimits:
    """Limits of the quality check for one organ.

    Attributes:
        volume_ml: Smallest and largest plausible volume.
        check_below_dsc: An estimated DSC below this is worth a review.
        failed_below_dsc: An estimated DSC below this counts as failed.
        check_above_border: A border uncertainty above this is worth a review.
    """

    volume_ml: tuple[float, float]
    check_below_dsc: float
    failed_below_dsc: float
    check_above_border: float


LIMITS: dict[str, OrganLimits] = {
    "liver": OrganLimits((500.0, 3800.0), 0.92, 0.50, 3.5),
    "kidneys": OrganLimits((80.0, 720.0), 0.86, 0.50, 3.5),
    "spleen": OrganLimits((30.0, 630.0), 0.92, 0.50, 3.5),
    "pancreas": OrganLimits((20.0, 205.0), 0.64, 0.20, 3.5),
}
"""Volumes: half the smallest to one and a half times the largest of the BTCV label maps, its one spleen of 3 L and
its one patient with hardly any kidney left out. The rest: chosen on scans of patients and synthetic ones, see
`docs/confidence.md`."""

_FAILED_VOLUME_SHARE = 0.25
"""An organ of less than this part of its smallest plausible volume is a fragment."""


@dataclass(frozen=True)
class OrganConfidence:
    """The quality check of one organ.

    Attributes:
        name: The organ.
        verdict: Good, check or failed.
        reasons: Why it is not good; empty where it is.
        estimated_dsc: The expected DSC, calibrated on scans of known labels; NaN where there is nothing to estimate.
        signals: Uncertainty of the network.
    """

    name: str
    verdict: OrganQuality
    reasons: tuple[str, ...]
    estimated_dsc: float
    signals: OrganSignals

    def as_dict(self) -> dict[str, Any]:
        """The result for JSON; NaN becomes null."""
        estimated = None if np.isnan(self.estimated_dsc) else round(self.estimated_dsc, 4)
        return {
            "verdict": str(self.verdict),
            "reasons": list(self.reasons),
            "estimated_dsc": estimated,
            **self.signals.as_dict(),
        }


def assess_organs(
    signals: Sequence[OrganSignals], statistics: Iterable[OrganStatistics]
) -> tuple[OrganConfidence, ...]:
    """Check the quality of each organ by the network's uncertainty and by its measurements.

    Args:
        signals: One entry an organ.
        statistics: Measurements of the organs of the final label map.
    """
    by_label = {organ.label: organ for organ in statistics}
    return tuple(_assess(signal, by_label[signal.label]) for signal in signals)


def _assess(signals: OrganSignals, measured: OrganStatistics) -> OrganConfidence:
    limits = LIMITS[measured.name]
    smallest_ml, largest_ml = limits.volume_ml
    estimated = CALIBRATIONS[measured.name].estimate(signals.expected_dsc)
    failures, doubts = [], []
    if not measured.voxels:
        failures.append("not found")
    else:
        if measured.volume_ml < _FAILED_VOLUME_SHARE * smallest_ml:
            failures.append(f"only {measured.volume_ml:.0f} mL")
        elif not smallest_ml <= measured.volume_ml <= largest_ml:
            doubts.append(f"{measured.volume_ml:.0f} mL, ordinary is {smallest_ml:.0f} to {largest_ml:.0f}")
        if np.isfinite(estimated) and estimated < limits.check_below_dsc:
            found = failures if estimated < limits.failed_below_dsc else doubts
            found.append(f"a DSC of about {estimated:.2f} is expected")
        if signals.border_uncertainty > limits.check_above_border:
            doubts.append("its border is uncertain")
        if measured.touches:
            doubts.append(f"reaches the {', '.join(measured.touches)} edge of the scan")
    verdict = OrganQuality.FAILED if failures else OrganQuality.CHECK if doubts else OrganQuality.GOOD
    return OrganConfidence(measured.name, verdict, (*failures, *doubts), estimated, signals)
