"""The numbers of EfficientSegNet's inference, each with its source.

"Code" is the authors' public inference code, "paper" the article;
`docs/efficientsegnet.md` sets the two side by side.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class EfficientSegNetConstants:
    """Sizes, intensities and filters of the two stages. Axes are z, y, x.

    Attributes:
        coarse_shape_zyx: Size of the coarse network's input, whatever the scan's. Paper, code.
        fine_shape_zyx: Size of the fine network's input, whatever the region's. Paper, code.
        window_hu: Intensities are clipped to this range after resampling. Paper, code.
        deviation_epsilon: Added to the standard deviation that intensities are divided by. Code.
        region_margin_mm: Margin around the coarse organs. Code.
        kept_components: How many connected parts of liver, kidneys, spleen and pancreas are kept at most. Code.
        coarse_minimum_mm3: Parts of the coarse organs up to this volume are dropped. Code.
        fine_minimum_mm3: Parts of the fine organs up to this volume are dropped. Code.
        fine_minimum_in_network_voxels: Whether the smallest volume of the fine organs is turned into a number of
            voxels by the size of the network's voxels, as the code does, though the parts are counted in voxels of
            the scan by then. Off: the volume is what it says.
        touch_area_mm2: How much of a region's face organs may cover before they count as cut there. Ours: less
            than any organ's section.
    """

    coarse_shape_zyx: tuple[int, int, int] = (160, 160, 160)
    fine_shape_zyx: tuple[int, int, int] = (192, 192, 192)
    window_hu: tuple[float, float] = (-325.0, 325.0)
    deviation_epsilon: float = 1e-5
    region_margin_mm: float = 20.0
    kept_components: tuple[int, int, int, int] = (1, 2, 1, 1)
    coarse_minimum_mm3: float = 1000.0
    fine_minimum_mm3: float = 2000.0
    fine_minimum_in_network_voxels: bool = False
    touch_area_mm2: float = 20.0
