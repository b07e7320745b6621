"""Prediction on JAX: one system from scan to labels, and networks whose weights change."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from flarecli.engine.networks import network_of
from flarecli.phantom import make_phantom
from flarecli.segmentation import Segmenter
from tests.models import model_checks as checks

pytestmark = pytest.mark.skipif(checks.BACKEND != "jax", reason="is about JAX")

_ON_OPENVINO = """
import sys
import numpy as np
from flarecli.segmentation import Segmenter
scan = np.load(sys.argv[1])
segmenter = Segmenter("flarelite", backend="openvino", precision="float32")
np.save(sys.argv[2], segmenter((scan["voxels"], scan["affine"])).labels)
"""


@pytest.mark.slow
def test_a_scan_has_the_labels_of_openvino(tmp_path: Path) -> None:
    phantom = make_phantom(5, shape_zyx=(12, 36, 42), spacing_mm=(6.0, 6.0, 6.0))
    affine = np.diag([6.0, 6.0, 6.0, 1.0])
    with Segmenter("flarelite", backend="jax", device="cpu") as segmenter:
        result = segmenter((phantom.voxels, affine))
    chosen = result.record["runtime"]
    assert (chosen["backend"], chosen["device"], chosen["precision"]) == ("jax", "cpu", "float32")
    np.savez(tmp_path / "scan.npz", voxels=phantom.voxels, affine=affine)
    subprocess.run(
        [sys.executable, "-c", _ON_OPENVINO, tmp_path / "scan.npz", tmp_path / "labels.npy"],
        env={**os.environ, "KERAS_BACKEND": "openvino", "FLARE_CACHE": "off"},
        check=True,
    )
    expected = np.load(tmp_path / "labels.npy")
    assert len(np.unique(expected)) >= 3
    assert np.mean(result.labels != expected) < 1e-4


def test_weights_are_those_of_the_moment_of_the_call() -> None:
    image = keras.Input((1, None, None, None))
    layer = keras.layers.Conv3D(2, 1, data_format="channels_first")
    network = network_of(keras.Model(image, layer(image)), checks.runtime())
    ones = np.ones((4, 5, 6), np.float32)
    for factor in (2.0, 3.0):
        layer.set_weights([np.full((1, 1, 1, 1, 2), factor, np.float32), np.zeros(2, np.float32)])
        np.testing.assert_array_equal(network(ones), np.full((2, 4, 5, 6), factor, np.float32))
