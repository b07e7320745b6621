"""How each system's networks look at scans."""

from flarecli.training.views.base import Decode, ScoresOf, View
from flarecli.training.views.crop import CropView, FirstStageGrid
from flarecli.training.views.resampled import ResampledView
from flarecli.training.views.slices import SliceView
from flarecli.training.views.window import WindowView

__all__ = [
    "CropView",
    "Decode",
    "FirstStageGrid",
    "ResampledView",
    "ScoresOf",
    "SliceView",
    "View",
    "WindowView",
]
