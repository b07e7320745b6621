"""Arrays of equal spacing."""

from __future__ import annotations

import numpy as np

from flarecli.preprocessing.isotropic import IsotropicHu
from tests.preprocessing.volumes import labelled_volume

TWO_MM = IsotropicHu({"locate": 2.0, "coarse": 4.0, "refine": 2.0}, window_hu=(-1024, 2000))


def test_averages_where_it_shrinks_and_lines_where_it_grows() -> None:
    volume, labels = labelled_volume((20, 40, 40), (4.0, 1.0, 1.0))
    arrays = TWO_MM.prepare(volume, labels)["locate"]
    assert arrays.image.dtype == np.int16
    assert arrays.image.shape == (40, 20, 20)
    assert arrays.spacing_mm == (2, 2, 2)
    blocks = volume.voxels.reshape(20, 20, 2, 20, 2).mean(axis=(2, 4))
    between = np.clip(blocks[1:-1] * 0.75 + blocks[:-2] * 0.25, -1024, 2000)
    np.testing.assert_allclose(arrays.image[2:-2:2], between, rtol=0, atol=0.51)
    assert arrays.image.min() >= -1024
    assert arrays.image.max() <= 2000


def test_volumes_of_organs_stay() -> None:
    volume, labels = labelled_volume((33, 77, 81), (2.7, 1.1, 0.9))
    arrays = TWO_MM.prepare(volume, labels)["locate"]
    for label in range(1, 5):
        before = np.count_nonzero(labels == label) * np.prod(volume.grid.spacing_mm)
        after = np.count_nonzero(arrays.labels == label) * np.prod(arrays.spacing_mm)
        assert 0.9 < after / before < 1.1


def test_networks_of_the_same_spacing_share_one_array() -> None:
    arrays = TWO_MM.prepare(*labelled_volume((8, 8, 8), (2.0, 2.0, 2.0)))
    assert tuple(arrays) == TWO_MM.networks == ("locate", "coarse", "refine")
    assert arrays["locate"] is arrays["refine"]
    assert arrays["coarse"].image.shape == (4, 4, 4)
    assert arrays["coarse"].spacing_mm == (4, 4, 4)
