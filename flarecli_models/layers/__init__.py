"""Layers that Keras does not have, or not on every backend, one a file."""

from flarecli_models.layers.aligned_resize import AlignedResize3D
from flarecli_models.layers.average_pooling import AveragePooling3D
from flarecli_models.layers.class_probabilities import ClassProbabilities
from flarecli_models.layers.cubic_upsampling import CubicUpsampling3D
from flarecli_models.layers.entropy_fusion import EntropyFusion
from flarecli_models.layers.instance_normalization import InstanceNormalization
from flarecli_models.layers.linear_upsampling import LinearUpsampling3D
from flarecli_models.layers.linear_upsampling_2d import LinearUpsampling2D
from flarecli_models.layers.per_image_normalization import PerImageNormalization
from flarecli_models.layers.salt_and_pepper import SaltAndPepper3D

__all__ = [
    "AlignedResize3D",
    "AveragePooling3D",
    "ClassProbabilities",
    "CubicUpsampling3D",
    "EntropyFusion",
    "InstanceNormalization",
    "LinearUpsampling2D",
    "LinearUpsampling3D",
    "PerImageNormalization",
    "SaltAndPepper3D",
]
