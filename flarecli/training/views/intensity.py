"""From HU to the input of a network, with augmentation in training."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class IntensityChange:
    """A random change of intensities.

    Attributes:
        shift: Added to the scaled image.
        factor: Then multiplied with it.
        gamma: Exponent of the gamma correction before the scaling.
    """

    shift: float
    factor: float
    gamma: float


@dataclass(frozen=True)
class Intensity:
    """Linear scaling and clipping of HU, with augmentation in training.

    The image is (HU - offset_hu) / scale_hu, clipped to the scaled `window_hu`. In training, in this order: gamma
    correction between the image's extremes, scaling, shift, factor, clipping.

    Attributes:
        window_hu: Range of HU.
        offset_hu: HU that are scaled to 0.
        scale_hu: Difference from these that is scaled to 1.
        shift: Largest absolute shift of the scaled image.
        factor: Largest relative change of its scale.
        gamma: Range of the exponent of the gamma correction.
    """

    window_hu: tuple[float, float] = (-2048.0, 2048.0)
    offset_hu: float = 0.0
    scale_hu: float = 2048.0
    shift: float = 0.0
    factor: float = 0.0
    gamma: tuple[float, float] = (1.0, 1.0)

    def plain(self, hu: np.ndarray) -> np.ndarray:
        """The image without augmentation; float32."""
        return self._clipped(self._scaled(hu.astype(np.float32)))

    def augmented(self, hu: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """The augmented image; float32. Always draws three numbers."""
        change = self.drawn(rng)
        image = hu.astype(np.float32)
        if change.gamma != 1.0:
            _raise_to_power(image, change.gamma)
        self._scaled(image)
        image += np.float32(change.shift)
        image *= np.float32(change.factor)
        return self._clipped(image)

    def drawn(self, rng: np.random.Generator) -> IntensityChange:
        """Draw a change: three numbers."""
        shift = rng.uniform(-self.shift, self.shift)
        factor = rng.uniform(1 - self.factor, 1 + self.factor)
        return IntensityChange(shift, factor, rng.uniform(*self.gamma))

    @property
    def limits(self) -> tuple[float, float]:
        """Least and greatest value of the image."""
        low, high = ((limit - self.offset_hu) / self.scale_hu for limit in self.window_hu)
        return low, high

    def _scaled(self, image: np.ndarray) -> np.ndarray:
        if self.offset_hu:
            image -= np.float32(self.offset_hu)
        image *= np.float32(1.0 / self.scale_hu)
        return image

    def _clipped(self, image: np.ndarray) -> np.ndarray:
        low, high = self.limits
        return np.clip(image, np.float32(low), np.float32(high), out=image)


def _raise_to_power(image: np.ndarray, power: float) -> None:
    """Gamma correction between the image's own extremes, in place."""
    low, high = float(image.min()), float(image.max())
    if high > low:
        image -= np.float32(low)
        image *= np.float32(1.0 / (high - low))
        np.power(image, np.float32(power), out=image)
        image *= np.float32(high - low)
        image += np.float32(low)
