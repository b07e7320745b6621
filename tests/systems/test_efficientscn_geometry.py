"""Sizes, boxes, croppings and paddings of EfficientSCN against the authors' own figures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from flarecli.errors import InputError
from flarecli.geometry import Box
from flarecli.systems.efficientscn import EfficientScnConstants
from flarecli.systems.efficientscn.geometry import (
    LocalizationPlan,
    box_around_mask,
    clipped_to_scan,
    plan_localization,
    plan_segmentation,
    whole_scan,
)
from tests.shared_data import shared_path

CONSTANTS = EfficientScnConstants()


@dataclass(frozen=True)
class PublishedCase:
    """What the reference computes for one scan."""

    shape: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    localization: LocalizationPlan
    mask_voxels: Box
    region: Box
    segmentation_spacing_mm: float
    segmentation_input: tuple[int, int, int]
    crop: tuple[int, int, int]
    cropping: tuple[tuple[int, int], ...]
    padding: tuple[tuple[int, int], ...]


ORDINARY = PublishedCase(
    shape=(40, 70, 60),
    spacing_mm=(5.0, 2.5, 2.5),
    localization=LocalizationPlan(6.0, (34, 30, 25), ((7, 7), (1, 1), (3, 4)), (48, 32, 32)),
    mask_voxels=Box((12, 6, 9), (31, 31, 27)),
    region=Box((20, 20, 26), (154, 190, 154)),
    segmentation_spacing_mm=2.0,
    segmentation_input=(96, 96, 96),
    crop=(39, 78, 78),
    cropping=((0, 3), (3, 0), (0, 0)),
    padding=((2, 0), (0, 11), (3, 15)),
)
TOO_LARGE = PublishedCase(
    shape=(30, 110, 90),
    spacing_mm=(7.5, 6.2, 5.8),
    localization=LocalizationPlan(8.67, (26, 79, 61), ((3, 3), (0, 1), (1, 2)), (32, 80, 64)),
    mask_voxels=Box((9, 6, 3), (27, 69, 46)),
    region=Box((42.02, 42.02, 7.34), (218.08, 608.23, 400.15)),
    segmentation_spacing_mm=4.52351532,
    segmentation_input=(64, 128, 96),
    crop=(39, 95, 76),
    cropping=((0, 0), (5, 10), (0, 17)),
    padding=((2, 7), (0, 0), (3, 0)),
)
TINY = PublishedCase(
    shape=(50, 24, 30),
    spacing_mm=(1.0, 3.0, 2.0),
    localization=LocalizationPlan(6.0, (9, 12, 10), ((11, 12), (10, 10), (11, 11)), (32, 32, 32)),
    mask_voxels=Box((13, 10, 11), (20, 22, 19)),
    region=Box((2, -10, -10), (64, 82, 58)),
    segmentation_spacing_mm=2.0,
    segmentation_input=(32, 64, 64),
    crop=(65, 44, 65),
    cropping=((1, 0), (0, 0), (0, 0)),
    padding=((0, 16), (10, 10), (20, 15)),
)
REAL_CT = PublishedCase(
    shape=(112, 101, 122),
    spacing_mm=(3.0, 3.0, 3.0),
    localization=LocalizationPlan(6.0, (56, 51, 61), ((4, 4), (6, 7), (1, 2)), (64, 64, 64)),
    mask_voxels=Box((38, 13, 9), (60, 46, 57)),
    region=Box((194, 32, 38), (346, 250, 346)),
    segmentation_spacing_mm=2.02499986,
    segmentation_input=(96, 128, 160),
    crop=(66, 87, 108),
    cropping=((57, 0), (4, 10), (10, 4)),
    padding=((0, 11), (0, 0), (0, 0)),
)
ALL = pytest.mark.parametrize(
    "figures", [ORDINARY, TOO_LARGE, TINY, REAL_CT], ids=["ordinary", "too large", "tiny", "real CT"]
)


@ALL
def test_localization_plan(figures: PublishedCase) -> None:
    plan = plan_localization(figures.shape, figures.spacing_mm, CONSTANTS)
    assert plan.spacing_mm == pytest.approx(figures.localization.spacing_mm, rel=1e-6)
    assert plan.content_shape_zyx == figures.localization.content_shape_zyx
    assert plan.padding == figures.localization.padding
    assert plan.input_shape_zyx == figures.localization.input_shape_zyx


@ALL
def test_region_of_a_mask(figures: PublishedCase) -> None:
    plan = plan_localization(figures.shape, figures.spacing_mm, CONSTANTS)
    mask = np.zeros(plan.input_shape_zyx, bool)
    start, end = figures.mask_voxels.start_mm, figures.mask_voxels.end_mm
    for corner in (start, [voxel - 1 for voxel in end]):
        mask[tuple(int(voxel) for voxel in corner)] = True
    region = box_around_mask(mask, plan, CONSTANTS)
    assert region is not None
    np.testing.assert_allclose(region.start_mm, figures.region.start_mm, rtol=1e-6)
    np.testing.assert_allclose(region.end_mm, figures.region.end_mm, rtol=1e-6)


@ALL
def test_segmentation_plan(figures: PublishedCase) -> None:
    plan = plan_segmentation(figures.region, figures.shape, figures.spacing_mm, CONSTANTS)
    assert plan.spacing_mm == pytest.approx(figures.segmentation_spacing_mm, rel=1e-7)
    assert plan.input_shape_zyx == figures.segmentation_input
    assert plan.crop_shape_zyx == figures.crop
    assert plan.cropping == figures.cropping
    assert plan.padding == figures.padding


@pytest.mark.parametrize("case", ["a", "b", "c"])
def test_every_integer_of_the_fixture(case: str) -> None:
    fixture = np.load(shared_path("fixtures/scn_prepost.npz"))
    value = {key: fixture[f"{case}/{key}"] for key in FIXTURE_KEYS}
    shape = value["image_zyx"].shape
    spacing_mm = tuple(value["spacing_zyx"].tolist())
    located = plan_localization(shape, spacing_mm, CONSTANTS)
    np.testing.assert_allclose([located.spacing_mm] * 3, value["loc_spacing_zyx"], rtol=1e-7)
    np.testing.assert_array_equal(located.padding, value["loc_paddings"])
    assert located.input_shape_zyx == value["loc_input"].shape
    region = box_around_mask(value["loc_mask"], located, CONSTANTS)
    assert region is not None
    np.testing.assert_array_equal(np.float32(region.start_mm), value["bbox_start_mm_zyx"])
    np.testing.assert_array_equal(np.float32(region.end_mm), value["bbox_end_mm_zyx"])
    plan = plan_segmentation(region, shape, spacing_mm, CONSTANTS)
    np.testing.assert_allclose(plan.spacing_mm, value["seg_spacing"], rtol=1e-7)
    np.testing.assert_array_equal(plan.input_shape_zyx, value["seg_valid_size"])
    np.testing.assert_array_equal(plan.crop_shape_zyx, value["seg_crop_size"])
    np.testing.assert_array_equal(plan.cropping, value["seg_croppings"])
    np.testing.assert_array_equal(plan.padding, value["seg_paddings"])


FIXTURE_KEYS = (
    "image_zyx",
    "spacing_zyx",
    "loc_spacing_zyx",
    "loc_paddings",
    "loc_input",
    "loc_mask",
    "bbox_start_mm_zyx",
    "bbox_end_mm_zyx",
    "seg_spacing",
    "seg_valid_size",
    "seg_crop_size",
    "seg_croppings",
    "seg_paddings",
)


def test_an_enlarged_spacing_does_not_leak_into_the_next_scan() -> None:
    before = plan_localization(ORDINARY.shape, ORDINARY.spacing_mm, CONSTANTS)
    plan_localization(TOO_LARGE.shape, TOO_LARGE.spacing_mm, CONSTANTS)
    assert plan_localization(ORDINARY.shape, ORDINARY.spacing_mm, CONSTANTS) == before


def test_content_of_exactly_an_allowed_size_takes_the_next_one() -> None:
    plan = plan_localization((64, 64, 48), (6.0, 6.0, 6.0), CONSTANTS)
    assert plan.input_shape_zyx == (80, 80, 64)


def test_an_empty_mask_has_no_region() -> None:
    plan = plan_localization(ORDINARY.shape, ORDINARY.spacing_mm, CONSTANTS)
    assert box_around_mask(np.zeros(plan.input_shape_zyx, bool), plan, CONSTANTS) is None


def test_the_box_of_the_whole_scan_is_not_cropped() -> None:
    region = whole_scan((300, 512, 512), (2.0, 0.8, 0.8))
    plan = plan_segmentation(region, (300, 512, 512), (2.0, 0.8, 0.8), CONSTANTS)
    assert plan.cropping == ((0, 0), (0, 0), (0, 0))
    assert plan.input_shape_zyx[0] == 160


@pytest.mark.parametrize(
    "region", [Box((500, 0, 0), (560, 60, 60)), Box((0, -300, 0), (60, -240, 60))], ids=["above", "before"]
)
def test_a_region_outside_the_scan_is_refused(region: Box) -> None:
    with pytest.raises(InputError, match=r"outside the scan.*\(200, 175, 150\)"):
        plan_segmentation(region, ORDINARY.shape, ORDINARY.spacing_mm, CONSTANTS)


SCAN = ((100, 397, 403), (3.0, 0.7, 0.9))
"""Shape and spacing; in float32 the products differ from those in float64."""


@pytest.mark.parametrize(
    "box",
    [
        Box((10.1, 20.2, 30.3), (200.1, 150.3, 260.7)),
        Box((0.0, 0.0, 0.0), (300.0, 397 * 0.7, 403 * 0.9)),
        Box((299.9, 0.0, 0.0), (300.0, 397 * 0.7 + 1e-13, 403 * 0.9 - 1e-13)),
    ],
)
def test_a_box_inside_the_scan_keeps_its_plan(box: Box) -> None:
    clipped = clipped_to_scan(box, *SCAN)
    assert clipped == box
    assert plan_segmentation(clipped, *SCAN, CONSTANTS) == plan_segmentation(box, *SCAN, CONSTANTS)


def test_a_box_that_leaves_the_scan_ends_with_it() -> None:
    whole = whole_scan(*SCAN)
    assert clipped_to_scan(Box((-1e3,) * 3, (1e3,) * 3), *SCAN) == whole
    clipped = clipped_to_scan(Box((-500, 20, -5), (900, 150, 260)), *SCAN)
    assert clipped == Box((0, 20, 0), (300, 150, 260))
    plan = plan_segmentation(clipped, *SCAN, CONSTANTS)
    assert plan == plan_segmentation(Box((0, 20, 0), (300, 150, 260)), *SCAN, CONSTANTS)


@pytest.mark.parametrize(
    "box", [Box((300, 0, 0), (310, 60, 60)), Box((0, -300, 0), (60, 0, 60)), Box((0, 0, 362.8), (60, 60, 400))]
)
def test_a_box_beside_the_scan_is_refused(box: Box) -> None:
    with pytest.raises(InputError, match=r"outside the scan.*\(300, 277, 362\)"):
        clipped_to_scan(box, *SCAN)


def test_the_real_scan_has_the_geometry_used_here() -> None:
    path: Path = shared_path("fixtures/scn_localization.npz")
    fixture = np.load(path)
    np.testing.assert_array_equal(fixture["ct_paddings"], REAL_CT.localization.padding)
    np.testing.assert_array_equal(fixture["ct_bbox_start_mm_zyx"], REAL_CT.region.start_mm)
    np.testing.assert_array_equal(fixture["ct_bbox_end_mm_zyx"], REAL_CT.region.end_mm)
    inside = np.argwhere(fixture["output_ct_label"][0, 0])
    np.testing.assert_array_equal(inside.min(axis=0), REAL_CT.mask_voxels.start_mm)
    np.testing.assert_array_equal(inside.max(axis=0) + 1, REAL_CT.mask_voxels.end_mm)
