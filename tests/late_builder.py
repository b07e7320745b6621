"""A builder in a module of its own, which imports Keras when called and not before."""

from __future__ import annotations

from typing import Any


def build() -> Any:
    from flarecli_models.efficientscn import localization_unet

    return localization_unet(filters=2, levels=2)
