"""Stencils hold all short offsets, in order, and stay small."""

from __future__ import annotations

import math

import numpy as np
import pytest

from flarecli.metrics.nearest import stencil_within


@pytest.mark.parametrize(
    ("spacing_mm", "limit_mm", "count"),
    [
        ((2.5, 0.78, 0.78), 1.0, 5),
        ((2.5, 0.703, 0.703), 1.0, 9),
        ((1.0, 1.0, 1.0), 1.0, 7),
        ((1.0, 1.0, 1.0), 0.0, 1),
    ],
)
def test_offsets_within_the_limit(spacing_mm: tuple[float, float, float], limit_mm: float, count: int) -> None:
    stencil = stencil_within(spacing_mm, limit_mm)
    assert len(stencil.offsets) == count
    assert stencil.radius_mm == limit_mm
    assert stencil.offsets[0].tolist() == [0, 0, 0]
    assert (np.diff(stencil.lengths_mm) >= 0).all()


@pytest.mark.parametrize(
    "spacing_mm", [(1.0, 1.0, 1.0), (5.0, 0.3, 0.3), (1000.0, 0.001, 1000.0), (0.001, 1000.0, 0.001)]
)
def test_size_is_bounded_whatever_the_spacing(spacing_mm: tuple[float, float, float]) -> None:
    stencil = stencil_within(spacing_mm, math.inf)
    assert 200 <= len(stencil.offsets) <= 10_000
    assert stencil.radius_mm >= stencil.lengths_mm[-1]
