"""flarelite: a small system of our own in two stages, the default."""

from flarecli.systems.flarelite.constants import FlareliteConstants
from flarecli.systems.flarelite.system import Flarelite

__all__ = ["Flarelite", "FlareliteConstants"]
