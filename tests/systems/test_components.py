"""Largest connected parts against scipy's labelling, and against the published filter."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.ndimage
from hypothesis import given, settings
from hypothesis import strategies as st

from flarecli.systems.components import largest_components
from tests.shared_data import shared_path


def expected_parts(mask: np.ndarray, count: int, above_voxels: float) -> np.ndarray:
    """The definition, by scipy: parts in memory order, stably sorted by size."""
    parts, _ = scipy.ndimage.label(mask, np.ones((3, 3, 3)))
    sizes = np.bincount(parts.ravel())[1:]
    order = np.argsort(-sizes, kind="stable")[:count]
    return np.isin(parts, [part + 1 for part in order if sizes[part] > above_voxels])


@settings(deadline=None, max_examples=80)
@given(
    st.tuples(st.integers(1, 9), st.integers(1, 9), st.integers(1, 9)),
    st.integers(0, 4),
    st.sampled_from([0, 1, 2.5, 4]),
    st.floats(0, 0.4),
    st.integers(0, 2**31),
)
def test_any_mask_equals_the_definition(
    shape: tuple[int, int, int], count: int, above: float, density: float, seed: int
) -> None:
    mask = np.random.default_rng(seed).random(shape) < density
    np.testing.assert_array_equal(largest_components(mask, count, above), expected_parts(mask, count, above))


def test_parts_that_touch_at_a_corner_are_one() -> None:
    mask = np.zeros((4, 4, 4), bool)
    mask[:2, :2, :2] = mask[2:, 2:, 2:] = True
    np.testing.assert_array_equal(largest_components(mask, 1), mask)


def test_of_equally_large_parts_the_first_is_kept() -> None:
    mask = np.zeros((3, 1, 3), bool)
    mask[0, 0, 2] = mask[2, 0, 0] = True
    assert np.argwhere(largest_components(mask, 1)).tolist() == [[0, 0, 2]]


def test_a_part_must_exceed_the_smallest_size() -> None:
    mask = np.zeros((5, 5, 5), bool)
    mask[1:3, 1:3, 1:3] = True
    assert largest_components(mask, 1, 7.9).sum() == 8
    assert not largest_components(mask, 1, 8).any()


def test_views_are_taken_as_they_are_and_left_alone() -> None:
    mask = np.random.default_rng(2).random((8, 9, 10)) < 0.2
    flipped = mask[::-1, :, ::2]
    before = mask.copy()
    np.testing.assert_array_equal(largest_components(flipped, 2), expected_parts(flipped, 2, 0))
    np.testing.assert_array_equal(mask, before)


@pytest.mark.parametrize(
    ("case", "above"),
    [("cc", area) for area in ("0", "26.5", "27", "30", "149", "150", "1e9")] + [("cc_sparse", "3")],
)
def test_organs_are_filtered_as_by_the_published_program(case: str, above: str) -> None:
    with np.load(shared_path("fixtures/efficientsegnet_prepost.npz")) as fixture:
        masks, expected = fixture[f"{case}/pred"], fixture[f"{case}/out_area_{above}"]
    labels = np.zeros(expected.shape, np.uint8)
    for label, (mask, count) in enumerate(zip(masks, (1, 2, 1, 1), strict=True), start=1):
        labels[largest_components(mask > 0, count, float(above))] = label
    np.testing.assert_array_equal(labels, expected)
