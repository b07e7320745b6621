"""Synthetic abdominal CT with labels: procedural or given organs, surroundings, intensities, acquisition."""

from flarecli.phantom.case import Phantom, make_phantom
from flarecli.phantom.options import REALISTIC, WIDE, PhantomOptions, Phase, options_for
from flarecli.phantom.organs.anatomy import Anatomy, OrganShape
from flarecli.phantom.organs.label_maps import PreparedLabels, anatomy_from_labels, prepare_labels
from flarecli.phantom.organs.procedural import procedural_anatomy
from flarecli.phantom.surroundings import SURROUNDINGS

__all__ = [
    "REALISTIC",
    "SURROUNDINGS",
    "WIDE",
    "Anatomy",
    "OrganShape",
    "Phantom",
    "PhantomOptions",
    "Phase",
    "PreparedLabels",
    "anatomy_from_labels",
    "make_phantom",
    "options_for",
    "prepare_labels",
    "procedural_anatomy",
]
