"""The challenges' figures from samples."""

from __future__ import annotations

import pytest

from flarecli.profiling.flare_protocols import (
    FLARE21,
    FLARE22,
    FLARE_PROTOCOLS,
    cpu_utilisation_percent,
    stable_maximum,
)
from tests.profiling.made_up import samples


def test_a_value_counts_above_two_percent_of_the_samples() -> None:
    assert stable_maximum([500.0] * 98 + [900.0] * 2) == 500  # exactly 2 % is not enough
    assert stable_maximum([500.0] * 97 + [900.0] * 3) == 900
    assert stable_maximum([500.0] * 48 + [900.0]) == 900  # one of 49 is more than 2 %


def test_without_a_frequent_value_the_plain_maximum_stands() -> None:
    assert stable_maximum([float(value) for value in range(100)]) == 99


def test_flare21_columns() -> None:
    figures = FLARE21.figures(samples([300.0] * 10 + [1000.0] * 10), 2.345678)
    assert tuple(figures) == FLARE21.columns == ("time", "gpu_memory", "time_multiply_memory")
    assert figures == {"time": 2.345678, "gpu_memory": 1000.0, "time_multiply_memory": pytest.approx(1300.0)}


def test_flare22_areas() -> None:
    figures = FLARE22.figures(samples([300.0] * 10 + [1000.0] * 11), 2.345678)
    assert tuple(figures) == FLARE22.columns
    assert figures["Time"] == 2.35
    assert figures["GPU_Mem"] == 1000
    assert figures["AUC_GPU_Time"] == 1400
    # 0.1 s busy and 0.1 s idle between samples, the idle share taken of 0.2 + 0.1 s.
    assert figures["CPU_Utilization"] == pytest.approx(100 - 100 / 3, abs=0.01)
    assert figures["AUC_CPU_Time"] == pytest.approx(20 * (100 - 100 / 3) * 0.1, abs=0.01)
    assert figures["RAM"] == 2020
    assert figures["AUC_RAM_Time"] == round(sum(2000 + index for index in range(21)) * 0.1)


def test_idle_machine_shows_the_script_s_offset() -> None:
    still = [vars(sample) | {"machine_cpu_s": (0.0, 0.0, 0.2 * index)} for index, sample in enumerate(samples())]
    percent = cpu_utilisation_percent([type(samples()[0])(**fields) for fields in still])
    assert percent == pytest.approx([100 / 3] * 13)


def test_medians_over_runs_and_unknown_memory() -> None:
    runs = [(samples(), seconds) for seconds in (3.0, 1.0, 2.0)]
    assert FLARE21.medians(runs) == {"time": 2.0, "gpu_memory": None, "time_multiply_memory": None}


def test_protocols_sample_as_the_scripts_did() -> None:
    assert {name: protocol.period_s for name, protocol in FLARE_PROTOCOLS.items()} == {"flare21": 0.1, "flare22": 0.1}
