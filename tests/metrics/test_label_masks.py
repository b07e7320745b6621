"""Masks of labels are cut to what holds everything and nothing more."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from flarecli.metrics.label_masks import masks_by_label


@given(
    array_shapes(min_dims=3, max_dims=3, max_side=6).flatmap(
        lambda shape: st.tuples(*[arrays(np.uint8, shape, elements=st.integers(0, 3))] * 2)
    )
)
@settings(max_examples=60, deadline=None)
def test_masks_keep_every_voxel_of_their_label(maps: tuple[np.ndarray, np.ndarray]) -> None:
    pred, gt = maps
    for label, (pred_mask, gt_mask) in zip((1, 2, 3), masks_by_label(pred, gt, (1, 2, 3)), strict=True):
        assert pred_mask.shape == gt_mask.shape
        assert pred_mask.sum() == (pred == label).sum()
        assert gt_mask.sum() == (gt == label).sum()
        assert (pred_mask & gt_mask).sum() == ((pred == label) & (gt == label)).sum()
