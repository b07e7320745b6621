"""Arrays are scored under the checks of files."""

from __future__ import annotations

import numpy as np
import pytest

import flarecli


def block(dtype: type = np.int16) -> np.ndarray:
    labels = np.zeros((6, 6, 6), dtype)
    labels[1:4, 1:4, 1:4] = 1
    return labels


@pytest.mark.parametrize(("value", "dtype"), [(-1, np.int16), (65536, np.int32), (2**40, np.int64), (2**63, np.uint64)])
def test_values_that_cannot_be_labels(value: int, dtype: type) -> None:
    wrong = block(dtype)
    wrong[0, 0, 0] = value
    for pred, truth, name in ((wrong, block(), "prediction"), (block(), wrong, "ground truth")):
        with pytest.raises(flarecli.FlareError, match=f"the {name} holds values that cannot be labels; seen: {value}"):
            flarecli.evaluate(pred, truth, (1, 1, 1))


@pytest.mark.parametrize("shape", [(0, 3, 3), (3, 0, 3), (0, 0, 0)])
def test_arrays_without_voxels(shape: tuple[int, ...]) -> None:
    nothing = np.zeros(shape, np.uint8)
    with pytest.raises(flarecli.FlareError, match="the prediction has no voxels"):
        flarecli.evaluate(nothing, nothing, (1, 1, 1))


def test_masked_voxels() -> None:
    masked = np.ma.masked_equal(block(), 1)
    for pred, truth in ((masked, block()), (block(), masked)):
        with pytest.raises(flarecli.FlareError, match="has voxels that are masked; seen: 27 masked voxels"):
            flarecli.evaluate(pred, truth, (1, 1, 1))
    for whole in (np.ma.masked_array(block()), np.ma.masked_equal(block(), 7)):
        assert flarecli.evaluate(whole, block(), (1, 1, 1))["liver"]["dsc"] == 1.0
    assert flarecli.evaluate(masked.filled(0), block(), (1, 1, 1))["liver"]["dsc"] == 0.0


@pytest.mark.parametrize("step", [0.0, -1.0, 1e-6, 1e5, np.nan, np.inf])
def test_spacings_that_no_file_may_have(step: float) -> None:
    with pytest.raises(flarecli.FlareError, match="need their spacing"):
        flarecli.evaluate(block(), block(), (step, 1, 1))
