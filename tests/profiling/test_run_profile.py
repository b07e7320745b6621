"""Inside and outside view of a run together."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flarecli.profiling.run_profile import ResourceUsage, RunProfile, cold_run_profile, median_run, typical_run
from tests.profiling.made_up import case_profile, cold_run, samples


def test_cold_run_is_the_whole_process() -> None:
    run = cold_run_profile(cold_run())
    assert run.whole.wall_s == pytest.approx(1.0)
    assert run.whole.cpu_s == 1.0
    assert run.whole.peak_rss_mb == 900
    assert list(run.steps) == ["start", "read", "prepare", "segment", "exit"]
    assert run.steps["start"].wall_s == pytest.approx(0.2)
    assert run.steps["exit"].wall_s == pytest.approx(0.1)
    assert run.steps["exit"].cpu_s == pytest.approx(1.0 - 0.95)


def test_step_that_runs_twice_is_added_up_with_its_larger_peak() -> None:
    segment = cold_run_profile(cold_run()).steps["segment"]
    assert segment.wall_s == pytest.approx(0.5)
    assert segment.cpu_s == pytest.approx(0.6)
    assert segment.peak_rss_mb == 900
    assert segment.gpu_allocator_mb == 500


def test_gpu_figures_stay_apart_and_belong_to_their_steps() -> None:
    # Idle at 300; the sample at 10.5 s, in the first "segment", sees 1000.
    levels = [300.0] * 6 + [1000.0] + [400.0] * 7
    run = cold_run_profile(cold_run(seen=samples(levels, process_mb=650.0)))
    assert run.whole.gpu_device_mb == 700
    assert run.whole.gpu_process_mb == 650
    assert run.whole.gpu_allocator_mb == 500
    assert run.steps["segment"].gpu_device_mb == 700
    assert run.steps["read"].gpu_device_mb == 0
    assert run.steps["exit"].gpu_device_mb == 100
    assert run.whole.gpu_energy_j == pytest.approx(10 * 50)
    assert run.steps["start"].gpu_energy_j == pytest.approx(2 * 50)


def test_level_holds_until_the_next_look() -> None:
    # "prepare" lasts 0.05 s; the last look before it counts.
    levels = [300.0] * 4 + [900.0] * 10
    assert cold_run_profile(cold_run(seen=samples(levels))).steps["read"].gpu_device_mb == 600
    assert cold_run_profile(cold_run(seen=samples(levels))).steps["prepare"].gpu_device_mb == 600


def test_sampled_memory_stands_in_where_the_kernel_does_not_tell() -> None:
    run = cold_run_profile(cold_run(told=False))
    assert run.whole.peak_rss_mb == 1100
    assert run.steps["read"].peak_rss_mb == pytest.approx(400)


def test_work_of_others_is_what_the_process_did_not_do() -> None:
    # One processor is busy for 1.0 s, of which the process had 1.0 s: nobody else.
    assert cold_run_profile(cold_run()).whole.others_busy == pytest.approx(0.1, abs=0.11)
    run = cold_run()
    assert cold_run_profile(replace(run, measured=replace(run.measured, cpu_s=0.2))).whole.others_busy == pytest.approx(
        0.8, abs=0.11
    )


def test_median_is_taken_figure_by_figure_over_what_is_known() -> None:
    runs = [
        RunProfile(ResourceUsage(wall_s=wall, cpu_s=1.0, peak_rss_mb=rss), {"read": ResourceUsage(wall, 0.0)})
        for wall, rss in ((1.0, None), (5.0, 100.0), (2.0, 300.0))
    ]
    median = median_run(runs)
    assert median.whole.wall_s == 2.0
    assert median.whole.peak_rss_mb == 200.0
    assert median.whole.gpu_process_mb is None
    assert median.steps["read"].wall_s == 2.0


def test_typical_run_is_nearest_to_the_median() -> None:
    runs = case_profile().cold
    assert typical_run(runs) is runs[2]
