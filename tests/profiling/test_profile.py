"""Whole profiles: processes started, watched and summed up."""

from __future__ import annotations

import math
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from flarecli.errors import InputError, InstallationError, UsageError
from flarecli.profiling.flare_protocols import FLARE22
from flarecli.profiling.inputs import phantom_scan, user_scans
from flarecli.profiling.processes.measured_process import measure_module
from flarecli.profiling.profile import Profile, ProfileRequest, profile_scans
from tests.profiling.measured_threshold import register_threshold_system
from tests.synthetic_ct import write_ct
from tests.threshold_system import NO_ORGAN_HU


@pytest.fixture
def threshold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    register_threshold_system(tmp_path / "start-up", monkeypatch)


@pytest.mark.usefixtures("threshold")
def test_cold_and_warm_runs_of_a_folder_with_a_bad_scan(tmp_path: Path) -> None:
    write_ct(tmp_path / "scans" / "good_0000.nii.gz")
    write_ct(tmp_path / "scans" / "bad_0000.nii.gz", peak_hu=NO_ORGAN_HU + 500)
    phases: list[str] = []
    request = ProfileRequest("threshold", cold_runs=1, warm_runs=2, networks=False, protocol=FLARE22)
    scans = user_scans([tmp_path / "scans"], None, tmp_path)
    profile = profile_scans(request, scans, on_phase=phases.append)
    bad, good = profile.cases
    assert phases == ["bad: cold run 1 of 1", "good: cold run 1 of 1", "warm runs"]
    assert bad.error is not None
    assert "no organ region" in bad.error.problem
    assert bad.cold == bad.warm == ()
    assert good.error is None
    assert good.runtime is not None
    assert good.runtime["device"] == "cpu"
    (cold,) = good.cold
    assert list(cold.steps) == ["start", "read", "load", "segment", "write", "describe", "exit"]
    assert 0 < cold.whole.wall_s < 60
    assert cold.whole.cpu_s > 0.1
    assert 30 < (cold.whole.peak_rss_mb or 0) < 2000
    assert sum(figures.wall_s for figures in cold.steps.values()) <= 1.001 * cold.whole.wall_s
    assert [list(run.steps) for run in good.warm] == [["read", "load", "segment", "write", "describe"]] * 2
    assert good.warm[0].whole.wall_s < cold.whole.wall_s
    assert good.protocol_figures is not None
    assert good.protocol_figures["Time"] == pytest.approx(cold.whole.wall_s, abs=0.01)
    assert (good.protocol_figures["RAM"] or 0) > 50
    assert len(profile.sampling) == 3
    assert {cost.wanted_period_s for cost in profile.sampling} == {0.1}


@pytest.mark.usefixtures("threshold")
def test_unknown_weights_end_the_profile_with_their_own_error(tmp_path: Path) -> None:
    scans = user_scans([write_ct(tmp_path / "scan.nii.gz")], None, tmp_path / "out")
    with pytest.raises(UsageError, match="no network of this name"):
        profile_scans(ProfileRequest("threshold", ("nowhere=starter",), cold_runs=1, warm_runs=0), scans)


def test_process_that_breaks_down(tmp_path: Path) -> None:
    folder = str(tmp_path / "is-no-file")
    ended = measure_module("flarecli.profiling.processes.worker", [folder, folder], gpu=None, period_s=0.1)
    assert ended.exit_code == 1
    assert "is-no-file" in str(ended.breakdown())
    killed = replace(ended, exit_code=-signal.SIGKILL).breakdown()
    assert isinstance(killed, InstallationError)
    assert "signal 9" in str(killed)


def test_scans_are_paired_with_their_truths(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_ct(tmp_path / "scans" / f"{name}_0000.nii.gz")
    write_ct(tmp_path / "truths" / "b.nii.gz")
    first, second = user_scans([tmp_path / "scans"], str(tmp_path / "truths"), tmp_path / "out")
    assert (first.case.name, first.ground_truth) == ("a", None)
    assert (second.case.name, second.ground_truth) == ("b", tmp_path / "truths" / "b.nii.gz")
    assert second.case.labels == tmp_path / "out" / "b.nii.gz"


def test_one_scan_with_one_truth_of_any_name(tmp_path: Path) -> None:
    scan, truth = write_ct(tmp_path / "ct.nii.gz"), write_ct(tmp_path / "truth.nii.gz")
    (only,) = user_scans([scan], str(truth), tmp_path / "out")
    assert only.ground_truth == truth


def test_two_scans_of_one_name_are_refused(tmp_path: Path) -> None:
    sources = [write_ct(tmp_path / folder / "scan.nii.gz") for folder in "ab"]
    with pytest.raises(InputError, match="one name"):
        user_scans(sources, None, tmp_path / "out")


def test_phantom_has_the_size_asked_for_and_its_truth(tmp_path: Path) -> None:
    import nibabel

    scan = phantom_scan((20, 32, 40), tmp_path)
    image = nibabel.load(scan.case.scan)
    assert image.shape == (40, 32, 20)
    assert image.header.get_zooms() == pytest.approx((10.0, 10.0, 15.0))
    assert scan.ground_truth is not None
    assert nibabel.load(scan.ground_truth).shape == (40, 32, 20)


@pytest.mark.slow
def test_a_real_system_on_a_phantom(tmp_path: Path) -> None:
    request = ProfileRequest("flarelite", cold_runs=1, warm_runs=1)
    profile = profile_scans(request, [phantom_scan((60, 96, 96), tmp_path)])
    _check_networks(profile)
    (case,) = profile.cases
    assert {"read", "prepare", "locate", "refine", "restore", "write"} <= set(case.cold[0].steps)
    assert case.scores is not None
    assert min(case.scores.scores[metric][0] for metric in case.scores.scores) > 0.3


def _check_networks(profile: Profile) -> None:
    by_key = {network.key: network for network in profile.cases[0].networks}
    assert set(by_key) == {"locate", "refine"}
    refine = by_key["refine"]
    assert refine.parameters == 685_708
    # 59,276,525,568 at 104 x 104 x 128, in proportion to the voxels (`flare systems`).
    assert refine.multiply_adds / math.prod(refine.input_shape[-3:]) == pytest.approx(42_815, rel=0.01)
    assert refine.activations_mb < refine.all_activations_mb
    for network in by_key.values():
        assert network.share_of_convolutions is not None
        assert 0.02 < network.share_of_convolutions < 1.2  # nothing is faster than its own convolutions, but for noise


def test_a_folder_is_accounted_for(tmp_path: Path) -> None:
    write_ct(tmp_path / "scans" / "a.nii.gz")
    (tmp_path / "scans" / "b.nii.gz").symlink_to("/nonexistent/b.nii.gz")
    (tmp_path / "scans" / "c.nii.bz2").touch()
    told: list[str] = []
    scans = user_scans([tmp_path / "scans"], None, tmp_path / "out", told.append)
    assert [scan.case.name for scan in scans] == ["a", "b"]
    assert scans[1].case.problem is not None
    (warning,) = told
    assert "c.nii.bz2" in warning
