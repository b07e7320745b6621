"""Resampling in few passes and little memory: axis operators, streamed images, restored labels."""

from flarecli.resample.axis import (
    aligned_matrix,
    area_matrix,
    chained,
    crop_and_pad_rows,
    gaussian_matrix,
    linear_matrix,
    sampled_matrix,
)
from flarecli.resample.label_shares import labels_above_share, labels_of_largest_share
from flarecli.resample.restoring import class_map, restore_labels, restore_mask, window_of_mask
from flarecli.resample.streaming import resample_separable

__all__ = [
    "aligned_matrix",
    "area_matrix",
    "chained",
    "class_map",
    "crop_and_pad_rows",
    "gaussian_matrix",
    "labels_above_share",
    "labels_of_largest_share",
    "linear_matrix",
    "resample_separable",
    "restore_labels",
    "restore_mask",
    "sampled_matrix",
    "window_of_mask",
]
