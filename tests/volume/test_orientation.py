"""Axes are permuted and flipped as nibabel does it, and back."""

from __future__ import annotations

import itertools

import nibabel
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flarecli.volume.orientation import Orientation
from tests.synthetic_ct import affine, rotation

SHAPE = (4, 5, 6)
ALL_48 = [(axes, signs) for axes in itertools.permutations(range(3)) for signs in itertools.product((1, -1), repeat=3)]


def _directions(axes: tuple[int, ...], signs: tuple[int, ...]) -> np.ndarray:
    matrix = np.zeros((3, 3))
    for stored, (world, sign) in enumerate(zip(axes, signs, strict=True)):
        matrix[world, stored] = sign
    return matrix


@pytest.mark.parametrize(("axes", "signs"), ALL_48)
def test_canonical_view_and_affine_equal_nibabels(axes: tuple[int, ...], signs: tuple[int, ...]) -> None:
    stored = np.arange(np.prod(SHAPE)).reshape(SHAPE)
    matrix = affine(directions=_directions(axes, signs))
    orientation = Orientation.of_affine(matrix)
    expected = nibabel.as_closest_canonical(nibabel.Nifti1Image(stored.astype(np.int16), matrix))
    view = orientation.canonical_view(stored)
    assert np.shares_memory(view, stored)
    np.testing.assert_array_equal(view, np.asarray(expected.dataobj).T)
    np.testing.assert_array_equal(orientation.canonical_affine(matrix, SHAPE), expected.affine)
    np.testing.assert_array_equal(orientation.stored_view(view), stored)
    assert orientation.canonical_zyx((4.0, 4.5, 5.0)) == expected.header.get_zooms()[::-1]


def test_an_array_that_is_canonical_already_becomes_c_contiguous() -> None:
    stored = np.zeros(SHAPE, np.int16, order="F")
    assert Orientation.of_affine(np.eye(4)).canonical_view(stored).flags.c_contiguous


@given(
    angles=st.tuples(*[st.floats(-180, 180)] * 3),
    spacing=st.tuples(*[st.floats(0.3, 9.0)] * 3),
    origin=st.tuples(*[st.floats(-900, 900)] * 3),
)
def test_voxels_keep_their_place_in_the_world(
    angles: tuple[float, float, float],
    spacing: tuple[float, float, float],
    origin: tuple[float, float, float],
) -> None:
    matrix = affine(spacing, origin, rotation(angles))
    orientation = Orientation.of_affine(matrix)
    stored_index = np.indices(SHAPE)  # of each voxel, along its own stored axes
    canonical = orientation.canonical_affine(matrix, SHAPE)
    index_zyx = np.stack([orientation.canonical_view(index) for index in stored_index])
    x, y, z = np.indices(index_zyx.shape[1:])[::-1]
    by_canonical = np.tensordot(canonical[:3, :3], np.stack([x, y, z]), 1) + canonical[:3, 3, None, None, None]
    by_stored = np.tensordot(matrix[:3, :3], index_zyx, 1) + matrix[:3, 3, None, None, None]
    np.testing.assert_allclose(by_canonical, by_stored, atol=1e-9)
    assert np.linalg.det(canonical[:3, :3]) * np.linalg.det(matrix[:3, :3]) != 0
    np.testing.assert_array_equal(Orientation.of_affine(canonical).canonical_view(index_zyx[0].T), index_zyx[0])
