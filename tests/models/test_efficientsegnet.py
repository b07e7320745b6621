"""The EfficientSegNet networks: what every model must do, and parity with the published program."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from flarecli.engine.zero_weights import built_without_random_weights
from flarecli_models.data_format import CHANNELS_FIRST, resolved_data_format
from flarecli_models.efficientsegnet import coarse_unet, efficientsegnet
from flarecli_models.flops import count_operations
from flarecli_models.importers.efficientsegnet_state import import_state_dict
from tests.models import efficientsegnet_reference as reference
from tests.models import model_checks as checks
from tests.models.efficientsegnet_fixtures import full_width_state, state_of
from tests.shared_data import shared_path

pytestmark = pytest.mark.usefixtures("weights_of_zero")

SHAPE = (16, 20, 32)
LEVELS = 3
FIXTURE_SHAPE = (64, 80, 128)
NARROW = (4, 8, 16, 32, 64)

# The suggested bounds of the specification; the mildest mistake in the architecture exceeds both 40 times.
MAXIMUM, MEAN = 1e-3, 1e-4


def small_coarse(**options: object) -> keras.Model:
    return coarse_unet(SHAPE, filters=(3, 4, 6), labels=3, **options)


def small_fine(**options: object) -> keras.Model:
    return efficientsegnet(SHAPE, filters=(3, 4, 8), labels=3, **options)


def narrow_fine() -> keras.Model:
    """For the fixture of the fine network."""
    return efficientsegnet(FIXTURE_SHAPE, NARROW)


NETWORKS = pytest.mark.parametrize("build", [small_coarse, small_fine], ids=["coarse", "fine"])


@pytest.fixture(scope="module")
def batch() -> np.ndarray:
    """An image (1, 1, z, y, x) of mean 0 and variance 1."""
    return np.random.default_rng(11).standard_normal((1, 1, *SHAPE)).astype(np.float32)


def assert_parity(logits: np.ndarray, expected: np.ndarray) -> None:
    checks.assert_close(logits, expected, atol=MAXIMUM)
    assert np.abs(logits - expected).mean() < MEAN


def test_the_coarse_network_has_the_published_size() -> None:
    model = checks.built_once(coarse_unet)
    assert model.count_params() == 2_676_480
    assert count_operations(model, (160, 160, 160)).multiply_adds == 100_188_160_000


def test_the_fine_network_has_the_published_size() -> None:
    model = checks.built_once(efficientsegnet)
    assert model.count_params() == 9_366_016
    operations = count_operations(model, (192, 192, 192))
    assert operations.multiply_adds == 357_658_841_088
    assert round(operations.multiply_adds / 2**30, 1) == 333.1, "the paper's 333 GB"


@NETWORKS
def test_output_shapes_and_types(build: checks.Build) -> None:
    (logits,) = checks.built_once(build).outputs
    axis = 4 if checks.BACKEND == "tensorflow" else 1
    sizes = list(logits.shape)
    assert sizes.pop(axis) == 3
    assert tuple(sizes) == (None, *SHAPE)
    assert keras.backend.standardize_dtype(logits.dtype) == "float32"


@pytest.mark.parametrize(
    ("build", "shape", "message"),
    [
        (coarse_unet, (160, 152, 160), "multiples of 16 for 5 levels"),
        (coarse_unet, (160, 0, 160), "multiples of 16 for 5 levels"),
        (efficientsegnet, (64, 64, 120), "multiples of 16 for 5 levels"),
        (efficientsegnet, (48, 64, 128), r"leaves \(3, 4, 8\) voxels at the deepest level"),
        (efficientsegnet, (64, 64, 64), r"leaves \(4, 4, 4\) voxels at the deepest level"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(build: checks.Build, shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build(shape)


def test_the_smallest_fine_input_is_accepted() -> None:
    assert efficientsegnet((64, 64, 128), filters=(2, 2, 2, 2, 4)).count_params() > 0


@NETWORKS
def test_saved_models_come_back_exactly(build: checks.Build, batch: np.ndarray, tmp_path: Path) -> None:
    checks.check_saving(build, batch, None, tmp_path)


@NETWORKS
def test_layouts_agree(build: checks.Build, batch: np.ndarray) -> None:
    checks.check_layouts(build, batch, None, atol=1e-4)


# Measured with logits up to 11: bfloat16 (8 bits of mantissa) 0.34, float16 (11 bits) 0.05; the bounds are about three
# times that. TensorFlow pools maxima in float16 on GPUs only, where alone the engine computes in float16 too.
@checks.needs_training
@pytest.mark.parametrize(
    ("build", "policy", "atol"),
    [
        (small_coarse, "mixed_bfloat16", 1.0),
        (small_fine, "mixed_bfloat16", 1.0),
        (small_fine, "mixed_float16", 0.15),
    ],
)
def test_mixed_policies(build: checks.Build, policy: str, atol: float, batch: np.ndarray) -> None:
    checks.check_policy(policy, build, batch, None, atol)


def test_the_few_cells_of_pools_stay_in_float32() -> None:
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = small_fine()
    finally:
        keras.config.set_dtype_policy(policy)
    exact = {layer.name for layer in model.layers if layer.weights and layer.compute_dtype == "float32"}
    assert exact == {f"context_pyramid_pool{size}" for size in (2, 4)} | {f"context_strip_{axis}" for axis in "zyx"}


def test_the_coarse_network_equals_the_numpy_reference(batch: np.ndarray) -> None:
    model = checks.built_once(small_coarse)
    weights = checks.seeded_weights(model, seed=1)
    expected = reference.coarse_unet(batch[0], weights, LEVELS)[None]
    assert np.ptp(expected) > 1
    checks.assert_close(checks.predict(checks.with_weights(model, weights), batch), expected, atol=1e-4)


def test_the_fine_network_equals_the_numpy_reference(batch: np.ndarray) -> None:
    model = checks.built_once(small_fine)
    weights = checks.seeded_weights(model, seed=2)
    expected = reference.efficientsegnet(batch[0], weights, LEVELS)[None]
    assert np.ptp(expected) > 1
    checks.assert_close(checks.predict(checks.with_weights(model, weights), batch), expected, atol=1e-4)


@checks.needs_training
@NETWORKS
def test_training_drops_channels_and_reaches_every_kernel(build: checks.Build, batch: np.ndarray) -> None:
    keras.utils.set_random_seed(5)
    inputs = batch if checks.BACKEND == "torch" else np.moveaxis(batch, 1, -1)
    model, still = checks.built_once(build), build(dropout=0.0)
    checks.with_weights(model, weights := checks.seeded_weights(model, seed=9))
    checks.with_weights(still, weights)
    expected = keras.ops.convert_to_numpy(still(inputs, training=False))
    dropped = keras.ops.convert_to_numpy(model(inputs, training=True))
    trained = keras.ops.convert_to_numpy(still(inputs, training=True))
    assert np.abs(dropped - expected).max() > 0.1
    np.testing.assert_allclose(trained, expected, atol=1e-5)
    assert all(np.abs(gradient).max() > 0 for gradient in _gradients(still, inputs))


def test_the_coarse_network_equals_the_published_program() -> None:
    with np.load(shared_path("fixtures/efficientsegnet_coarse.npz")) as fixture:
        model = coarse_unet(fixture["input"].shape[2:])
        import_state_dict(model, state_of(fixture))
        assert_parity(checks.predict(model, fixture["input"]), fixture["output"])


def test_the_fine_network_equals_the_published_program() -> None:
    with np.load(shared_path("fixtures/efficientsegnet_fine.npz")) as fixture:
        model = checks.built_once(narrow_fine)
        import_state_dict(model, state_of(fixture))
        assert_parity(checks.predict(model, fixture["input"]), fixture["output"])


def test_the_full_width_equals_the_published_program() -> None:
    with np.load(shared_path("fixtures/efficientsegnet_fine_fullwidth_recipe.npz")) as fixture:
        with built_without_random_weights():
            model = efficientsegnet(FIXTURE_SHAPE)
        import_state_dict(model, full_width_state())
        assert_parity(checks.predict(model, fixture["input"]), fixture["output"])


def test_the_fine_network_in_bfloat16_stays_near_the_published_program() -> None:
    """Random weights, logits up to 6; measured on the three backends: at most 0.3 away, 0.5 % of the voxels."""
    with np.load(shared_path("fixtures/efficientsegnet_fine.npz")) as fixture:
        model = checks.in_precision("bfloat16", narrow_fine)
        import_state_dict(model, state_of(fixture))
        logits = checks.predict(model, fixture["input"], precision="bfloat16")
        deviation = np.abs(logits - fixture["output"])
        assert 0.01 < deviation.max() < 0.8
        assert deviation.mean() < 0.04
        assert np.mean((logits >= 0) == (fixture["output"] >= 0)) >= 0.99


COARSE_STAGES = {
    "pool": "encoder4_pool",
    **{f"conv{level}_0": f"encoder{level}_block1_output" for level in range(5)},
    **{f"conv{level}_{4 - level}": f"decoder{level}_block0_output" for level in range(4)},
    "final": "logits",
}
FINE_STAGES = {
    **{stage: layer for stage, layer in COARSE_STAGES.items() if stage != "pool"},
    "context_block": "context_output",
    **{f"trans_{level + 1}": f"reduction{level}_activation" for level in range(4)},
}


@checks.needs_eager
@pytest.mark.parametrize(
    ("name", "build", "stages"),
    [
        ("coarse", lambda: coarse_unet((32, 48, 64)), COARSE_STAGES),
        ("fine", narrow_fine, FINE_STAGES),
    ],
)
def test_every_stage_equals_the_published_program(
    name: str, build: Callable[[], keras.Model], stages: Mapping[str, str]
) -> None:
    """Not only the logits: 97 voxels and the statistics of each stage."""
    with np.load(shared_path(f"fixtures/efficientsegnet_{name}.npz")) as fixture:
        model = checks.built_once(build)
        import_state_dict(model, state_of(fixture))
        probed = {key.removeprefix("stage/") for key in fixture if key.startswith("stage/") and "|" not in key}
        assert probed == set(stages)
        first = resolved_data_format(None) == CHANNELS_FIRST
        image = fixture["input"] if first else np.moveaxis(fixture["input"], 1, -1)
        through = keras.Model(model.input, [model.get_layer(layer).output for layer in stages.values()])
        for stage, tensor in zip(stages, through(image, training=False), strict=True):
            features = keras.ops.convert_to_numpy(keras.ops.stop_gradient(tensor))
            features = features if first else np.moveaxis(features, -1, 1)
            assert list(features.shape) == fixture[f"stage/{stage}|shape"].tolist()
            voxels = features.ravel()[:: max(1, features.size // 97)][:97]
            np.testing.assert_allclose(voxels, fixture[f"stage/{stage}|probe"], rtol=0, atol=MAXIMUM, err_msg=stage)
            exact = features.astype(np.float64)
            statistics = [exact.mean(), exact.std(), exact.min(), exact.max(), np.abs(exact).sum()]
            np.testing.assert_allclose(statistics, fixture[f"stage/{stage}"], rtol=1e-4, atol=1e-4, err_msg=stage)


def _gradients(model: keras.Model, inputs: np.ndarray) -> list[np.ndarray]:
    """Gradients of the mean square of the outputs for each weight."""
    if checks.BACKEND == "torch":
        keras.ops.mean(keras.ops.square(model(inputs, training=True))).backward()
        return [weight.value.grad.cpu().numpy() for weight in model.trainable_weights]
    if checks.BACKEND == "jax":
        import jax

        others = [weight.value for weight in model.non_trainable_variables]

        def mean_square(trained: list[Any]) -> Any:
            outputs, _ = model.stateless_call(trained, others, inputs, training=True)
            return keras.ops.mean(keras.ops.square(outputs))

        found = jax.grad(mean_square)([weight.value for weight in model.trainable_variables])
        return [np.asarray(gradient) for gradient in found]
    import tensorflow

    with tensorflow.GradientTape() as tape:
        loss = keras.ops.mean(keras.ops.square(model(inputs, training=True)))
    return [gradient.numpy() for gradient in tape.gradient(loss, [weight.value for weight in model.trainable_weights])]
