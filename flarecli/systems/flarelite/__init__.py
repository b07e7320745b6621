"""flarelite: flare's own small two-stage system, the default."""

from flarecli.systems.flarelite.constants import FlareliteConstants
from flarecli.systems.flarelite.system import Flarelite

__all__ = ["Flarelite", "FlareliteConstants"]
