"""Processor and memory, from what systems say of themselves."""

from __future__ import annotations

import pytest

from flarecli.doctor import CheckVerdict
from flarecli.doctor.machine import available_memory_mb, machine_checks, memory_check, processor_check

X86 = """processor\t: 0
model name\t: Example 9000
flags\t\t: fpu sse4_2 avx2 avx512f avx512_bf16 amx_bf16
"""
ARM = "processor\t: 0\nFeatures\t: fp asimd bf16 sve\n"


def test_features_that_matter_are_named() -> None:
    result = processor_check(X86)
    assert result.verdict is CheckVerdict.good
    assert result.facts is not None
    assert result.facts["features"] == ["avx2", "avx512f", "avx512_bf16", "amx_bf16"]
    assert result.facts["name"] == "Example 9000"
    assert result.facts["threads"] >= 1
    assert result.seen.startswith("Example 9000, ")


def test_another_architecture() -> None:
    result = processor_check(ARM)
    assert result.verdict is CheckVerdict.good
    assert result.facts is not None
    assert result.facts["features"] == ["asimd", "bf16", "sve"]


def test_an_old_processor_is_a_warning() -> None:
    result = processor_check(X86.replace("avx2 avx512f avx512_bf16 ", ""))
    assert result.verdict is CheckVerdict.warning
    assert "no AVX2" in result.seen


def test_a_system_that_tells_nothing() -> None:
    result = processor_check("")
    assert result.verdict is CheckVerdict.good
    assert result.seen


@pytest.mark.parametrize(
    ("limit", "use", "expected"),
    [("", "", 8000.0), ("max\n", "5", 8000.0), ("2000000000\n", "500000000\n", 1500.0), ("90000000000", "5", 8000.0)],
)
def test_the_control_group_may_have_less(limit: str, use: str, expected: float) -> None:
    assert available_memory_mb(8_000_000_000, limit, use) == pytest.approx(expected)


@pytest.mark.parametrize(("available_mb", "verdict"), [(2999.0, CheckVerdict.warning), (3001.0, CheckVerdict.good)])
def test_memory_for_every_network(available_mb: float, verdict: CheckVerdict) -> None:
    assert memory_check(available_mb).verdict is verdict


def test_this_machine() -> None:
    assert [result.subject for result in machine_checks()] == ["processor", "memory", "gpu"]
