"""Synthetic abdominal CT with labels: procedural or given organs, surroundings, intensities, acquisition."""

from flarecli.phantom.anatomy import Anatomy, OrganShape
from flarecli.phantom.case import Phantom, make_phantom
from flarecli.phantom.options import REALISTIC, WIDE, Phase, PhantomOptions, options_for
from flarecli.phantom.procedural import procedural_anatomy

__all__ = [
    "REALISTIC",
    "WIDE",
    "Anatomy",
    "OrganShape",
    "Phantom",
    "PhantomOptions",
    "Phase",
    "make_phantom",
    "options_for",
    "procedural_anatomy",
]
