"""The segmentation systems, one package or file each, and how they are found by name."""

from flarecli.systems.registry import DEFAULT_SYSTEM, SYSTEM_NAMES, system_named

__all__ = ["DEFAULT_SYSTEM", "SYSTEM_NAMES", "system_named"]
