"""EfficientSCN: localization at 6 mm, then a SpatialConfiguration-Net at 2 mm (Thaler et al., FLARE21)."""

from flarecli.systems.efficientscn.constants import EfficientScnConstants
from flarecli.systems.efficientscn.system import EfficientScn

__all__ = ["EfficientScn", "EfficientScnConstants"]
