"""Calibration of the expected DSC: from what the probabilities promise to what label maps of patients show."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Calibration:
    """Power law between the expected and the true error of an organ: 1 - DSC = factor * (1 - expected) ** exponent.

    Networks trained with a Dice loss are too sure of themselves, the more so the harder an organ is.

    Attributes:
        factor: Factor of the law.
        exponent: Its exponent.
    """

    factor: float
    exponent: float

    def estimate(self, expected_dsc: float) -> float:
        """The DSC to be expected, 0 to 1; NaN for NaN.

        Args:
            expected_dsc: Expected DSC if the probabilities were calibrated, `OrganSignals.expected_dsc`.
        """
        if expected_dsc != expected_dsc:
            return expected_dsc
        error = 1 - min(max(expected_dsc, 0.0), 1.0)
        return max(1 - self.factor * error**self.exponent, 0.0)


CALIBRATIONS: dict[str, Calibration] = {
    "liver": Calibration(5.47, 1.4),
    "kidneys": Calibration(330.0, 2.9),
    "spleen": Calibration(4.26, 1.3),
    "pancreas": Calibration(3.32, 1.1),
}
"""Fitted by `benchmarks/calibration.py` to whole predictions of flarelite on scans that its weights were not trained
on; `docs/confidence.md` says on which, and how well they hold."""
