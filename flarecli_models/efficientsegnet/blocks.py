"""The building blocks of EfficientSegNet, chained onto symbolic tensors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
from keras import layers

from flarecli_models.layers import AlignedResize3D, InstanceNormalization

Kernel = tuple[int, int, int]

POINT: Kernel = (1, 1, 1)
CUBE: Kernel = (3, 3, 3)
ISOTROPIC: tuple[Kernel, Kernel] = (CUBE, CUBE)
"""Kernels of the two convolutions of a residual block. Source: code."""

ANISOTROPIC: tuple[Kernel, Kernel] = ((3, 3, 1), (1, 1, 3))
"""Kernels (z, y, x) of an anisotropic convolution block. Source: code; the paper calls them intra-slice and
inter-slice, but on arrays (z, y, x) they span z and y, then x."""

NORMALIZATION_EPSILON = 1e-5
"""Source: code."""


@dataclass(frozen=True)
class Blocks:
    """Makes layers of one network: each method chains some onto a tensor and names them after `name`.

    No convolution has a bias, and every one but the last keeps the size, or halves it with strides of 2; it is padded
    with zeros on both sides alike.

    Attributes:
        dropout: Rate at which whole feature maps are dropped in training, between normalisation and ReLU.
        data_format: "channels_first" or "channels_last".
    """

    dropout: float
    data_format: str

    def convolution(
        self, x: Any, filters: int, kernel: Kernel, name: str, strides: int = 1, dtype: str | None = None
    ) -> Any:
        """Convolution alone; in the global precision where `dtype` is None."""
        if strides > 1 and kernel != POINT:
            # Keras pads even sizes on one side only where a stride meets them.
            margins = tuple(size // 2 for size in kernel)
            x = layers.ZeroPadding3D(margins, data_format=self.data_format, name=f"{name}_padding")(x)
        return layers.Conv3D(
            filters,
            kernel,
            strides,
            padding="same" if strides == 1 else "valid",
            use_bias=False,
            data_format=self.data_format,
            # Kaiming's normal distribution, not truncated as Keras' "he_normal" is. Source: code.
            kernel_initializer=keras.initializers.VarianceScaling(2.0, "fan_in", "untruncated_normal"),
            dtype=dtype,
            name=name,
        )(x)

    def normalized(
        self, x: Any, filters: int, kernel: Kernel, name: str, strides: int = 1, dtype: str | None = None
    ) -> Any:
        """Convolution, instance normalisation; in the global precision where `dtype` is None."""
        x = self.convolution(x, filters, kernel, name, strides, dtype)
        normalization = InstanceNormalization(
            NORMALIZATION_EPSILON, data_format=self.data_format, dtype=dtype, name=f"{name}_normalization"
        )
        return normalization(x)

    def activated(self, x: Any, filters: int, kernel: Kernel, name: str, strides: int = 1) -> Any:
        """Convolution, instance normalisation, channel dropout, ReLU."""
        x = self.normalized(x, filters, kernel, name, strides)
        x = layers.SpatialDropout3D(self.dropout, data_format=self.data_format, name=f"{name}_dropout")(x)
        return layers.ReLU(name=f"{name}_activation")(x)

    def residual(
        self,
        x: Any,
        filters: int,
        name: str,
        kernels: tuple[Kernel, Kernel] = ISOTROPIC,
        strides: int = 1,
        projects: bool = True,
    ) -> Any:
        """Two convolutions and a shortcut, added before the last ReLU.

        Args:
            x: Tensor to chain onto.
            filters: Channels of the result.
            name: Of the block.
            kernels: Of the two convolutions; `ANISOTROPIC` makes an anisotropic convolution block.
            strides: Of the first convolution and the shortcut.
            projects: Whether the shortcut is a normalised 1x1x1 convolution; `x` itself where not.
        """
        first, second = kernels
        y = self.activated(x, filters, first, f"{name}_conv0", strides)
        y = self.normalized(y, filters, second, f"{name}_conv1")
        if projects:
            x = self.normalized(x, filters, POINT, f"{name}_shortcut", strides)
        return layers.ReLU(name=f"{name}_output")(layers.Add(name=f"{name}_sum")([y, x]))

    def resized(self, x: Any, shape_zyx: tuple[int, int, int], name: str) -> Any:
        """Trilinear resizing with aligned corners."""
        return AlignedResize3D(shape_zyx, data_format=self.data_format, name=name)(x)
