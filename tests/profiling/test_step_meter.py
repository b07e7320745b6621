"""Peaks of memory go to the steps in which they occurred."""

from __future__ import annotations

import mmap
import sys
import threading
import time

import pytest

from flarecli.profiling.high_water import HighWater
from flarecli.profiling.step_meter import STARTING_STEP, Span, StepMeter
from flarecli.steps import Steps, observed_steps

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the kernel's high-water mark is Linux's")


def touch(megabytes: int) -> None:
    """Take memory for a moment, straight from the system: what the C library kept of earlier arrays does not count."""
    with mmap.mmap(-1, megabytes * 1_000_000) as memory:
        for page in range(0, len(memory), 4096):
            memory[page] = 1


def test_high_water_starts_anew_at_each_mark() -> None:
    high_water = HighWater()
    base = high_water.mark()
    touch(300)
    high = high_water.mark()
    low = high_water.mark()
    assert base is not None
    assert high is not None
    assert low is not None
    assert high - low > 250


def test_each_step_has_its_own_peak_and_the_run_has_the_largest() -> None:
    meter = StepMeter()
    steps = Steps()
    touch(500)  # before the run: not counted
    with observed_steps(meter), meter.run() as whole:
        with steps("small"):
            touch(50)
        with steps("large"):
            touch(300)
        with steps("idle"):
            time.sleep(0.02)
    peaks = {span.name: span.peak_rss_mb or 0.0 for span in meter.steps}
    assert list(peaks) == ["small", "large", "idle"]
    assert 200 < peaks["large"] - peaks["idle"] < 350
    assert 20 < peaks["small"] - peaks["idle"] < 100
    assert whole.peak_rss_mb == peaks["large"]
    assert whole.wall_s >= sum(span.wall_s for span in meter.steps)
    assert meter.steps[-1].wall_s >= 0.02
    assert meter.steps[-1].cpu_s < 0.02


def test_open_steps_share_the_peaks_of_those_within() -> None:
    meter = StepMeter()
    with observed_steps(meter), meter.run(), Steps()("outer"):
        with Steps()("first"):
            touch(200)
        with Steps()("second"):
            pass
    first, second, outer = meter.steps
    assert (first.name, second.name, outer.name) == ("first", "second", "outer")
    assert outer.peak_rss_mb == first.peak_rss_mb
    assert (first.peak_rss_mb or 0) - (second.peak_rss_mb or 0) > 150


def test_steps_on_two_threads() -> None:
    meter = StepMeter()

    def read() -> None:
        with Steps()("read"):
            touch(200)

    with observed_steps(meter), meter.run(), Steps()("segment"):
        thread = threading.Thread(target=read)
        thread.start()
        thread.join()
    assert [span.name for span in meter.steps] == ["read", "segment"]
    assert meter.steps[0].peak_rss_mb == meter.steps[1].peak_rss_mb


def test_a_process_begins_with_its_start() -> None:
    ended: list[Span] = []
    with observed_steps(StepMeter(ended.append, since_start_of_process=True)), Steps()("read"):
        pass
    start, read = ended
    assert (start.name, read.name) == (STARTING_STEP, "read")
    assert start.end_s <= read.start_s
    assert start.cpu_s > 0
    assert (start.peak_rss_mb or 0) > 10


def test_step_that_fails_is_measured_too() -> None:
    meter = StepMeter()
    with observed_steps(meter), meter.run(), pytest.raises(ValueError, match="broken"), Steps()("segment"):
        raise ValueError("broken")
    assert [span.name for span in meter.steps] == ["segment"]
