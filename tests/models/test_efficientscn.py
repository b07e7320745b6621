"""The EfficientSCN networks: what every model must do, and parity with the published ones."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

from flarecli_models.efficientscn import localization_unet, spatial_configuration_net
from tests.models import efficientscn_reference as reference
from tests.models import model_checks as checks
from tests.shared_data import shared_path

pytestmark = pytest.mark.usefixtures("weights_of_zero")

SHAPE = (8, 16, 24)


def small_localization(**options: object) -> keras.Model:
    return localization_unet(filters=3, levels=3, outputs=2, **options)


def small_segmentation(labels: int = 3, **options: object) -> keras.Model:
    return spatial_configuration_net(
        local_filters=4, local_levels=2, spatial_filters=3, spatial_levels=2, labels=labels, **options
    )


def small_published() -> keras.Model:
    """As published, but narrow."""
    return spatial_configuration_net(local_filters=4, spatial_filters=3)


NETWORKS = pytest.mark.parametrize(
    ("build", "output"),
    [(small_localization, None), (small_segmentation, "final")],
    ids=["localization", "segmentation"],
)


@pytest.fixture(scope="module")
def batch() -> np.ndarray:
    """An image (1, 1, z, y, x) with values like HU / 2048."""
    return np.random.default_rng(11).uniform(-0.5, 0.5, (1, 1, *SHAPE)).astype(np.float32)


def test_localization_has_the_published_number_of_parameters() -> None:
    assert checks.built_once(localization_unet).count_params() == 637_474


def test_segmentation_has_the_published_number_of_parameters() -> None:
    assert checks.built_once(spatial_configuration_net).count_params() == 1_270_090


@pytest.mark.parametrize("shape", [(None, None, None), (32, 64, 96)])
def test_output_shapes_and_types(shape: tuple[int | None, ...]) -> None:
    axis = 1 if checks.BACKEND != "tensorflow" else 4
    model = spatial_configuration_net(shape, local_filters=4, local_levels=2, spatial_filters=3, spatial_levels=2)
    assert set(model.output) == {"final", "local", "spatial"}
    for tensor in model.output.values():
        sizes = list(tensor.shape)
        assert sizes.pop(axis) == 5
        assert tuple(sizes) == (None, *shape)
        assert keras.backend.standardize_dtype(tensor.dtype) == "float32"
    logits = localization_unet(shape, filters=3, outputs=3).output
    assert logits.shape[axis] == 3


@NETWORKS
def test_saved_models_come_back_exactly(
    build: checks.Build, output: str | None, batch: np.ndarray, tmp_path: Path
) -> None:
    checks.check_saving(build, batch, output, tmp_path)


@NETWORKS
def test_layouts_agree(build: checks.Build, output: str | None, batch: np.ndarray) -> None:
    checks.check_layouts(build, batch, output, atol=2e-6)


def test_unknown_layout_is_refused() -> None:
    with pytest.raises(ValueError, match=r"data_format \(='channels_middle'\) must be"):
        localization_unet(data_format="channels_middle")


# Measured here, the larger of TensorFlow and PyTorch on a CPU: bfloat16 (8 bits of mantissa) 1.1e-2 in logits up to 0.9
# and 7.7e-4 in scores up to 0.26; float16 (11 bits) 2.5e-3 and 2.3e-4. The bounds are about three times that.
@checks.needs_training
@pytest.mark.parametrize(
    ("policy", "logits_atol", "scores_atol"), [("mixed_bfloat16", 0.03, 0.0025), ("mixed_float16", 0.0075, 0.0007)]
)
def test_mixed_policies(policy: str, logits_atol: float, scores_atol: float, batch: np.ndarray) -> None:
    checks.check_policy(policy, small_localization, batch, None, logits_atol)
    checks.check_policy(policy, small_segmentation, batch, "final", scores_atol)


def test_localization_equals_the_numpy_reference(batch: np.ndarray) -> None:
    model = checks.built_once(small_localization)
    weights = checks.seeded_weights(model, seed=1)
    expected = reference.localization(batch[0], weights, levels=3)[None]
    assert np.ptp(expected) > 0.5
    checks.assert_close(checks.predict(checks.with_weights(model, weights), batch), expected, atol=1e-5)


def test_segmentation_equals_the_numpy_reference(batch: np.ndarray) -> None:
    model = small_segmentation(labels=5, epsilon=1e-5)
    weights = checks.seeded_weights(model, seed=2)
    expected = reference.segmentation(batch[0], weights, 2, 2, labels=5, epsilon=1e-5)
    actual = checks.predict_each(checks.with_weights(model, weights), batch)
    for output in ("final", "local", "spatial"):
        assert np.ptp(expected[output]) > 0.05
        checks.assert_close(actual[output], expected[output][None], atol=1e-5)
    np.testing.assert_allclose(actual["final"].sum(axis=1), 1.0, atol=1e-4)


@checks.needs_training
def test_training_noise_reaches_the_spatial_networks_only() -> None:
    keras.utils.set_random_seed(5)
    model = small_segmentation(dropout=0.0)
    checks.with_weights(model, checks.seeded_weights(model, seed=6))
    batch = np.random.default_rng(12).uniform(-0.5, 0.5, checks.batch_shape((32, 32, 32), 1)).astype(np.float32)
    trained, still = (model(batch, training=training) for training in (True, False))
    local, spatial = (
        np.abs(keras.ops.convert_to_numpy(trained[key]) - keras.ops.convert_to_numpy(still[key])).max()
        for key in ("local", "spatial")
    )
    assert local < 1e-6
    assert spatial > 1e-4


@pytest.mark.parametrize("case", ["noise", "ct"])
def test_localization_equals_the_published_network(case: str) -> None:
    with np.load(shared_path("fixtures/scn_localization.npz")) as fixture:
        model = checks.with_weights(checks.built_once(localization_unet), checks.fixture_weights(fixture))
        logits = checks.predict(model, fixture[f"input_{case}"])
        checks.assert_close(logits, fixture[f"output_{case}_logits"], atol=2e-3)
        label = logits[:, :1] < logits[:, 1:]
        assert np.mean(label == fixture[f"output_{case}_label"]) >= 0.9999


@pytest.mark.parametrize("case", ["noise", "ct"])
def test_localization_in_bfloat16_stays_near_the_published_network(case: str) -> None:
    """Logits reach 61; measured on OpenVINO, TensorFlow and PyTorch: at most 0.35 away, 13 of 262,144 labels."""
    with np.load(shared_path("fixtures/scn_localization.npz")) as fixture:
        weights = checks.fixture_weights(fixture)
        model = checks.in_precision("bfloat16", localization_unet)
        logits = checks.predict(checks.with_weights(model, weights), fixture[f"input_{case}"], precision="bfloat16")
        expected = fixture[f"output_{case}_logits"]
        deviation = np.abs(logits - expected)
        assert 0.01 < deviation.max() < 0.7
        assert deviation.mean() < 0.1
        label = logits[:, :1] < logits[:, 1:]
        assert np.mean(label == fixture[f"output_{case}_label"]) >= 0.9995


def assert_segmentation_parity(scores: dict[str, np.ndarray], fixture: np.lib.npyio.NpzFile) -> None:
    checks.assert_close(scores["final"], fixture["output_final"], atol=1e-5)
    checks.assert_close(scores["local"], fixture["output_local_logits"], atol=1e-4)
    checks.assert_close(scores["spatial"], fixture["output_spatial_logits"], atol=1e-4)
    assert checks.label_agreement(scores["final"], fixture["output_final"]) >= 0.9999


def test_segmentation_equals_the_published_network() -> None:
    with np.load(shared_path("fixtures/scn_segmentation.npz")) as fixture:
        assert (fixture["local_filters"], fixture["spatial_filters"]) == (32, 16)
        model = checks.with_weights(checks.built_once(spatial_configuration_net), checks.fixture_weights(fixture))
        assert_segmentation_parity(checks.predict_each(model, fixture["input"]), fixture)


def test_a_narrow_segmentation_equals_the_published_network_before_upsampling_too() -> None:
    with np.load(shared_path("fixtures/scn_segmentation_small.npz")) as fixture:
        assert (fixture["local_filters"], fixture["spatial_filters"]) == (4, 3)
        model = checks.with_weights(small_published(), checks.fixture_weights(fixture))
        axis = checks.channel_axis(checks.resolved_data_format(None))
        coarse = keras.layers.UpSampling3D(4, data_format=checks.resolved_data_format(None))(
            model.get_layer("spatial_coarse").output
        )
        assert coarse.shape[axis] == 5
        scores = checks.predict_each(keras.Model(model.inputs, {**model.output, "coarse": coarse}), fixture["input"])
        assert_segmentation_parity(scores, fixture)
        lowres = np.ascontiguousarray(scores["coarse"][..., ::4, ::4, ::4])
        checks.assert_close(lowres, fixture["output_spatial_logits_lowres"], atol=1e-4)


def test_segmentation_in_bfloat16_stays_near_the_published_network() -> None:
    """Random weights, scores near 0.2; measured on the three backends: at most 4.7e-3 away, 0.57 % of labels."""
    with np.load(shared_path("fixtures/scn_segmentation.npz")) as fixture:
        weights = checks.fixture_weights(fixture)
        model = checks.in_precision("bfloat16", spatial_configuration_net)
        scores = checks.predict(checks.with_weights(model, weights), fixture["input"], "final", "bfloat16")
        expected = fixture["output_final"]
        assert 1e-4 < np.abs(scores - expected).max() < 0.01
        assert checks.label_agreement(scores, expected) >= 0.99


def test_the_numpy_reference_equals_the_published_network() -> None:
    with np.load(shared_path("fixtures/scn_segmentation_small.npz")) as fixture:
        weights = checks.fixture_weights(fixture)
        scores = reference.segmentation(fixture["input"][0], weights, 5, 4, labels=5)
        for key, name, atol in (
            ("final", "final", 1e-6),
            ("local", "local_logits", 1e-5),
            ("spatial", "spatial_logits", 1e-5),
        ):
            np.testing.assert_allclose(scores[key], fixture[f"output_{name}"][0], rtol=0, atol=atol)
