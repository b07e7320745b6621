"""DSC of masks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from flarecli.errors import InputError
from flarecli.metrics.overlap import dice, dice_of_counts

_PAIRS = array_shapes(min_dims=1, max_dims=3, max_side=5).flatmap(
    lambda shape: st.tuples(arrays(bool, shape), arrays(bool, shape))
)


@given(_PAIRS)
@settings(max_examples=60, deadline=None)
def test_follows_its_formula_and_is_symmetric(pair: tuple[np.ndarray, np.ndarray]) -> None:
    pred, gt = pair
    total = int(pred.sum()) + int(gt.sum())
    expected = 2 * int((pred & gt).sum()) / total if total else 1.0
    assert dice(pred, gt) == expected == dice(gt, pred)
    assert dice(pred, pred) == 1.0


def test_empty_masks() -> None:
    empty, full = np.zeros((2, 2, 2), bool), np.ones((2, 2, 2), bool)
    assert dice(empty, empty) == 1.0
    assert dice(empty, full) == dice(full, empty) == 0.0
    assert type(dice(empty, full)) is float
    assert dice_of_counts(0, 0, 0) == 1.0


@pytest.mark.parametrize("pred", [np.ones((2, 2), np.uint8), np.ones((2, 2)), [[1, 0], [0, 1]]])
def test_refuses_what_is_no_mask(pred: object) -> None:
    with pytest.raises(InputError, match=r"`pred` is not a mask.*expected: dtype bool"):
        dice(pred, np.ones((2, 2), bool))


def test_refuses_different_shapes() -> None:
    with pytest.raises(InputError, match=r"seen: \(2, 2\) and \(2, 3\)"):
        dice(np.ones((2, 2), bool), np.ones((2, 3), bool))
