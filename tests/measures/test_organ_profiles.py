from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from flarecli.errors import InputError
from flarecli.measures.organ_profiles import organ_profiles
from flarecli.organs import ORGANS
from tests.labelled_volumes import grid_of

label_maps = npst.arrays(np.uint8, npst.array_shapes(min_dims=3, max_dims=3, max_side=6), elements=st.integers(0, 6))


@settings(deadline=None)
@given(label_maps)
def test_counts_are_those_of_every_slice(labels: np.ndarray) -> None:
    profiles = organ_profiles(labels, grid_of(labels.shape))
    assert [profile.organ for profile in profiles] == list(ORGANS)
    for profile in profiles:
        mask = labels == profile.organ.label
        assert profile.voxels == mask.sum()
        for axis, counts in enumerate(profile.counts_zyx):
            others = tuple(other for other in range(3) if other != axis)
            np.testing.assert_array_equal(counts, mask.sum(axis=others))


@settings(deadline=None)
@given(label_maps)
def test_box_is_tight_and_centroid_the_mean_index(labels: np.ndarray) -> None:
    for profile in organ_profiles(labels, grid_of(labels.shape)):
        places = np.argwhere(labels == profile.organ.label)
        if not len(places):
            assert profile.box_zyx is None
            assert profile.centroid_zyx is None
            continue
        assert profile.box_zyx == tuple(
            slice(low, high + 1) for low, high in zip(places.min(axis=0), places.max(axis=0), strict=True)
        )
        np.testing.assert_allclose(profile.centroid_zyx, places.mean(axis=0))


def test_strided_and_wider_label_maps_are_read_alike() -> None:
    labels = np.random.default_rng(0).integers(0, 5, (4, 6, 8))
    expected = organ_profiles(labels.astype(np.uint8), grid_of((4, 6, 8)))
    stored = np.asfortranarray(labels.astype(np.int64))
    for one, other in zip(organ_profiles(stored, grid_of((4, 6, 8))), expected, strict=True):
        np.testing.assert_array_equal(np.concatenate(one.counts_zyx), np.concatenate(other.counts_zyx))


@pytest.mark.parametrize(
    "labels", [np.zeros((3, 4, 6), np.uint8), np.zeros((3, 4), np.uint8), np.zeros((3, 4, 5), np.float32)]
)
def test_a_label_map_that_does_not_fit_is_refused(labels: np.ndarray) -> None:
    with pytest.raises(InputError) as caught:
        organ_profiles(labels, grid_of((3, 4, 5)))
    assert str(labels.shape) in str(caught.value)
    assert "(3, 4, 5)" in str(caught.value)
