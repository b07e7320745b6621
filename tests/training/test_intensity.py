"""Intensities: the ranges of the published training, exactly."""

from __future__ import annotations

import numpy as np
import pytest

from flarecli.training.recipes import recipe_named
from flarecli.training.views.intensity import Intensity

pytestmark = pytest.mark.any_backend

HU = np.array([-3000, -1024, 0, 512, 3000], np.int16)


def test_plain_scaling_clips_hu_over_2048() -> None:
    assert Intensity().plain(HU).tolist() == pytest.approx([-1, -0.5, 0, 0.25, 1])
    assert Intensity().plain(HU).dtype == np.float32


def test_other_windows_and_offsets() -> None:
    window = Intensity(window_hu=(-160.0, 240.0), offset_hu=40.0, scale_hu=200.0)
    assert window.plain(HU).tolist() == pytest.approx([-1, -1, -0.2, 1, 1])


@pytest.mark.parametrize("network", ["localization", "segmentation"])
def test_shift_comes_before_the_factor_and_both_keep_to_their_ranges(network: str) -> None:
    view = recipe_named("efficientscn", network, "published").view
    intensity = Intensity(shift=view.intensity.shift, factor=view.intensity.factor)  # type: ignore[attr-defined]
    pairs = []
    for seed in range(300):
        low, high = intensity.augmented(np.array([0, 400], np.int16), np.random.default_rng(seed))
        factor = (high - low) / (400 / 2048)
        pairs.append((factor, low / factor))
    factors, shifts = np.array(pairs).T
    for values, middle in ((factors, 1.0), (shifts, 0.0)):
        assert middle - 0.2001 <= values.min() < middle - 0.19
        assert middle + 0.19 < values.max() <= middle + 0.2001


def test_gamma_bends_between_the_extremes() -> None:
    hu = np.array([-1000, 0, 1000], np.int16)
    values = [
        Intensity(gamma=(0.8, 1.2)).augmented(hu, np.random.default_rng(seed)).astype(np.float64) for seed in range(200)
    ]
    assert all(value[[0, 2]].tolist() == pytest.approx([-1000 / 2048, 1000 / 2048], abs=1e-6) for value in values)
    middles = [(value[1] * 2048 + 1000) / 2000 for value in values]
    assert 0.5**1.2 - 1e-4 <= min(middles) < 0.44
    assert 0.565 < max(middles) <= 0.5**0.8 + 1e-4
    assert recipe_named("efficientscn", "localization", "published").view.intensity.gamma == (0.8, 1.2)  # type: ignore[attr-defined]
