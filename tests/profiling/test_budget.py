"""Limits and what breaks them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flarecli.errors import InputError
from flarecli.profiling.budget import Breach, Budget
from tests.profiling.made_up import case_profile, profile, samples


def test_within_limits() -> None:
    assert Budget().breaches(profile(case_profile())) == []
    assert Budget(max_seconds=1.2, max_gpu_mb=0, max_rss_mb=900).breaches(profile(case_profile())) == []


def test_each_limit_is_held_by_each_case() -> None:
    seen = samples([300.0] * 14, process_mb=650.0)
    measured = profile(case_profile("a", seen=seen), case_profile("b", seen=seen))
    breaches = Budget(max_seconds=1.0, max_gpu_mb=600, max_rss_mb=899).breaches(measured)
    assert [(breach.case, breach.figure) for breach in breaches] == [
        (case, figure) for case in "ab" for figure in ("seconds", "GPU MB", "RSS MB")
    ]
    assert breaches[1] == Breach("a", "GPU MB", 600, 650)
    assert breaches[0].as_dict() == {
        "case": "a", "figure": "seconds", "limit": 1.0, "measured": pytest.approx(1.1)
    }  # fmt: skip


def test_warm_runs_count_where_there_are_no_cold_ones() -> None:
    warm_only = profile(replace(case_profile(), cold=()))
    assert Budget(max_seconds=0.8).breaches(warm_only) == []
    assert len(Budget(max_seconds=0.6).breaches(warm_only)) == 1


def test_what_cannot_be_measured_does_not_pass() -> None:
    bare = case_profile(device="gpu")
    unknown = replace(
        bare,
        cold=tuple(replace(run, whole=replace(run.whole, gpu_allocator_mb=None)) for run in bare.cold),
    )
    assert Budget(max_gpu_mb=10_000).breaches(profile(unknown)) == [Breach("scan", "GPU MB", 10_000, None)]


def test_which_gpu_figure_stands_for_all() -> None:
    levels = [300.0] * 6 + [1000.0] * 8
    assert case_profile(seen=samples(levels, process_mb=650.0), device="gpu").gpu_memory == (650.0, "process")
    assert case_profile(seen=samples(levels), device="gpu").gpu_memory == (700.0, "device")
    assert case_profile(device="gpu").gpu_memory == (500.0, "allocator")
    # What others do on the GPU is not this system's, where it runs on the processor.
    assert case_profile(seen=samples(levels)).gpu_memory == (0.0, "processor")


def test_failed_case_breaks_no_limit() -> None:
    failed = replace(case_profile(), error=InputError("is not a scan", remedy="Look at it."))
    assert Budget(max_seconds=0.1).breaches(profile(failed)) == []
