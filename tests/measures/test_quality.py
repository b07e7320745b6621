"""Good, check or failed, with the reasons: anatomy and, where there is any, the network's uncertainty."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flarecli.measures.calibration import CALIBRATIONS
from flarecli.measures.quality import Evidence, OrganConfidence, OrganQuality, assess_organs
from flarecli.measures.signals import OrganSignals
from flarecli.measures.statistics import OrganStatistics

SURE = OrganSignals(3, expected_dsc=0.98, mean_margin=0.95, border_uncertainty=1.5, probability_ml=210.0)
ORDINARY = OrganStatistics(3, "spleen", voxels=26_000, volume_ml=208.0)


def assessed(
    signals: OrganSignals | None = SURE, measured: OrganStatistics = ORDINARY, *, calibrated: bool = True
) -> OrganConfidence:
    (found,) = assess_organs(
        [measured],
        [],
        {},
        3.0,
        signals=[] if signals is None else [signals],
        calibrations=CALIBRATIONS if calibrated else None,
    )
    return found


def judged(signals: OrganSignals | None = SURE, measured: OrganStatistics = ORDINARY) -> tuple[OrganQuality, str]:
    found = assessed(signals, measured)
    return found.verdict, "; ".join(found.reasons)


def test_a_sure_organ_of_ordinary_size_is_good() -> None:
    assert judged() == (OrganQuality.GOOD, "")


@pytest.mark.parametrize("signals", [None, OrganSignals(3, float("nan"), 0.0, 0.0, 0.0)])
def test_an_organ_that_was_not_found_failed(signals: OrganSignals | None) -> None:
    assert judged(signals, OrganStatistics(3, "spleen")) == (OrganQuality.FAILED, "not found")


@pytest.mark.parametrize("signals", [None, SURE])
def test_a_fragment_failed(signals: OrganSignals | None) -> None:
    verdict, reasons = judged(signals, replace(ORDINARY, volume_ml=5.0))
    assert verdict is OrganQuality.FAILED
    assert "only 5 mL" in reasons


@pytest.mark.parametrize("signals", [None, SURE])
@pytest.mark.parametrize("volume_ml", [25.0, 1200.0])
def test_an_unusual_volume_is_to_be_checked(signals: OrganSignals | None, volume_ml: float) -> None:
    verdict, reasons = judged(signals, replace(ORDINARY, volume_ml=volume_ml))
    assert verdict is OrganQuality.CHECK
    assert "ordinary is 30 to 630" in reasons


def test_what_the_network_doubts_is_to_be_checked_and_what_it_disbelieves_failed() -> None:
    assert judged(replace(SURE, expected_dsc=0.85))[0] is OrganQuality.CHECK
    assert judged(replace(SURE, expected_dsc=0.5))[0] is OrganQuality.FAILED
    assert judged(replace(SURE, border_uncertainty=9.0)) == (OrganQuality.CHECK, "its border is uncertain")


def test_an_organ_at_the_edge_of_the_scan_is_to_be_checked() -> None:
    verdict, reasons = judged(measured=replace(ORDINARY, touches=("superior", "left")))
    assert verdict is OrganQuality.CHECK
    assert "superior, left edge" in reasons


def test_all_reasons_are_given() -> None:
    _, reasons = judged(replace(SURE, expected_dsc=0.5), replace(ORDINARY, volume_ml=1200.0, touches=("left",)))
    assert reasons.count(";") == 2


def test_a_verdict_says_what_it_rests_on() -> None:
    assert assessed().evidence == (Evidence.ANATOMY, Evidence.PROBABILITIES)
    plain = assessed(None)
    assert plain.evidence == (Evidence.ANATOMY,)
    assert plain.as_dict().keys() == assessed().as_dict().keys()
    assert plain.as_dict()["evidence"] == ["anatomy"]
    assert plain.as_dict()["estimated_dsc"] is plain.as_dict()["expected_dsc"] is None


def test_no_dsc_is_estimated_without_a_calibration() -> None:
    found = assessed(replace(SURE, expected_dsc=0.5), calibrated=False)
    assert found.as_dict()["estimated_dsc"] is None
    assert found.verdict is OrganQuality.GOOD
    assert found.as_dict()["expected_dsc"] == 0.5
