"""EfficientSegNet: a coarse residual U-Net and the context-aware network, as Keras 3 functional models.

Source: F. Zhang, Y. Wang, H. Yang, "Efficient Context-Aware Network for Abdominal Multi-organ Segmentation", 2021
(winner of FLARE21), and its published code.
"""

from flarecli_models.efficientsegnet.networks import coarse_unet, efficientsegnet

__all__ = ["coarse_unet", "efficientsegnet"]
