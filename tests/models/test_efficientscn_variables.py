"""Published EfficientSCN variables into the models."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from flarecli_models.efficientscn import localization_unet, spatial_configuration_net
from flarecli_models.importers.efficientscn_variables import (
    assign_weights,
    localization_variables,
    read_variables,
    segmentation_variables,
)
from flarecli_models.importers.tensorflow_bundle import BundleError, TensorFlowBundle
from tests.models import model_checks as checks
from tests.models.originals.bundle_writer import write_bundle
from tests.shared_data import shared_path

pytestmark = pytest.mark.usefixtures("weights_of_zero")


@pytest.fixture(scope="module")
def segmentation_weights() -> dict[str, np.ndarray]:
    """Random weights of the full segmentation network, by `layer/part`."""
    return checks.seeded_weights(spatial_configuration_net(), seed=13)


def published(names: dict[str, str], weights: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The weights under their published names."""
    return {names[weight]: array for weight, array in weights.items()}


def test_every_weight_has_a_variable_and_none_is_used_twice() -> None:
    for names, model, count in (
        (localization_variables(), localization_unet(), 42),
        (segmentation_variables(), spatial_configuration_net(), 212),
    ):
        paths = {weight.path for weight in model.weights}
        assert set(names) == paths
        assert len(set(names.values())) == len(names) == count


@pytest.mark.parametrize(
    ("weight", "variable"),
    [
        ("local_contracting0_conv0/kernel", "local_appearance/variables/0"),
        ("local_contracting3_conv1/bias", "local_appearance/variables/15"),
        ("local_expanding0_conv0/kernel", "local_appearance/variables/20"),
        ("local_expanding4_conv1/bias", "local_appearance/variables/39"),
        ("local_prediction/kernel", "local_appearance/prediction/kernel"),
        ("spatial_label1_contracting0_conv0/kernel", "spatial_configuration/variables/0"),
        ("spatial_label2_expanding1_conv0/kernel", "spatial_configuration/variables/54"),
        ("spatial_label4_prediction/bias", "spatial_configuration/variables/135"),
        ("spatial_label0_contracting0_conv0/kernel", "spatial_configuration/variables/136"),
        ("spatial_label0_prediction/bias", "spatial_configuration/variables/169"),
    ],
)
def test_numbers_of_segmentation_variables(weight: str, variable: str) -> None:
    assert segmentation_variables()[weight] == variable


def test_segmentation_through_a_bundle(segmentation_weights: dict[str, np.ndarray], tmp_path: Path) -> None:
    names = segmentation_variables()
    write_bundle(tmp_path / "variables" / "variables", published(names, segmentation_weights))
    arrays = read_variables(TensorFlowBundle(tmp_path), names)
    model = spatial_configuration_net()
    assign_weights(model, arrays)
    for weight, expected in segmentation_weights.items():
        layer, part = weight.split("/")
        np.testing.assert_array_equal(np.asarray(getattr(model.get_layer(layer), part)), expected)


@pytest.mark.any_backend
def test_missing_and_unknown_variables_are_named(tmp_path: Path) -> None:
    names = localization_variables()
    arrays = published(names, checks.seeded_weights(localization_unet(), seed=1))
    del arrays["model/variables/41"]
    arrays["model/variables/42"] = np.zeros(2, np.float32)
    write_bundle(tmp_path / "variables", arrays)
    with pytest.raises(BundleError, match=r"missing variables: 1 \(first: model/variables/41\), unknown: 1 .*/42\)"):
        read_variables(TensorFlowBundle(tmp_path), names)


@pytest.mark.any_backend
def test_the_other_networks_bundle_is_refused(tmp_path: Path) -> None:
    names = localization_variables()
    write_bundle(tmp_path / "variables", published(names, checks.seeded_weights(localization_unet(), seed=1)))
    with pytest.raises(BundleError, match="missing variables: 212"):
        read_variables(TensorFlowBundle(tmp_path), segmentation_variables())


class TestAssignment:
    """Weights that do not fit a model are refused, and then none is changed."""

    @pytest.fixture
    def weights(self) -> dict[str, np.ndarray]:
        return checks.seeded_weights(localization_unet(filters=2, levels=2), seed=1)

    def refused(self, weights: dict[str, np.ndarray], match: str) -> None:
        model = localization_unet(filters=2, levels=2)
        before = [np.array(array) for array in model.get_weights()]
        with pytest.raises(ValueError, match=match):
            assign_weights(model, weights)
        for array, expected in zip(model.get_weights(), before, strict=True):
            np.testing.assert_array_equal(array, expected)

    def test_left_out(self, weights: dict[str, np.ndarray]) -> None:
        del weights["prediction/bias"]
        self.refused(weights, r"weights of efficientscn_localization without an array: 1 \(first: prediction/bias")

    def test_misshapen(self, weights: dict[str, np.ndarray]) -> None:
        weights["prediction/bias"] = np.zeros(3, np.float32)
        self.refused(weights, r"prediction/bias \(=\(3,\)\) must have the shape \(2,\)")

    def test_of_no_layer(self, weights: dict[str, np.ndarray]) -> None:
        weights["prediction2/bias"] = np.zeros(2, np.float32)
        self.refused(weights, "prediction2")

    def test_of_no_part(self, weights: dict[str, np.ndarray]) -> None:
        weights["prediction/gamma"] = np.zeros(2, np.float32)
        self.refused(weights, "prediction/gamma is not a weight of efficientscn_localization")


@pytest.mark.any_backend
def test_published_localization_equals_the_reference_weights() -> None:
    bundle = TensorFlowBundle(shared_path("data/published/efficientscn/localization"))
    arrays = read_variables(bundle, localization_variables())
    with np.load(shared_path("fixtures/scn_localization.npz")) as fixture:
        expected = checks.fixture_weights(fixture)
        assert set(arrays) == set(expected)
        for weight, array in arrays.items():
            assert array.dtype == np.float32
            np.testing.assert_array_equal(array, expected[weight])


@pytest.mark.any_backend
def test_published_segmentation_index_has_the_models_shapes(segmentation_weights: dict[str, np.ndarray]) -> None:
    bundle = TensorFlowBundle(shared_path("data/published/efficientscn/segmentation"))
    names = segmentation_variables()
    assert set(bundle.entries) == set(names.values())
    for weight, array in segmentation_weights.items():
        assert bundle.entries[names[weight]].shape == array.shape


@pytest.mark.any_backend
def test_reference_segmentation_through_a_bundle_of_the_published_index(tmp_path: Path) -> None:
    index = TensorFlowBundle(shared_path("data/published/efficientscn/segmentation"))
    names = segmentation_variables()
    with np.load(shared_path("fixtures/scn_segmentation.npz")) as fixture:
        weights = checks.fixture_weights(fixture)
    arrays = published(names, weights)
    assert {name: array.shape for name, array in arrays.items()} == {
        name: entry.shape for name, entry in index.entries.items()
    }
    write_bundle(tmp_path / "variables", arrays)
    read = read_variables(TensorFlowBundle(tmp_path), names)
    for weight, expected in weights.items():
        np.testing.assert_array_equal(read[weight], expected)
