"""The images that EfficientSCN's networks see against those of the authors' published module."""

from __future__ import annotations

from dataclasses import replace

import nibabel
import numpy as np
import pytest

from flarecli.geometry import Box
from flarecli.resample import restore_labels
from flarecli.systems.efficientscn import EfficientScnConstants
from flarecli.systems.efficientscn.geometry import SegmentationPlan, plan_localization, plan_segmentation
from flarecli.systems.efficientscn.inputs import localization_input, segmentation_input
from flarecli.systems.efficientscn.orientation import flipped_view
from tests.shared_data import shared_path

CONSTANTS = EfficientScnConstants()
HALF_PRECISION = 1.5e-3
"""The reference rounds to half precision after every step."""

CASES = pytest.mark.parametrize("case", ["a", "b", "c"])


def fixture_scan(case: str) -> tuple[dict[str, np.ndarray], tuple[float, float, float]]:
    with np.load(shared_path("fixtures/scn_prepost.npz")) as fixture:
        arrays = {key[2:]: fixture[key] for key in fixture.files if key.startswith(f"{case}/")}
    return arrays, tuple(arrays["spacing_zyx"].tolist())


def fixture_plan(arrays: dict[str, np.ndarray], spacing_mm: tuple[float, float, float]) -> SegmentationPlan:
    region = Box(tuple(arrays["bbox_start_mm_zyx"].tolist()), tuple(arrays["bbox_end_mm_zyx"].tolist()))
    return plan_segmentation(region, arrays["image_zyx"].shape, spacing_mm, CONSTANTS)


@CASES
def test_localization_input(case: str) -> None:
    arrays, spacing_mm = fixture_scan(case)
    plan = plan_localization(arrays["image_zyx"].shape, spacing_mm, CONSTANTS)
    image = localization_input(arrays["image_zyx"], plan, CONSTANTS)
    assert image.dtype == np.float32
    np.testing.assert_allclose(image, arrays["loc_input"], atol=HALF_PRECISION)


@CASES
@pytest.mark.parametrize(("key", "sigma_mm"), [("seg_input", 1.0), ("seg_input_unsmoothed", 0.0)])
def test_segmentation_input(case: str, key: str, sigma_mm: float) -> None:
    arrays, spacing_mm = fixture_scan(case)
    constants = replace(CONSTANTS, smoothing_sigma_mm=sigma_mm)
    image = segmentation_input(arrays["image_zyx"], spacing_mm, fixture_plan(arrays, spacing_mm), constants)
    assert image.dtype == np.float32
    np.testing.assert_allclose(image, arrays[key], atol=HALF_PRECISION)


@CASES
def test_labels_back_in_the_scan(case: str) -> None:
    arrays, spacing_mm = fixture_scan(case)
    plan = fixture_plan(arrays, spacing_mm)
    labels = np.zeros(arrays["image_zyx"].shape, np.uint8)
    crop = tuple(slice(low, n - high) for (low, high), n in zip(plan.cropping, labels.shape, strict=True))
    # The fixture keeps one value for each 8 x 8 x 8 voxels of the scores, to be small.
    scores = np.kron(arrays["post_prob_lowres"].astype(np.float32), np.ones((1, 8, 8, 8), np.float32))
    assert scores.shape[1:] == plan.input_shape_zyx
    origin = tuple(low for low, _ in plan.padding)
    restore_labels(scores, plan.crop_shape_zyx, labels[crop], origin_zyx=origin)
    different = np.count_nonzero(labels != arrays["post_labels"])
    assert different <= 0.002 * labels.size
    assert arrays["post_labels"].any()


def test_localization_input_of_a_real_scan() -> None:
    scan = nibabel.as_closest_canonical(nibabel.load(shared_path("data/ct/totalseg_example_ct.nii.gz")))
    voxels = np.asarray(scan.dataobj).astype(np.int16).T
    spacing_mm = tuple(float(step) for step in scan.header.get_zooms()[::-1])
    expected = np.load(shared_path("fixtures/scn_localization.npz"))["input_ct"][0, 0]
    plan = plan_localization(voxels.shape, spacing_mm, CONSTANTS)
    image = localization_input(flipped_view(voxels), plan, CONSTANTS)
    np.testing.assert_allclose(image, expected, atol=HALF_PRECISION)


def test_localization_surrounds_the_scan_with_air_and_clips() -> None:
    voxels = np.full((20, 20, 20), 3000, np.int16)
    plan = plan_localization(voxels.shape, (6.0, 6.0, 6.0), CONSTANTS)
    image = localization_input(voxels, plan, CONSTANTS)
    assert set(np.unique(image)) == {np.float32(-0.5), np.float32(1.0)}
    assert np.count_nonzero(image == 1) == 20**3


def test_segmentation_surrounds_the_scan_with_unsmoothed_zeros() -> None:
    voxels = np.full((32, 32, 32), -1024, np.int16)
    region = Box((-10.0, -10.0, -10.0), (74.0, 74.0, 74.0))
    plan = plan_segmentation(region, voxels.shape, (2.0, 2.0, 2.0), CONSTANTS)
    image = segmentation_input(voxels, (2.0, 2.0, 2.0), plan, CONSTANTS)
    assert plan.input_shape_zyx == (64, 64, 64)
    assert image[0, 0, 0] == 0
    assert image[32, 32, 32] == pytest.approx(-0.5, abs=1e-6)
