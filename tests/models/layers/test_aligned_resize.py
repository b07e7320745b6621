"""Trilinear resizing with aligned corners: the matrices of that interpolation."""

from __future__ import annotations

import numpy as np
import pytest

from flarecli.resample import aligned_matrix
from flarecli_models.data_format import CHANNELS_FIRST, CHANNELS_LAST
from flarecli_models.layers import AlignedResize3D
from tests.models import model_checks as checks
from tests.models.layers.aligned_resizing import Shape, resized
from tests.shared_data import shared_path

SIZES = pytest.mark.parametrize(
    ("shape", "target"),
    [
        ((3, 4, 5), (6, 8, 10)),
        ((7, 9, 12), (3, 5, 4)),
        ((4, 1, 1), (4, 5, 6)),
        ((4, 5, 6), (1, 5, 1)),
        ((2, 3, 4), (2, 7, 1)),
    ],
)


@SIZES
@pytest.mark.parametrize("data_format", [CHANNELS_FIRST, CHANNELS_LAST])
def test_equals_interpolation_matrices(shape: Shape, target: Shape, data_format: str) -> None:
    batch = np.random.default_rng(3).normal(size=(1, 2, *shape)).astype(np.float32)
    matrices = [aligned_matrix(n_in, n_out) for n_in, n_out in zip(shape, target, strict=True)]
    expected = np.einsum("az,by,cx,nkzyx->nkabc", *matrices, batch, optimize=True).astype(np.float32)
    checks.assert_close(resized(batch, target, data_format), expected, atol=2e-6)


@pytest.mark.parametrize(
    "case",
    [
        "upsample2_align_corners",
        "resize_up_align_corners",
        "resize_down_align_corners",
        "resize_from_singleton",
        "resize_to_one",
    ],
)
def test_equals_the_published_one(case: str) -> None:
    with np.load(shared_path("fixtures/efficientsegnet_blocks.npz")) as fixture:
        expected = fixture[f"{case}/output"]
        checks.assert_close(resized(fixture[f"{case}/input"], expected.shape[2:]), expected, atol=2e-6)


def test_settings_and_output_shape_are_told() -> None:
    layer = AlignedResize3D((6, 8, 10), data_format=CHANNELS_LAST, name="up")
    assert layer.compute_output_shape((None, 3, 4, 5, 7)) == (None, 6, 8, 10, 7)
    again = AlignedResize3D.from_config(layer.get_config())
    assert (again.shape_zyx, again.data_format, again.name) == ((6, 8, 10), CHANNELS_LAST, "up")


def test_operations_by_hand() -> None:
    # z stays, y is broadcast, x goes from 3 to 5 samples: two products and a sum for each of the 2 * 4 * 5 results.
    layer = AlignedResize3D((2, 4, 5), data_format=CHANNELS_FIRST)
    assert layer.interpolation_operations((1, 1, 2, 1, 3)) == (80, 40)
