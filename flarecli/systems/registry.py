"""The systems by their names on the command line; a system's module is imported when it is asked for."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from flarecli.errors import UsageError

if TYPE_CHECKING:
    from flarecli.systems.base import System

_SYSTEMS = {
    "flarelite": ("flarecli.systems.flarelite", "Flarelite"),
    "efficientscn": ("flarecli.systems.efficientscn", "EfficientScn"),
    "efficientsegnet": ("flarecli.systems.efficientsegnet", "EfficientSegNet"),
    "vgg13": ("flarecli.systems.vgg13", "Vgg13"),
}

SYSTEM_NAMES: tuple[str, ...] = tuple(_SYSTEMS)
"""All known names, in the order of listings."""

DEFAULT_SYSTEM = "flarelite"
"""The system that is used when none is named: the one whose bundled weights are best on real scans."""


def system_named(name: str) -> System:
    """Make the system of that name, with its published constants.

    Raises:
        UsageError: when there is no such system; lists those there are.
    """
    if name not in _SYSTEMS:
        raise UsageError(
            "there is no such system",
            seen=name,
            expected=f"one of {', '.join(SYSTEM_NAMES)}",
            remedy="Choose one of those with --system.",
        )
    module, class_name = _SYSTEMS[name]
    system: System = getattr(import_module(module), class_name)()
    return system


def available_systems() -> dict[str, str]:
    """Title of each system, by its name for `flarecli.segment` and `--system`."""
    return {name: system_named(name).title for name in SYSTEM_NAMES}
