"""The VGG-13 U-Net: what every model must do, and parity with the original."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
import pytest

from flarecli_models.flops import count_operations
from flarecli_models.importers.vgg13_state import layer_weights
from flarecli_models.vgg13_unet import vgg13_unet
from tests.models import model_checks as checks
from tests.models.vgg13_fixtures import OUTPUTS, full_state, narrow_state
from tests.shared_data import shared_path

pytestmark = pytest.mark.usefixtures("weights_of_zero")

WIDTH = 8
"""Base width of the narrow fixture."""


def small(**options: object) -> keras.Model:
    return vgg13_unet((32, 48), base_filters=4, **options)


def small_own() -> keras.Model:
    return small(batch_statistics=True)


def full_supervised() -> keras.Model:
    return vgg13_unet((64, 96), deep_supervision=True)


def full_own() -> keras.Model:
    return vgg13_unet((64, 96), batch_statistics=True)


BY_STATISTICS = pytest.mark.parametrize("build", [small, small_own], ids=["running", "own"])


@pytest.fixture(scope="module")
def batch() -> np.ndarray:
    """Two slices (2, 3, y, x) of zero mean and unit variance."""
    return np.random.default_rng(31).standard_normal((2, 3, 32, 48)).astype(np.float32)


@pytest.fixture(scope="module")
def supervised() -> keras.Model:
    """The full network with deep supervision."""
    return checks.built_once(full_supervised)


@pytest.fixture(scope="module")
def narrow() -> Iterator[np.lib.npyio.NpzFile]:
    with np.load(shared_path("fixtures/vgg13_deepsup_w8.npz")) as fixture:
        yield fixture


@pytest.fixture(scope="module")
def full() -> Iterator[np.lib.npyio.NpzFile]:
    with np.load(shared_path("fixtures/vgg13_deepsup.npz")) as fixture:
        yield fixture


@pytest.fixture(scope="module")
def state() -> dict[str, np.ndarray]:
    return full_state()


def trainable_parameters(model: keras.Model) -> int:
    return sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)


def assert_near(actual: np.ndarray, expected: np.ndarray) -> None:
    """Within the tolerance for float32 across frameworks; measured: at most 3.2e-4 for logits up to 103."""
    assert actual.dtype == np.float32
    assert np.ptp(expected) > 5
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=5e-4)


def test_parameters_of_the_code_and_of_the_paper(supervised: keras.Model) -> None:
    assert trainable_parameters(supervised) == 20_735_897
    encoder = [layer for layer in supervised.layers if layer.name.startswith(("encoder", "center"))]
    twice = sum(int(np.prod(weight.shape)) for layer in encoder for weight in layer.trainable_weights)
    assert trainable_parameters(supervised) + twice == 30_146_777
    assert supervised.count_params() - trainable_parameters(supervised) == 9_984


def test_prediction_needs_no_auxiliary_layers() -> None:
    model = checks.built_once(vgg13_unet)
    assert trainable_parameters(model) == 20_735_897 - 2_900
    assert not [layer.name for layer in model.layers if layer.name.startswith("aux")]
    assert count_operations(model, (512, 512)).multiply_adds == 196_863_852_544


def test_outputs_in_their_order(supervised: keras.Model) -> None:
    assert tuple(supervised.output) == OUTPUTS
    axis = 1 if checks.BACKEND != "tensorflow" else 3
    for tensor in supervised.output.values():
        assert tensor.shape[axis] == 5
        assert keras.backend.standardize_dtype(tensor.dtype) == "float32"
    assert set(vgg13_unet((None, None), base_filters=2, deep_supervision=True).output) == set(OUTPUTS)
    assert vgg13_unet((64, 32), base_filters=2, labels=3).output.shape == (
        (None, 3, 64, 32) if axis == 1 else (None, 64, 32, 3)
    )


@pytest.mark.parametrize("shape", [(512, 500), (8, 16)])
def test_sizes_that_halve_unevenly_are_refused(shape: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="must be a multiple of 16"):
        vgg13_unet(shape)


@BY_STATISTICS
def test_saved_models_come_back_exactly(build: checks.Build, batch: np.ndarray, tmp_path: Path) -> None:
    checks.check_saving(build, batch, None, tmp_path)


# Measured for logits of size 6: 3e-5.
def test_layouts_agree(batch: np.ndarray) -> None:
    checks.check_layouts(small, batch, None, atol=2e-4)


# Measured for logits of size 3: 6e-2 in bfloat16 on TensorFlow and PyTorch.
@checks.needs_training
def test_mixed_policy(batch: np.ndarray) -> None:
    checks.check_policy("mixed_bfloat16", small, batch, None, atol=0.2)


@BY_STATISTICS
def test_slices_do_not_see_each_other(build: checks.Build, batch: np.ndarray) -> None:
    model = checks.built_once(build)
    checks.with_weights(model, checks.seeded_weights(model, seed=32))
    together = checks.predict(model, batch)
    for index in range(2):
        alone = checks.predict(model, batch[index : index + 1])
        checks.assert_close(together[index : index + 1], alone, atol=2e-4)
    assert np.abs(together[0] - together[1]).max() > 0.1


def test_weights_of_training_become_those_of_prediction(batch: np.ndarray, tmp_path: Path) -> None:
    """The part of a trained network that ends in `final` saves a file that the plain network reads."""
    trained = small(deep_supervision=True)
    checks.with_weights(trained, checks.seeded_weights(trained, seed=33))
    keras.Model(trained.input, trained.output["final"]).save_weights(tmp_path / "trained.weights.h5")
    plain = small()
    plain.load_weights(tmp_path / "trained.weights.h5")
    expected = checks.predict(trained, batch, "final")
    checks.assert_close(checks.predict(plain, batch), expected, atol=1e-5)


@checks.needs_training
def test_own_statistics_are_those_of_training_with_a_batch_of_one(batch: np.ndarray) -> None:
    model, own = checks.built_once(small), checks.built_once(small_own)
    weights = checks.seeded_weights(model, seed=34)
    checks.with_weights(model, weights)
    checks.with_weights(own, weights)
    first = batch[:1]
    expected = model(first if model.inputs[0].shape[1] == 3 else np.moveaxis(first, 1, -1), training=True)
    expected = keras.ops.convert_to_numpy(keras.ops.stop_gradient(expected))
    if model.inputs[0].shape[1] != 3:
        expected = np.moveaxis(expected, -1, 1)
    assert np.ptp(expected) > 5
    checks.assert_close(checks.predict(own, first), expected, atol=1e-3)


def test_narrow_network_equals_the_original(narrow: np.lib.npyio.NpzFile) -> None:
    model = vgg13_unet((64, 96), WIDTH, deep_supervision=True)
    weights = layer_weights(narrow_state(narrow), WIDTH, deep_supervision=True)
    scores = checks.predict_each(checks.with_weights(model, weights), narrow["x"])
    assert tuple(scores) == OUTPUTS
    for output in OUTPUTS:
        assert_near(scores[output], narrow["logits" if output == "final" else output])


def test_narrow_network_with_own_statistics_equals_the_original(narrow: np.lib.npyio.NpzFile) -> None:
    model = vgg13_unet((64, 96), WIDTH, batch_statistics=True)
    weights = layer_weights(narrow_state(narrow), WIDTH)
    scores = checks.predict(checks.with_weights(model, weights), narrow["x"])
    assert_near(scores, narrow["logits_bn_batch_stats"])
    assert checks.label_agreement(scores, narrow["logits"]) < 0.9


def test_full_network_equals_the_original(full: np.lib.npyio.NpzFile, state: dict[str, np.ndarray]) -> None:
    model = checks.built_once(full_supervised)
    checks.with_weights(model, layer_weights(state, deep_supervision=True))
    slices = np.concatenate([full["x"], np.repeat(full["gray"], 3, axis=1)])
    scores = checks.predict_each(model, slices)
    for output in OUTPUTS:
        assert_near(scores[output][:1], full["logits" if output == "final" else output])
    assert_near(scores["final"][1:], full["gray_logits"])
    assert checks.label_agreement(scores["final"][:1], full["logits"]) >= 0.9999


def test_full_network_with_own_statistics_equals_the_original(
    full: np.lib.npyio.NpzFile, state: dict[str, np.ndarray]
) -> None:
    model = checks.with_weights(checks.built_once(full_own), layer_weights(state))
    scores = checks.predict(model, np.repeat(full["gray"], 3, axis=1))
    assert_near(scores, full["gray_logits_bn_batch_stats"])


def test_full_network_in_bfloat16_stays_near_the_original(
    full: np.lib.npyio.NpzFile, state: dict[str, np.ndarray]
) -> None:
    model = checks.in_precision("bfloat16", lambda: vgg13_unet((64, 96)))
    scores = checks.predict(checks.with_weights(model, layer_weights(state)), full["x"], precision="bfloat16")
    deviation = np.abs(scores - full["logits"])
    assert 0.01 < deviation.max() < 3
    assert checks.label_agreement(scores, full["logits"]) >= 0.95
