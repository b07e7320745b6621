"""EfficientSegNet: the whole scan at 160³ voxels, then the organ region at 192³ (Zhang et al., winner of FLARE21)."""

from flarecli.systems.efficientsegnet.constants import EfficientSegNetConstants
from flarecli.systems.efficientsegnet.system import EfficientSegNet

__all__ = ["EfficientSegNet", "EfficientSegNetConstants"]
