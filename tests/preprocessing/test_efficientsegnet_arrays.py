"""What EfficientSegNet is trained on, against the authors' preparation."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from flarecli.systems.efficientsegnet import EfficientSegNetConstants
from flarecli.systems.efficientsegnet.inputs import resized_hu
from flarecli.systems.efficientsegnet.training_arrays import EfficientSegNetTrainingArrays
from tests.labelled_volumes import grid_of, volume_of
from tests.preprocessing.volumes import labelled_volume
from tests.shared_data import shared_path

CONSTANTS = EfficientSegNetConstants()


def test_the_coarse_image_is_that_of_the_authors_program() -> None:
    with np.load(shared_path("fixtures/efficientsegnet_prepost.npz")) as fixture:
        voxels, expected = fixture["resample/image_int16"], fixture["resample/int16_to_size"]
        labels = fixture["resample/mask_uint8"]
    arrays = EfficientSegNetTrainingArrays(replace(CONSTANTS, coarse_shape_zyx=expected.shape))
    coarse = arrays.prepare(volume_of(voxels), labels)["coarse"]
    assert coarse.image.dtype == np.int16
    np.testing.assert_array_equal(coarse.image, expected)


@pytest.mark.parametrize("key", ["up", "down"])
def test_the_coarse_labels_are_those_of_the_authors_program(key: str) -> None:
    with np.load(shared_path("fixtures/efficientsegnet_prepost.npz")) as fixture:
        labels, expected = fixture["resample/mask_uint8"], fixture[f"resample/mask_to_size_{key}"]
    arrays = EfficientSegNetTrainingArrays(replace(CONSTANTS, coarse_shape_zyx=expected.shape))
    coarse = arrays.prepare(volume_of(np.zeros(labels.shape)), labels)["coarse"]
    np.testing.assert_array_equal(coarse.labels, expected)


def test_the_fixed_crop_is_a_part_of_the_fine_array() -> None:
    volume, labels = labelled_volume((50, 96, 88), (3.0, 2.0, 2.0))
    shape = (24, 40, 36)
    arrays = EfficientSegNetTrainingArrays(
        replace(CONSTANTS, fine_shape_zyx=shape, region_margin_mm=10.0), random_margin_mm=20.0
    )
    fine = arrays.prepare(volume, labels)["fine"]
    starts, stops = [], []
    for axis, margin in enumerate((3, 5, 5)):  # int(10 mm / spacing)
        inside = np.flatnonzero(labels.any(axis=tuple(other for other in range(3) if other != axis)))
        starts.append(int(inside[0]) - margin)
        stops.append(int(inside[-1]) + margin)
    expected = resized_hu(volume.voxels[tuple(map(slice, starts, stops))], shape)
    steps = [(stop - 1 - start) / (n - 1) for start, stop, n in zip(starts, stops, shape, strict=True)]
    before = [int(margin / step) for margin, step in zip((3, 5, 5), steps, strict=True)]
    part = tuple(slice(b, b + n) for b, n in zip(before, shape, strict=True))
    np.testing.assert_allclose(fine.image[part], expected, rtol=0, atol=0.51)
    assert all(n > b + m for n, b, m in zip(fine.image.shape, before, shape, strict=True))
    np.testing.assert_allclose(fine.spacing_mm, np.multiply(steps, (3, 2, 2)))


def test_the_fixed_window_is_that_of_the_authors_program() -> None:
    with np.load(shared_path("fixtures/efficientsegnet_prepost.npz")) as fixture:
        mask, margin, bounds = (fixture[f"traincrop/{key}"] for key in ("mask", "margin", "fixed_bounds"))
    # The margin differs by axis in the fixture, so the spacing does here.
    spacing_mm = tuple((20.0 / margin).tolist())
    shape = tuple((bounds[:, 1] - bounds[:, 0] + 1).tolist())
    arrays = EfficientSegNetTrainingArrays(replace(CONSTANTS, fine_shape_zyx=shape), random_margin_mm=20.0)
    ramp = np.add.outer(np.add.outer(np.arange(mask.shape[0]) * 10, np.arange(mask.shape[1])), np.zeros(mask.shape[2]))
    fine = arrays.prepare(volume_of(ramp, grid_of(mask.shape, spacing_mm)), mask.astype(np.uint8))["fine"]
    # As many samples as voxels: the window itself.
    window = tuple(slice(first, last + 1) for first, last in bounds.tolist())
    np.testing.assert_array_equal(fine.image, ramp[window])
    np.testing.assert_array_equal(fine.labels, mask[window])


def test_a_single_voxel_of_an_organ_at_the_border() -> None:
    volume, labels = labelled_volume((10, 10, 10), (30.0, 30.0, 30.0))
    labels[:] = 0
    labels[9, 0, 5] = 1
    fine = EfficientSegNetTrainingArrays(replace(CONSTANTS, fine_shape_zyx=(8, 8, 8))).prepare(volume, labels)["fine"]
    assert fine.labels.any()
    assert min(fine.image.shape) >= 8
