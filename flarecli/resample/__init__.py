"""Resampling in few passes and little memory: axis operators, streamed images, restored labels."""

from flarecli.resample.axis import (
    aligned_matrix,
    area_matrix,
    chained,
    crop_and_pad_rows,
    gaussian_matrix,
    linear_matrix,
)
from flarecli.resample.restoring import class_map, restore_labels, restore_mask
from flarecli.resample.streaming import resample_separable

__all__ = [
    "aligned_matrix",
    "area_matrix",
    "chained",
    "class_map",
    "crop_and_pad_rows",
    "gaussian_matrix",
    "linear_matrix",
    "resample_separable",
    "restore_labels",
    "restore_mask",
]
