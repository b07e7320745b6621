"""How samples are cut from scans for each system's networks, and how these are applied to whole scans."""

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
