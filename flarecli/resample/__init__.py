"""Separable resampling in few passes and little memory: 1-D resampling matrices, streaming, label resampling."""

from flarecli.resample.axis import (
    aligned_matrix,
    area_matrix,
    composed,
    crop_and_pad_rows,
    gaussian_matrix,
    linear_matrix,
    sampled_matrix,
)
from flarecli.resample.majority_vote import labels_above_share, majority_labels
from flarecli.resample.restoring import class_map, restore_labels, restore_mask, window_of_mask
from flarecli.resample.streaming import resample_separable

__all__ = [
    "aligned_matrix",
    "area_matrix",
    "class_map",
    "composed",
    "crop_and_pad_rows",
    "gaussian_matrix",
    "labels_above_share",
    "linear_matrix",
    "majority_labels",
    "resample_separable",
    "restore_labels",
    "restore_mask",
    "sampled_matrix",
    "window_of_mask",
]
