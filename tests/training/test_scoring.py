"""The cross-entropy that selects weights is that of background and organs, whatever the channels and slices."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from flarecli.training.recipes import recipe_named
from flarecli.training.samples.batches import BatchBuilder
from flarecli.training.scoring import score_scans
from flarecli.training.targets import Target
from flarecli.training.views import CropView, SliceView
from flarecli.training.views.base import View
from flarecli.training.views.scan import LabelledScan
from tests.training.small_scans import labelled_scan

pytestmark = pytest.mark.any_backend

SURE = 15.0
"""Logit of the class that is meant; the others have 0."""


class Oracle:
    """Scores by the labels of the sample, of which the organs or the kind of surroundings may be wrong."""

    def __init__(self, channels: int, axis: int, *, background: int = 0, misses: int | None = None) -> None:
        self._channels, self._axis, self._background, self._misses = channels, axis, background, misses
        self.labels = np.zeros(0)

    def __call__(self, image: np.ndarray) -> np.ndarray:
        meant = np.where(self.labels == 0, self._background, self.labels)
        meant = np.where(self.labels == self._misses, 0, meant)
        return np.stack([np.where(meant == channel, SURE, 0.0) for channel in range(self._channels)], self._axis)


class Remembering:
    """A builder of inputs that tells the oracle the labels of the sample."""

    def __init__(self, oracle: Oracle) -> None:
        self._oracle, self._builder = oracle, BatchBuilder(-1, None, None)

    def channels(self, sample: object) -> np.ndarray:
        self._oracle.labels = sample.labels  # type: ignore[attr-defined]
        return np.zeros(1)


def cross_entropy(scan: LabelledScan, view: View, target: Target, oracle: Oracle) -> float:
    found = score_scans(
        [("case", scan)],
        oracle,  # type: ignore[arg-type]
        Remembering(oracle),  # type: ignore[arg-type]
        view,
        target,
        with_cross_entropy=True,
    )
    return found[0].cross_entropy


@pytest.mark.parametrize("target", [Target.CLASSES, Target.SURROUNDINGS])
def test_kinds_of_surroundings_are_background(target: Target) -> None:
    scan, view = labelled_scan(), CropView((16, 16, 16), multiple=1)
    gut = 5
    perfect = cross_entropy(scan, view, target, Oracle(12, 0, background=gut))
    missed = cross_entropy(scan, view, target, Oracle(12, 0, background=gut, misses=1))
    assert perfect < 0.01
    assert missed > 10 * perfect


@pytest.mark.parametrize("slices", [1, 3, 4, 16])
def test_each_voxel_counts_as_much_in_whatever_batch_its_slice_is(slices: int) -> None:
    """Of ten slices one misses an organ, and it is alone in the last batch of three."""
    scan = labelled_scan(shape=(10, 32, 32))
    scan.labels[:] = 0
    scan.labels[9] = 1
    view = SliceView(batch_slices=slices, slice_size=32)
    right, wrong = (np.log(np.exp(SURE) + 4) - logit for logit in (SURE, 0.0))
    found = cross_entropy(scan, view, Target.CLASSES, Oracle(5, 1, misses=1))
    assert found == pytest.approx((9 * right + wrong) / 10)


@pytest.mark.parametrize("slices", [4, 5, 6])
def test_slices_are_not_taken_for_channels(slices: int) -> None:
    view = recipe_named("vgg13", "segmentation", "published").view
    assert isinstance(view, SliceView)
    view = replace(view, batch_slices=slices, slice_size=32)
    scan = labelled_scan(shape=(10, 32, 32))
    assert cross_entropy(scan, view, Target.CLASSES, Oracle(5, 1)) < 0.01
