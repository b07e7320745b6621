"""Training arrays of each system, by its name on the command line."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from flarecli.errors import UsageError
from flarecli.preprocessing.isotropic import IsotropicHu
from flarecli.systems.training_arrays import TrainingArrays


def _of(module: str, class_name: str) -> Callable[[], Any]:
    return lambda: getattr(import_module(module), class_name)()


def _of_flarelite() -> TrainingArrays:
    from flarecli.systems.flarelite.constants import FlareliteConstants

    constants = FlareliteConstants()
    spacing_mm = {"locate": constants.locate_spacing.middle_mm, "refine": constants.refine_spacing.middle_mm}
    return IsotropicHu(spacing_mm, window_hu=(-1024, 2000))


_ARRAYS: dict[str, Callable[[], TrainingArrays]] = {
    "efficientscn": _of("flarecli.systems.efficientscn.training_arrays", "EfficientScnTrainingArrays"),
    "efficientsegnet": _of("flarecli.systems.efficientsegnet.training_arrays", "EfficientSegNetTrainingArrays"),
    "vgg13": _of("flarecli.systems.vgg13.training_arrays", "Vgg13TrainingArrays"),
    "flarelite": _of_flarelite,
}


def training_arrays_of(system: str) -> TrainingArrays:
    """The conversion of labelled scans to training arrays of a system.

    Raises:
        UsageError: when there is no such system; lists the known ones.
    """
    if system not in _ARRAYS:
        raise UsageError(
            "no training arrays are known for this system",
            seen=system,
            expected=f"one of {', '.join(_ARRAYS)}",
            remedy="Choose one of those with --system.",
        )
    return _ARRAYS[system]()
