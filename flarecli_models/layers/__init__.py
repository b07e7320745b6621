"""Layers that Keras does not have, or not on every backend, one a file."""

from flarecli_models.layers.average_pooling import AveragePooling3D
from flarecli_models.layers.cubic_upsampling import CubicUpsampling3D
from flarecli_models.layers.entropy_fusion import EntropyFusion
from flarecli_models.layers.linear_upsampling import LinearUpsampling3D
from flarecli_models.layers.salt_and_pepper import SaltAndPepper3D

__all__ = ["AveragePooling3D", "CubicUpsampling3D", "EntropyFusion", "LinearUpsampling3D", "SaltAndPepper3D"]
