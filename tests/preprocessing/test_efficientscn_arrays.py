"""What EfficientSCN is trained on is what it predicts from."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from flarecli.systems.efficientscn import EfficientScnConstants
from flarecli.systems.efficientscn.geometry import plan_localization
from flarecli.systems.efficientscn.inputs import localization_input, segmentation_hu
from flarecli.systems.efficientscn.orientation import flipped_view
from flarecli.systems.efficientscn.training_arrays import EfficientScnTrainingArrays
from tests.preprocessing.volumes import labelled_volume

CONSTANTS = EfficientScnConstants()
HALF_A_HU = 0.5 / CONSTANTS.intensity_scale + 1e-6


def test_the_localization_sees_the_image_of_the_prediction() -> None:
    volume, labels = labelled_volume((45, 101, 93), (5.0, 1.7, 1.9))
    cached = EfficientScnTrainingArrays().prepare(volume, labels)["localization"]
    plan = plan_localization(volume.grid.shape_zyx, volume.grid.spacing_mm, CONSTANTS)
    predicted = localization_input(flipped_view(volume.voxels), plan, CONSTANTS)
    content = tuple(slice(low, n - high) for n, (low, high) in zip(predicted.shape, plan.padding, strict=True))
    assert cached.image.dtype == np.int16
    assert cached.image.shape == cached.labels.shape == plan.content_shape_zyx
    scaled = np.clip(cached.image / CONSTANTS.intensity_scale, -1, 1)
    np.testing.assert_allclose(scaled, predicted[content], rtol=0, atol=HALF_A_HU)
    np.testing.assert_allclose(np.multiply(cached.spacing_mm, cached.image.shape), volume.grid.extent_mm, rtol=1e-6)


def test_the_segmentation_sees_smoothed_averages_round_the_organs() -> None:
    volume, labels = labelled_volume((60, 128, 128), (4.0, 2.0, 2.0))
    arrays = EfficientScnTrainingArrays(region_margin_mm=8.0, augmentation_margin_mm=0.0)
    cached = arrays.prepare(volume, labels)["segmentation"]
    inside = [np.flatnonzero(flipped_view(labels).any(axis=axes)) for axes in ((1, 2), (0, 2), (0, 1))]
    first = [int(places[0]) - margin for places, margin in zip(inside, (2, 4, 4), strict=True)]
    stop = [int(places[-1]) + 1 + margin for places, margin in zip(inside, (2, 4, 4), strict=True)]
    assert cached.image.shape == (2 * (stop[0] - first[0]), stop[1] - first[1], stop[2] - first[2])
    assert cached.spacing_mm == (2, 2, 2)
    cropping = tuple((a, n - b) for a, b, n in zip(first, stop, labels.shape, strict=True))
    nothing = ((0, 0), (0, 0), (0, 0))
    expected = segmentation_hu(
        flipped_view(volume.voxels), volume.grid.spacing_mm, cropping, nothing, cached.image.shape, 1.0
    )
    np.testing.assert_allclose(cached.image, expected, rtol=0, atol=0.51)
    # 4 mm become 2 mm: each slice twice.
    window = tuple(slice(a, b) for a, b in zip(first, stop, strict=True))
    np.testing.assert_array_equal(cached.labels, np.repeat(flipped_view(labels)[window], 2, axis=0))


def test_nothing_but_a_flip_where_the_scan_has_the_networks_spacing() -> None:
    volume, labels = labelled_volume((30, 40, 50), (2.0, 2.0, 2.0))
    arrays = EfficientScnTrainingArrays(replace(CONSTANTS, smoothing_sigma_mm=0.0))
    cached = arrays.prepare(volume, labels)["segmentation"]
    np.testing.assert_array_equal(cached.image, volume.voxels[:, ::-1, ::-1])
    np.testing.assert_array_equal(cached.labels, labels[:, ::-1, ::-1])


@pytest.mark.parametrize("field", ["region_margin_mm", "augmentation_margin_mm"])
def test_settings_that_change_the_arrays_change_the_key(field: str) -> None:
    arrays = EfficientScnTrainingArrays()
    assert replace(arrays, **{field: 1.0}).settings() != arrays.settings()
