"""Convolutions of PyTorch in training on a CPU: results and gradients equal those in double precision."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from flarecli_models.layers import InstanceNormalization
from flarecli_models.torch_convolution import _blocks, _convolution, quicken_convolutions
from tests.models import model_checks as checks

pytestmark = pytest.mark.skipif(checks.BACKEND != "torch", reason="is about PyTorch")

FIRST = "channels_first"


def assert_near(actual: Any, expected: Any) -> None:
    """Equal but for the rounding of float32, beside the largest value."""
    np.testing.assert_allclose(
        actual.detach().numpy(), expected.detach().numpy(), rtol=0, atol=2e-5 * float(expected.detach().abs().max())
    )


@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize(
    ("size", "kernel", "margins", "dilation", "channels"),
    [
        ((9, 10, 11), (3, 3, 3), (1, 1, 1), (1, 1, 1), (5, 7)),
        ((9, 10, 11), (3, 3, 3), (2, 2, 2), (2, 2, 2), (5, 7)),
        ((9, 10, 12), (3, 3, 3), (0, 0, 0), (1, 2, 3), (5, 7)),
        ((9, 10, 40), (1, 3, 5), (0, 1, 2), (1, 1, 1), (4, 3)),
        ((8, 9, 10), (1, 1, 1), (0, 0, 0), (1, 1, 1), (16, 4)),
        ((1, 2, 1), (3, 3, 3), (1, 1, 1), (1, 1, 1), (1, 1)),
        ((6, 40, 50), (3, 3, 3), (1, 1, 1), (1, 1, 1), (16, 16)),
        ((4, 7, 6), (3, 3, 3), (1, 1, 1), (1, 1, 1), (300, 2)),
        ((3, 120, 130), (1, 5, 3), (0, 0, 0), (1, 1, 2), (20, 6)),
    ],
)
def test_results_and_gradients_are_pytorchs_own(
    batch: int,
    size: Sequence[int],
    kernel: Sequence[int],
    margins: Sequence[int],
    dilation: Sequence[int],
    channels: tuple[int, int],
) -> None:
    import torch

    torch.manual_seed(0)
    x = torch.randn(batch, channels[0], *size)
    weights = torch.randn(channels[1], channels[0], *kernel)
    results = []
    for dtype in (torch.float32, torch.float64):
        inputs = [value.detach().to(dtype).requires_grad_() for value in (x, weights)]
        if dtype is torch.float32:
            y = _convolution().apply(*inputs, margins, dilation)
        else:
            y = torch.nn.functional.conv3d(*inputs, None, 1, margins, dilation)
        torch.manual_seed(1)
        y.backward(torch.randn(y.shape).to(dtype))
        results.append([y, *(value.grad for value in inputs)])
    for actual, expected in zip(*results, strict=True):
        assert actual.shape == expected.shape
        assert_near(actual, expected)


@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (2, 3, 4, 5), (1, 7, 1), (3, 1, 100)])
@pytest.mark.parametrize("positions", [0, 1, 5, 20, 60, 10_000])
def test_blocks_hold_every_position_once(shape: tuple[int, ...], positions: int) -> None:
    count = np.zeros(shape, int)
    for block in _blocks(shape, positions):
        count[block] += 1
        assert count[block].size <= max(1, positions)
    assert (count == 1).all()


def build(x: Any) -> Any:
    """A network with convolutions of all kinds, of which some are left as they are."""
    y = layers.Conv3D(6, 3, padding="same", data_format=FIRST, name="centred")(x)
    y = layers.LeakyReLU(0.1)(InstanceNormalization(data_format=FIRST)(y))
    z = layers.Conv3D(8, 2, 2, data_format=FIRST, use_bias=False, name="strided")(y)
    z = layers.Conv3D(8, 3, padding="same", groups=2, data_format=FIRST, name="grouped")(z)
    z = layers.Conv3D(8, 2, padding="same", data_format=FIRST, name="one_sided")(z)
    z = layers.Conv3DTranspose(4, 2, 2, data_format=FIRST)(z)
    y = layers.Concatenate(1)([y, z])
    y = layers.Conv3D(5, (3, 1, 3), padding="same", data_format=FIRST, activation="relu", name="flat")(y)
    return layers.Conv3D(3, 1, data_format=FIRST, name="scores")(y)


def trained(policy: str, *, quick: bool) -> tuple[keras.Model, list[float]]:
    """The network after three updates, and their losses."""

    def make() -> keras.Model:
        image = keras.Input((2, None, None, None))
        return keras.Model(image, build(image))

    model = checks.under_policy(policy, make)
    checks.with_weights(model, checks.seeded_weights(model, seed=61))
    if quick:
        quicken_convolutions(model)
    model.compile(optimizer=keras.optimizers.SGD(0.05), loss="mean_squared_error", jit_compile=False)
    generator = np.random.default_rng(62)
    batch = generator.normal(size=(2, 2, 8, 10, 12)).astype(np.float32)
    target = generator.normal(size=(2, 3, 8, 10, 12)).astype(np.float32)
    return model, [float(model.train_on_batch(batch, target)) for _ in range(3)]


def test_a_network_trains_as_before() -> None:
    (plain, losses), (quick, quick_losses) = trained("float32", quick=False), trained("float32", quick=True)
    np.testing.assert_allclose(quick_losses, losses, rtol=1e-5)
    assert losses[2] < losses[0]
    for one, other in zip(plain.get_weights(), quick.get_weights(), strict=True):
        np.testing.assert_allclose(other, one, atol=1e-5)


def test_other_numbers_and_kinds_of_convolutions_are_left_to_pytorch() -> None:
    (plain, losses), (quick, quick_losses) = (trained("mixed_bfloat16", quick=quick) for quick in (False, True))
    assert quick_losses == losses
    for one, other in zip(plain.get_weights(), quick.get_weights(), strict=True):
        np.testing.assert_array_equal(other, one)
    changed = {layer.name for layer in quick.layers if "convolution_op" in vars(layer)}
    assert changed == {"centred", "flat", "scores"}


def test_weights_files_are_the_same(tmp_path: Path) -> None:
    quick, _ = trained("float32", quick=True)
    quick.save_weights(tmp_path / "quick.weights.h5")
    plain, _ = trained("float32", quick=False)
    plain.load_weights(tmp_path / "quick.weights.h5")
    for one, other in zip(plain.get_weights(), quick.get_weights(), strict=True):
        np.testing.assert_array_equal(other, one)
