"""Values of two label maps: counted, and what they say about another protocol."""

from __future__ import annotations

import numpy as np
import pytest

from flarecli.metrics.label_values import ValueCounts, count_values, value_warnings
from flarecli.metrics.protocol import FLARE21, FLARE22


def directly(pred: np.ndarray, gt: np.ndarray) -> ValueCounts:
    """The same counts, one value after the other."""
    values = [int(value) for value in np.union1d(pred, gt) if value]
    pairs = {(p, g): int(((pred == p) & (gt == g)).sum()) for p in values for g in values}
    return ValueCounts(
        {value: int((pred == value).sum()) for value in values if (pred == value).any()},
        {value: int((gt == value).sum()) for value in values if (gt == value).any()},
        {pair: count for pair, count in pairs.items() if count},
    )


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int64])
@pytest.mark.parametrize("highest", [5, 255, 60_000])
def test_counts_are_those_of_all_voxels(dtype: type, highest: int) -> None:
    rng = np.random.default_rng(0)
    values = np.array([0, 1, 2, highest], np.int64).astype(dtype)
    pred, gt = (values[rng.integers(0, 4, (5, 7, 9))] for _ in range(2))
    pred[0] = gt[0] = 0
    assert count_values(pred, gt) == directly(pred, gt)


def test_nothing_is_counted_as_nothing() -> None:
    empty = np.zeros((3, 3, 3), np.uint8)
    assert count_values(empty, empty) == ValueCounts({}, {}, {})


def test_an_image_is_no_label_map_and_ends_nothing() -> None:
    image = np.arange(1000, dtype=np.int16).reshape(10, 10, 10)
    counts = count_values(image, image)
    assert len(counts.pred) < 256


def blocks(*values: int) -> np.ndarray:
    """A map with one slab of ten voxels for each value."""
    return np.repeat(np.array(values, np.uint8), 10).reshape(len(values), 2, 5)


def test_the_same_values_say_nothing() -> None:
    assert value_warnings(count_values(blocks(0, 1, 2, 3, 4), blocks(0, 1, 2, 3, 4)), FLARE21) == ()


def test_values_of_another_protocol_are_listed_with_their_voxels() -> None:
    warnings = value_warnings(count_values(blocks(0, 1, 2, 2, 3, 4), blocks(5, 1, 2, 13, 3, 4)), FLARE21)
    assert warnings[0] == (
        "the ground truth holds values that the protocol flare21 does not score: 5 (10 voxels), 13 (10 voxels)"
    )
    assert "100% of the ground truth's value 13 lie in the prediction's 2 (kidneys)" in warnings[1]
    assert "--protocol flare22" in warnings[-1]
    assert "--labels" in warnings[-1]


def test_organs_under_another_value_are_named() -> None:
    counts = count_values(blocks(1, 1, 2, 3, 4), blocks(5, 5, 2, 1, 7))
    text = " ".join(value_warnings(counts, FLARE21))
    assert "the ground truth's value 5 looks like the prediction's 1 (liver): DSC 1.00" in text
    assert "the ground truth's value 1 (liver) looks like the prediction's 3 (spleen): DSC 1.00" in text
    assert "the ground truth's value 7 looks like the prediction's 4 (pancreas): DSC 1.00" in text
    assert "kidneys" not in text


def test_a_swap_within_the_protocol_is_named_once_each() -> None:
    warnings = value_warnings(count_values(blocks(1, 3, 2, 4), blocks(3, 1, 2, 4)), FLARE21)
    assert len(warnings) == 2
    assert "value 3 (spleen) looks like the prediction's 1 (liver)" in warnings[0] + warnings[1]


def test_a_bad_prediction_is_no_exchange() -> None:
    assert value_warnings(count_values(blocks(0, 1, 0, 2), blocks(1, 0, 2, 0)), FLARE21) == ()


def test_the_thirteen_organs_know_their_values() -> None:
    values = blocks(*range(14))
    assert value_warnings(count_values(values, values), FLARE22) == ()


def test_many_values_are_cut_short() -> None:
    gt = np.arange(20, 220, dtype=np.uint8).reshape(2, 10, 10)
    (text, *_) = value_warnings(count_values(np.zeros_like(gt), gt), FLARE21)
    assert "and 188 more" in text
