"""Calibration of the expected DSC, and its fit."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest

from benchmarks.calibration import fitted
from flarecli.measures.calibration import CALIBRATIONS, Calibration
from flarecli.measures.quality import LIMITS


@pytest.mark.parametrize("organ", CALIBRATIONS)
def test_estimates_rise_from_0_to_1(organ: str) -> None:
    law = CALIBRATIONS[organ]
    estimates = [law.estimate(value) for value in np.linspace(0, 1, 101)]
    assert estimates[0] == 0
    assert estimates[-1] == 1
    assert all(lower <= higher for lower, higher in pairwise(estimates))
    assert law.estimate(10.0) == 1
    assert law.estimate(-1e300) == 0
    assert math.isnan(law.estimate(float("nan")))


@pytest.mark.parametrize("organ", CALIBRATIONS)
def test_a_sure_network_is_not_flagged_and_an_unsure_one_is(organ: str) -> None:
    limits = LIMITS[organ]
    assert CALIBRATIONS[organ].estimate(0.97) > limits.check_below_dsc
    assert limits.failed_below_dsc < limits.check_below_dsc
    assert CALIBRATIONS[organ].estimate(0.7) < limits.check_below_dsc


def test_the_fit_finds_the_law_again() -> None:
    law = Calibration(2.6, 1.1)
    expected = np.linspace(0.7, 0.98, 25)
    found = fitted(expected, np.array([law.estimate(value) for value in expected]))
    for value in (0.75, 0.9, 0.97):
        assert found.estimate(value) == pytest.approx(law.estimate(value), abs=0.01)
