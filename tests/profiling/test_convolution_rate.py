"""The rate of a network's convolutions on a machine that is busy for a while."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from flarecli.profiling.networks import convolution_rate
from flarecli_models.flops import Convolution

CONVOLUTION = Convolution(4, 8, (3, 3, 3), (1, 1, 1), (16, 16, 16), 8 * 4 * 27 * 16**3)
OPERATIONS = 2 * CONVOLUTION.multiply_adds


@pytest.fixture
def rounds(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Convolutions that take 4 s in the first round, 2 s in the second, 1 s from then on; the rounds begun so far."""
    begun: list[float] = []

    def prepare(convolution: Convolution, runtime: Any) -> Any:
        begun.append(4.0 if not begun else 2.0 if len(begun) == 1 else 1.0)
        return lambda: begun[-1]

    monkeypatch.setattr(convolution_rate, "_openvino_seconds", prepare)
    return begun


def rate(network_rate: float) -> float | None:
    runtime: Any = SimpleNamespace(backend="openvino")
    return convolution_rate.measured_convolution_rate([CONVOLUTION], runtime, network_rate)


def test_one_round_where_the_network_is_slower(rounds: list[float]) -> None:
    assert rate(OPERATIONS / 5.0) == OPERATIONS / 4.0
    assert rounds == [4.0]


def test_convolutions_slower_than_their_network_are_measured_again(rounds: list[float]) -> None:
    assert rate(OPERATIONS / 1.5) == OPERATIONS / 1.0
    assert rounds == [4.0, 2.0, 1.0]


def test_a_network_faster_than_that_is_accepted_after_six_rounds(rounds: list[float]) -> None:
    assert rate(OPERATIONS / 0.5) == OPERATIONS / 1.0
    assert len(rounds) == 6


def test_a_network_without_convolutions() -> None:
    assert convolution_rate.measured_convolution_rate([], SimpleNamespace(backend="openvino"), 1e9) is None  # type: ignore[arg-type]
