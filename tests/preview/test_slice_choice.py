from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from flarecli.preview.slice_choice import choose_slices


def bump(length: int, centre: int, half_width: int, height: int = 100) -> np.ndarray:
    return np.maximum(height - np.abs(np.arange(length) - centre) * height // half_width, 0)


def test_every_organ_is_shown_at_its_largest() -> None:
    counts = np.stack([bump(100, centre, 8) for centre in (15, 40, 62, 85)])
    assert choose_slices(counts, slice(0, 100), 4, 5) == [85, 62, 40, 15]


def test_a_small_organ_counts_as_much_as_a_large_one() -> None:
    counts = np.stack([bump(100, 30, 20, 10_000), bump(100, 80, 4, 8)])
    assert choose_slices(counts, slice(0, 100), 2, 5) == [80, 30]


def test_the_slice_that_shows_several_organs_comes_first() -> None:
    counts = np.stack([bump(100, 50, 30), bump(100, 50, 30), bump(100, 10, 5)])
    assert choose_slices(counts, slice(0, 100), 1, 5) == [50]


def test_further_slices_keep_their_distance() -> None:
    chosen = choose_slices(bump(100, 50, 40)[np.newaxis], slice(0, 100), 3, 10)
    assert 50 in chosen
    assert np.diff(chosen).max() <= -10


def test_a_near_slice_is_taken_where_an_organ_is_seen_nowhere_else() -> None:
    assert choose_slices(np.array([[9, 0], [0, 9]]), slice(0, 2), 4, 10) == [1, 0]
    assert choose_slices(np.array([[9, 8]]), slice(0, 2), 4, 10) == [0]


def test_without_organs_slices_are_spread_over_the_range() -> None:
    assert choose_slices(np.zeros((4, 100), int), slice(20, 70), 4, 10) == [60, 50, 40, 30]
    assert choose_slices(np.zeros((4, 2), int), slice(0, 2), 4, 10) == [1, 0]
    assert choose_slices(np.zeros((4, 1), int), slice(0, 1), 4, 10) == [0]


@settings(deadline=None)
@given(
    npst.arrays(np.int64, st.tuples(st.integers(1, 4), st.integers(2, 30)), elements=st.integers(0, 50)),
    st.integers(1, 4),
    st.integers(1, 8),
)
def test_slices_are_distinct_within_the_range_and_show_organs(
    counts: np.ndarray, number: int, least_distance: int
) -> None:
    within = slice(1, counts.shape[1])
    chosen = choose_slices(counts, within, number, least_distance)
    assert 1 <= len(chosen) <= number
    assert chosen == sorted(set(chosen), reverse=True)
    assert all(within.start <= index < within.stop for index in chosen)
    if counts[:, within].any():
        assert counts[:, chosen].any(axis=0).all()
