"""Operation counts: the published numbers of EfficientSCN, and each kind of layer by hand."""

from __future__ import annotations

import keras
import pytest
from keras import layers

from flarecli_models.data_format import CHANNELS_FIRST, CHANNELS_LAST
from flarecli_models.efficientscn import localization_unet, spatial_configuration_net
from flarecli_models.flops import OperationCounts, count_operations

pytestmark = pytest.mark.usefixtures("weights_of_zero")

# The published figures are TensorFlow's profiler's, which also counts five multiplications of integers, for shapes,
# in each pass along an axis: 12 passes in the localization network, 60 in the segmentation network.
LOCALIZATION_SHAPE_PRODUCTS = 5 * 12
SEGMENTATION_SHAPE_PRODUCTS = 5 * 60


@pytest.fixture(scope="module")
def localization() -> keras.Model:
    return localization_unet()


@pytest.fixture(scope="module")
def segmentation() -> keras.Model:
    return spatial_configuration_net()


def test_localization_counts_as_published(localization: keras.Model) -> None:
    counts = count_operations(localization, (32, 32, 32))
    assert counts == OperationCounts(
        convolution=8_602_058_752,
        bias=4_858_880,
        interpolation_products=4_193_340 - LOCALIZATION_SHAPE_PRODUCTS,
        interpolation_sums=2_096_640,
    )
    assert counts.total == 8_613_207_612 - LOCALIZATION_SHAPE_PRODUCTS
    assert counts.multiply_adds == 8_602_058_752 // 2


def test_segmentation_counts_as_published(segmentation: keras.Model) -> None:
    counts = count_operations(segmentation, (32, 32, 32))
    assert counts == OperationCounts(
        convolution=8_784_439_296,
        bias=5_146_944,
        interpolation_products=5_217_260 - SEGMENTATION_SHAPE_PRODUCTS,
        interpolation_sums=2_823_520,
    )
    assert counts.total == 8_797_627_020 - SEGMENTATION_SHAPE_PRODUCTS


def test_largest_inputs_count_as_published(localization: keras.Model, segmentation: keras.Model) -> None:
    largest_localization = count_operations(localization, (256, 80, 80)).total
    assert largest_localization == 430_660_377_660 - LOCALIZATION_SHAPE_PRODUCTS
    largest_segmentation = count_operations(segmentation, (160, 128, 160)).total
    assert largest_segmentation == 879_762_672_300 - SEGMENTATION_SHAPE_PRODUCTS


def test_counts_do_not_depend_on_the_order_of_axes(localization: keras.Model) -> None:
    assert count_operations(localization, (16, 32, 48)) == count_operations(localization, (48, 16, 32))


def test_strided_convolution_counts_its_output_voxels() -> None:
    image = keras.Input((None, None, None, 3))
    model = keras.Model(image, layers.Conv3D(5, 3, 2, padding="same", data_format=CHANNELS_LAST)(image))
    voxels = 4 * 5 * 6
    assert count_operations(model, (8, 10, 12)) == OperationCounts(2 * 27 * 3 * 5 * voxels, 5 * voxels)


def test_transposed_convolution_counts_its_input_voxels() -> None:
    image = keras.Input((3, None, None, None))
    upsampling = layers.Conv3DTranspose(5, 2, 2, data_format=CHANNELS_FIRST, use_bias=False)
    model = keras.Model(image, upsampling(image))
    assert count_operations(model, (4, 5, 6)) == OperationCounts(2 * 8 * 3 * 5 * 4 * 5 * 6)


def test_slices_groups_and_dense_layers() -> None:
    image = keras.Input((None, None, 4))
    features = layers.Conv2D(6, (3, 1), groups=2, padding="same", data_format=CHANNELS_LAST)(image)
    features = layers.BatchNormalization(axis=-1)(features)
    features = layers.ReLU()(features)
    model = keras.Model(image, layers.Dense(7, use_bias=False)(features))
    pixels = 8 * 10
    assert count_operations(model, (8, 10)) == OperationCounts(
        convolution=2 * 3 * 2 * 6 * pixels + 2 * 6 * 7 * pixels, bias=6 * pixels
    )


def test_models_within_models_count() -> None:
    inner_image = keras.Input((None, None, None, 2))
    inner = keras.Model(inner_image, layers.Conv3D(3, 1, data_format=CHANNELS_LAST)(inner_image))
    image = keras.Input((None, None, None, 2))
    outer = keras.Model(image, inner(image))
    assert count_operations(outer, (4, 4, 4)) == count_operations(inner, (4, 4, 4))
    assert count_operations(inner, (4, 4, 4)).total > 0


def test_sizes_that_do_not_fit_are_refused() -> None:
    model = localization_unet((32, 32, 32), filters=2, levels=2)
    with pytest.raises(ValueError, match=r"shape_zyx \(=\(32, 32, 48\)\) does not fit"):
        count_operations(model, (32, 32, 48))
    with pytest.raises(ValueError, match="does not fit"):
        count_operations(model, (32, 32))
