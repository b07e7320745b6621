"""Procedural organs, without label maps: liver, kidneys, spleen and pancreas from ellipsoids, shells and curved tubes.

Sizes and positions follow measurements of adult label maps (mean and spread of volumes, extents, centroids and
principal axes). Constants are in mm in the frame of `anatomy`, with x = 0 on the midline, for a patient of
mean size. `docs/phantom.md` compares fifty drawn patients with the measurements.
"""

from flarecli.phantom.organs.procedural.patient import procedural_anatomy

__all__ = ["procedural_anatomy"]
