"""Slices on their way into the VGG-13 U-Net and back, compared with the original's."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from flarecli.systems.vgg13 import Vgg13Constants
from flarecli.systems.vgg13.inputs import grey_slice, network_batch
from flarecli.systems.vgg13.orientation import turned_view
from flarecli.systems.vgg13.restoring import restored_labels
from tests.shared_data import shared_path

CONSTANTS = Vgg13Constants(slice_size=64)


@pytest.mark.parametrize("case", ["same", "up"])
def test_inputs_equal_the_original(case: str) -> None:
    with np.load(shared_path("fixtures/vgg13_deepsup_prepost.npz")) as fixture:
        voxels = np.ascontiguousarray(fixture[f"{case}/volume"].T)
        constants = replace(CONSTANTS, slice_size=int(fixture[f"{case}/size"]))
        grey = np.stack([grey_slice(plane, constants) for plane in voxels])
        # The original turns its slices once more between the two.
        np.testing.assert_array_equal(grey, fixture[f"{case}/slices_u8"].transpose(0, 2, 1))
        images = network_batch(grey, constants)
        assert images.dtype == np.float32
        np.testing.assert_allclose(images, fixture[f"{case}/net_input"], rtol=0, atol=1e-5)


@pytest.mark.parametrize("key", ["labels_64x64", "labels_48x60"])
def test_restored_labels_equal_the_original(key: str) -> None:
    with np.load(shared_path("fixtures/vgg13_deepsup_prepost.npz")) as fixture:
        expected = fixture[key].T
        labels = restored_labels(fixture["net_classes"], expected.shape, CONSTANTS)
        assert labels.dtype == np.uint8
        assert set(np.unique(expected)) == {0, 1, 2, 3, 4}
        np.testing.assert_array_equal(labels, expected)


def test_rows_run_to_the_left_and_columns_to_posterior() -> None:
    plane = np.zeros((64, 64), np.int16)
    plane[5:10, 40:60] = 1000
    grey = grey_slice(plane, CONSTANTS)
    np.testing.assert_array_equal(np.argwhere(grey == 255)[[0, -1]], [[4, 54], [23, 58]])


def test_turning_twice_is_not_turning() -> None:
    plane = np.arange(12).reshape(3, 4)
    np.testing.assert_array_equal(turned_view(turned_view(plane)), plane)
    assert turned_view(plane).base is not None


def test_intensities_lie_between_the_slices_own_percentiles() -> None:
    plane = np.arange(64 * 64, dtype=np.int16).reshape(64, 64)
    grey = grey_slice(plane, CONSTANTS)
    assert np.count_nonzero(grey == 0) == pytest.approx(41 + 8, abs=1)
    assert np.count_nonzero(grey == 255) == pytest.approx(41 + 8, abs=1)
    brighter = grey_slice(plane * 3 + 200, CONSTANTS)
    np.testing.assert_allclose(brighter.astype(int), grey, atol=1)


@pytest.mark.parametrize("value", [-1024, 0, 500])
def test_uniform_slices_stay_black(value: int) -> None:
    plane = np.full((64, 64), value, np.int16)
    plane[0, 0] = 3000
    grey = grey_slice(plane, CONSTANTS)
    assert not grey.any()
    assert not network_batch(grey[None], CONSTANTS).any()


def test_each_slice_is_normalised_by_itself() -> None:
    generator = np.random.default_rng(61)
    grey = np.stack([generator.integers(0, high, (64, 64)) for high in (20, 200)]).astype(np.uint8)
    images = network_batch(grey, CONSTANTS)
    assert images.shape == (2, 3, 64, 64)
    np.testing.assert_allclose(images.mean(axis=(1, 2, 3)), 0, atol=1e-5)
    np.testing.assert_allclose(images.std(axis=(1, 2, 3)), 1, atol=1e-5)
    np.testing.assert_array_equal(images[:, 0], images[:, 2])


def test_nearly_uniform_slices_keep_their_levels() -> None:
    grey = np.full((1, 64, 64), 7, np.uint8)
    grey[0, 0, :2] = 9
    np.testing.assert_array_equal(network_batch(grey, CONSTANTS)[0, 1], grey[0])


def test_a_lower_share_gives_larger_organs() -> None:
    classes = np.zeros((64, 64), np.uint8)
    classes[10:30, 20:50] = 3
    areas = [
        np.count_nonzero(restored_labels(classes, (100, 90), replace(CONSTANTS, restoring_share=share)))
        for share in (0.95, 0.5)
    ]
    # 30 x 20 pixels of 64 x 64 are 47 x 28 of 100 x 90.
    assert areas[0] < areas[1] == pytest.approx(47 * 28, rel=0.05)
