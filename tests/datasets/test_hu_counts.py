"""Intensity figures from counts."""

from __future__ import annotations

import numpy as np
import pytest

from flarecli.datasets.hu_counts import HIGHEST_HU, LOWEST_HU, PERCENTILES, count_hu, hu_figures


def test_figures_equal_those_of_the_voxels() -> None:
    rng = np.random.default_rng(0)
    voxels = rng.normal(60, 200, (7, 30, 40)).astype(np.int16)
    labels = rng.integers(0, 5, voxels.shape, np.uint8)
    counts = count_hu(voxels, labels)
    assert counts.sum() == voxels.size
    for label in range(5):
        values = voxels[labels == label]
        figures = hu_figures(counts[label])
        assert figures is not None
        assert figures["mean"] == pytest.approx(values.mean(), abs=0.006)
        assert figures["sd"] == pytest.approx(values.std(), abs=0.006)
        for percentile in PERCENTILES:
            expected = np.percentile(values, percentile, method="inverted_cdf")
            assert figures[f"p{percentile:g}"] == expected


def test_values_beyond_the_limits_are_counted_there() -> None:
    voxels = np.array([-32768, LOWEST_HU, HIGHEST_HU, 32767], np.int16).reshape(1, 2, 2)
    counts = count_hu(voxels, np.zeros(voxels.shape, np.uint8))
    assert counts[0, 0] == counts[0, -1] == 2


def test_nothing_counted() -> None:
    assert hu_figures(np.zeros(4096, np.int64)) is None
