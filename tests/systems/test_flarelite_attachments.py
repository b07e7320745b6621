"""What hangs on the liver by a thin bridge is dropped, and nothing else is."""

from __future__ import annotations

import numpy as np
import pytest

from flarecli.organs import ORGANS
from flarecli.systems.flarelite import FlareliteConstants
from flarecli.systems.flarelite.attachments import without_thin_attachments
from flarecli.systems.flarelite.organ_filter import filter_organs

SHAPE = (20, 20, 40)
ORGAN = (slice(2, 18), slice(2, 18), slice(2, 18))
APPENDAGE = (slice(6, 14), slice(6, 14), slice(24, 32))


def organ_with_attachment(bridge_voxels: int) -> np.ndarray:
    mask = np.zeros(SHAPE, bool)
    mask[ORGAN] = mask[APPENDAGE] = True
    mask[8 : 8 + bridge_voxels, 8 : 8 + bridge_voxels, 18:24] = True
    return mask


@pytest.mark.parametrize("bridge_voxels", [1, 2])
def test_behind_a_thin_bridge(bridge_voxels: int) -> None:
    mask = organ_with_attachment(bridge_voxels)
    kept = without_thin_attachments(mask, 100)
    assert kept[ORGAN].all()
    assert not kept[APPENDAGE].any()
    assert not (kept & ~mask).any()


def test_a_thick_bridge_holds() -> None:
    mask = organ_with_attachment(3)
    assert without_thin_attachments(mask, 100) is mask


def test_a_small_core_is_an_edge_of_the_organ() -> None:
    mask = organ_with_attachment(2)
    core_voxels = 6**3 + 2**2  # and where the bridge begins
    assert without_thin_attachments(mask, core_voxels) is mask
    assert without_thin_attachments(mask, core_voxels - 1) is not mask


def test_an_organ_at_the_end_of_the_scan_stays_whole() -> None:
    mask = np.zeros(SHAPE, bool)
    mask[:, :, :18] = True
    mask[0, 5:15, 18:40] = True
    assert without_thin_attachments(mask, 10) is mask


@pytest.mark.parametrize("mask", [np.zeros((4, 4, 4), bool), np.ones((4, 4, 4), bool), np.ones((1, 1, 3), bool)])
def test_masks_without_parts(mask: np.ndarray) -> None:
    assert without_thin_attachments(mask, 0) is mask


@pytest.mark.parametrize("organ", ORGANS, ids=lambda organ: organ.name)
def test_the_liver_alone_loses_them(organ: object) -> None:
    label = organ.label  # type: ignore[attr-defined]
    scores = np.zeros((5, *SHAPE), np.float32)
    scores[0] = 1
    scores[label][organ_with_attachment(2)] = 2
    found = filter_organs(scores, 8.0, FlareliteConstants())
    assert bool(found[APPENDAGE].any()) == (label != 1)
    assert np.array_equal(scores.argmax(axis=0), found)
    assert (found[ORGAN] == label).all()
