"""The VGG-13 U-Net with deep supervision, slice by slice (IMT-Atlantique, FLARE21)."""

from flarecli.systems.vgg13.constants import Vgg13Constants
from flarecli.systems.vgg13.system import Vgg13

__all__ = ["Vgg13", "Vgg13Constants"]
