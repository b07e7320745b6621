"""What the VGG-13 U-Net is trained on."""

from __future__ import annotations

import numpy as np
import pytest

from flarecli.systems.vgg13 import Vgg13Constants
from flarecli.systems.vgg13.inputs import grey_slice, resized_plane, stretched_slice
from flarecli.systems.vgg13.orientation import turned_view
from flarecli.systems.vgg13.training_arrays import Vgg13TrainingArrays
from tests.preprocessing.volumes import labelled_volume

CONSTANTS = Vgg13Constants(slice_size=32)


def test_slices_are_those_of_the_prediction_and_labels_turn_with_them() -> None:
    volume, labels = labelled_volume((9, 32, 32), (5.0, 2.0, 3.0))
    arrays = Vgg13TrainingArrays(CONSTANTS).prepare(volume, labels)["segmentation"]
    assert arrays.image.dtype == np.int16
    for index, plane in enumerate(volume.voxels):
        np.testing.assert_array_equal(stretched_slice(arrays.image[index], CONSTANTS), grey_slice(plane, CONSTANTS))
    np.testing.assert_array_equal(arrays.labels, labels.transpose(0, 2, 1)[:, ::-1, ::-1])
    assert arrays.spacing_mm == (5.0, 3.0, 2.0)


def test_slices_of_another_size_keep_their_intensities_to_half_a_unit() -> None:
    volume, labels = labelled_volume((4, 40, 40), (5.0, 2.0, 2.0))
    arrays = Vgg13TrainingArrays(CONSTANTS).prepare(volume, labels)["segmentation"]
    for index, plane in enumerate(volume.voxels):
        expected = resized_plane(turned_view(plane), (32, 32))
        np.testing.assert_allclose(arrays.image[index], expected, atol=0.5)
        grey = stretched_slice(arrays.image[index], CONSTANTS).astype(int)
        np.testing.assert_allclose(grey, grey_slice(plane, CONSTANTS), atol=1)


def test_resized_labels_reach_every_pixel_that_an_organ_touches() -> None:
    volume, labels = labelled_volume((3, 24, 24), (5.0, 2.0, 2.0))
    labels[:] = 0
    labels[1, 10:14, 4:8] = 3
    arrays = Vgg13TrainingArrays(CONSTANTS).prepare(volume, labels)["segmentation"]
    assert arrays.image.shape == arrays.labels.shape == (3, 32, 32)
    assert set(np.unique(arrays.labels)) == {0, 3}
    organ_mm2 = np.count_nonzero(arrays.labels) * arrays.spacing_mm[1] * arrays.spacing_mm[2]
    assert organ_mm2 > 16 * 4  # larger than it is, by less than a pixel on each side
    assert organ_mm2 < 36 * 4
    assert arrays.spacing_mm == pytest.approx((5.0, 1.5, 1.5))
