"""What is seen of another process, and what looking costs."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from flarecli.profiling.sampler import Sampler

BUSY = "import time; held = bytearray(150_000_000)\nwhile time.process_time() < 0.4: pass"


def test_a_process_is_seen_from_its_beginning_to_its_end() -> None:
    with Sampler(period_s=0.01) as sampler:
        time.sleep(0.03)
        process = subprocess.Popen([sys.executable, "-c", BUSY])
        sampler.watch(process.pid)
        process.wait()
        time.sleep(0.03)
    first, last = sampler.samples[0], sampler.samples[-1]
    assert first.rss_mb is None
    assert last.rss_mb is None
    assert 150 < max(sample.rss_mb or 0 for sample in sampler.samples) < 250
    assert max(sample.cpu_s or 0 for sample in sampler.samples) > 0.2
    assert {sample.gpu_used_mb for sample in sampler.samples} == {None}
    assert last.machine_busy_s > first.machine_busy_s
    assert first.machine_ram_mib > 10
    moments = [sample.at_s for sample in sampler.samples]
    assert moments == sorted(moments)


def test_cost_is_measured() -> None:
    with Sampler(period_s=0.005) as sampler:
        time.sleep(0.3)
    cost = sampler.cost
    assert cost.samples == len(sampler.samples) > 5
    assert 0.005 <= cost.median_period_s <= cost.longest_gap_s
    assert cost.wall_s == pytest.approx(sampler.samples[-1].at_s - sampler.samples[0].at_s)
    assert 0 < cost.cpu_s < cost.wall_s
    assert cost.share_of_a_core == cost.cpu_s / cost.wall_s


def test_process_that_is_gone_already() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    with Sampler(period_s=0.005) as sampler:
        sampler.watch(process.pid)
        time.sleep(0.02)
    assert {sample.rss_mb for sample in sampler.samples} == {None}
