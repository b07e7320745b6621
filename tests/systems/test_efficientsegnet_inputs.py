"""The images that EfficientSegNet's networks see, and masks back in the scan, against the published program."""

from __future__ import annotations

import numpy as np
import pytest

from flarecli.resample import restore_mask
from flarecli.systems.efficientsegnet import EfficientSegNetConstants
from flarecli.systems.efficientsegnet.inputs import network_input
from flarecli.volume.orientation import Orientation
from tests.shared_data import shared_path

CONSTANTS = EfficientSegNetConstants()


@pytest.mark.parametrize("network", ["coarse", "fine"])
def test_the_input_is_that_of_the_published_program(network: str) -> None:
    with np.load(shared_path(f"fixtures/efficientsegnet_{network}_testmode.npz")) as fixture:
        expected = fixture["after_input_layer"][0, 0]
        image = network_input(fixture["input_hu"], expected.shape, CONSTANTS)
    assert image.dtype == np.float32
    np.testing.assert_allclose(image, expected, rtol=0, atol=5e-5)


def test_the_input_layer_alone() -> None:
    with np.load(shared_path("fixtures/efficientsegnet_blocks.npz")) as fixture:
        shape = tuple(fixture["input_layer/size"].tolist())
        image = network_input(fixture["input_layer/input"][0, 0], shape, CONSTANTS)
        np.testing.assert_allclose(image, fixture["input_layer/output"][0, 0], rtol=0, atol=5e-6)
        assert CONSTANTS.window_hu == tuple(fixture["input_layer/window"])


def test_clipping_and_standardising_alone() -> None:
    """At the image's own size; the fixture's deviation is that of training, over N, at inference it is over N - 1."""
    with np.load(shared_path("fixtures/efficientsegnet_prepost.npz")) as fixture:
        voxels, expected = fixture["resample/image_int16"], fixture["normalize/mean_std_int16"]
    image = network_input(voxels, voxels.shape, CONSTANTS)
    np.testing.assert_allclose(image, expected * np.sqrt(1 - 1 / voxels.size), rtol=0, atol=1e-6)


def test_every_storage_is_seen_as_by_the_published_program() -> None:
    """The program flips by the signs of ITK's direction; the canonical view does the same."""
    with np.load(shared_path("fixtures/efficientsegnet_prepost.npz")) as fixture:
        stored, directions = fixture["axes/input"], fixture["axes/directions_zyx"]
        for (z, y, x), expected in zip(directions, fixture["axes/outputs"], strict=True):
            # ITK's x and y run to Left and Posterior.
            orientation = Orientation.of_affine(np.diag([-x, -y, z, 1.0]))
            np.testing.assert_array_equal(orientation.canonical_view(stored.T), expected)


def test_clipped_after_resizing_then_standardised() -> None:
    voxels = np.array([-1000, 1000], np.int16).reshape(2, 1, 1)
    image = network_input(voxels, (5, 1, 1), CONSTANTS).ravel()
    # -1000, -500, 0, 500, 1000 HU between the centres, then clipped; deviation with N - 1.
    expected = np.array([-325, -325, 0, 325, 325]) / (325.0 + 1e-5)
    np.testing.assert_allclose(image, expected, rtol=1e-6)


def test_an_even_image_is_zero() -> None:
    assert not network_input(np.full((3, 4, 5), 40, np.int16), (6, 6, 6), CONSTANTS).any()


def test_masks_of_the_published_logits() -> None:
    """On their own grid the logits that the program resized have the signs of its masks."""
    with np.load(shared_path("fixtures/efficientsegnet_fine_testmode.npz")) as fixture:
        for logits, mask in zip(fixture["output"][0], fixture["mask"][0], strict=True):
            out = np.empty(logits.shape, bool)
            restore_mask(logits, out.shape, out)
            np.testing.assert_array_equal(out, mask)
