"""Random changes of real scans: contrast, air that a display window cut off, geometry, slices."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from flarecli.organs import ORGANS
from flarecli.training.samples.variation.clipped import floor_of, with_air
from flarecli.training.samples.variation.contrast import ContrastChange, is_enhanced, plain_intensities, with_contrast
from flarecli.training.samples.variation.deformation import deformed
from flarecli.training.samples.variation.settings import VariationSettings
from flarecli.training.samples.variation.varied_scans import VariedScans, drawn_contrast
from flarecli.training.views.scan import LabelledScan
from flarecli.training.views.spatial_map import SpatialRanges

pytestmark = pytest.mark.any_backend

SPACING_MM = (3.0, 3.0, 3.0)
ENHANCED = {0: -100, 1: 107, 2: 175, 3: 112, 4: 95}
"""Fat, and the organs in the portal venous phase."""


def scan(noise_hu: float = 10.0) -> LabelledScan:
    """Four balls in fat within a cylinder in air."""
    z, y, x = np.mgrid[:40, :64, :72].astype(np.float32)
    labels = np.zeros(z.shape, np.uint8)
    for label, centre in {1: (20, 24, 52), 2: (14, 44, 20), 3: (27, 26, 16), 4: (22, 30, 34)}.items():
        radius = 10 if label != 4 else 5
        labels[(z - centre[0]) ** 2 + (y - centre[1]) ** 2 + (x - centre[2]) ** 2 < radius**2] = label
    hu = np.vectorize(ENHANCED.get)(labels).astype(np.float32)
    # Voxels at borders hold parts of both.
    hu = ndimage.gaussian_filter(hu, 0.5)
    hu += np.random.default_rng(0).normal(0, noise_hu, hu.shape)
    hu[((y - 32) / 29) ** 2 + ((x - 36) / 33) ** 2 > 1] = -1000
    return LabelledScan(0, hu.astype(np.int16), labels, SPACING_MM)


def change(left: float, offset: float = 0.0) -> ContrastChange:
    names = [organ.name for organ in ORGANS]
    return ContrastChange(dict.fromkeys([*names, "vessels"], left), dict.fromkeys(names, offset))


def inside(scan: LabelledScan, label: int) -> np.ndarray:
    return ndimage.binary_erosion(scan.labels == label, iterations=2)


def test_organs_without_contrast_agent_are_as_dark_as_unenhanced_ones_and_as_noisy() -> None:
    whole = scan()
    plain = with_contrast(whole.image, whole.labels, SPACING_MM, change(0.0))
    expected = plain_intensities(whole.image, whole.labels)
    assert expected["liver"] == pytest.approx(57, abs=6)
    assert expected["kidneys"] == pytest.approx(32, abs=6)
    for organ in ORGANS:
        core = inside(whole, organ.label)
        assert plain[core].mean() == pytest.approx(expected[organ.name], abs=3)
        assert plain[core].std() > 0.75 * whole.image[core].std()


def test_the_change_grows_with_the_share_that_is_taken_away() -> None:
    whole = scan()
    kidneys = inside(whole, 2)
    means = [
        with_contrast(whole.image, whole.labels, SPACING_MM, change(left))[kidneys].mean()
        for left in (0.0, 0.5, 1.0, 1.4)
    ]
    assert means == sorted(means)
    assert means[2] == pytest.approx(whole.image[kidneys].mean(), abs=0.5)
    assert means[1] == pytest.approx((means[0] + means[2]) / 2, abs=1)


def test_no_rim_is_left_at_the_surface_and_fat_is_not_changed() -> None:
    whole = scan(noise_hu=0.0)
    plain = with_contrast(whole.image, whole.labels, SPACING_MM, change(0.0))
    kidneys = whole.labels == 2
    distance = ndimage.distance_transform_edt(~kidneys)
    near = (distance > 0) & (distance <= 2) & (whole.labels == 0)
    # Without a rim nothing beside the organ is brighter than the organ.
    assert plain[near].max() < plain[inside(whole, 2)].mean() + 8
    far = (ndimage.distance_transform_edt(whole.labels == 0) > 4) & (whole.image > -500)
    assert np.abs(plain[far] - whole.image[far]).max() < 1


def test_scans_without_contrast_agent_or_kidneys_are_left_alone() -> None:
    whole = scan()
    assert is_enhanced(whole.image, whole.labels)
    plain = with_contrast(whole.image, whole.labels, SPACING_MM, change(0.0)).astype(np.int16)
    assert not is_enhanced(plain, whole.labels)
    assert not is_enhanced(whole.image, np.where(whole.labels == 2, 0, whole.labels))


def test_vessels_lose_their_enhancement_and_bone_keeps_its_own() -> None:
    whole = scan(noise_hu=0.0)
    image = whole.image.copy()
    image[:, 48:52, 40:44] = 150
    image[:, 52:58, 28:40] = 600
    plain = with_contrast(image, whole.labels, SPACING_MM, change(0.0))
    assert plain[20, 49, 42] < 80
    assert plain[20, 55, 34] == pytest.approx(600, abs=1)


def cut(whole: LabelledScan) -> np.ndarray:
    return np.clip(whole.image, -125, 275)


def test_air_comes_back_outside_and_noisy_fat_stays() -> None:
    whole = scan(noise_hu=20.0)
    assert floor_of(whole.image) is None
    assert np.array_equal(with_air(whole.image), whole.image)
    windowed = cut(whole)
    assert floor_of(windowed) == -125
    restored = with_air(windowed)
    outside = ndimage.binary_erosion(whole.image < -900, iterations=1)
    assert np.all(restored[outside] == -1000)
    fat = ndimage.binary_erosion((whole.image > -500) & (whole.labels == 0), iterations=2)
    assert np.count_nonzero(windowed[fat] == -125) > 100
    assert np.mean(restored[fat] < -200) < 0.01
    organs = ndimage.binary_erosion((whole.labels > 0) & (whole.image > -500), iterations=3)
    assert np.array_equal(restored[organs], windowed[organs])


def test_a_pocket_of_gas_is_restored() -> None:
    whole = scan()
    image = whole.image.copy()
    image[18:28, 40:50, 44:54] = -950
    restored = with_air(np.clip(image, -125, 275))
    assert restored[22, 45, 49] == -1000


def test_a_deformed_scan_keeps_volumes_and_matches_its_labels() -> None:
    whole = scan(noise_hu=0.0)
    ranges = SpatialRanges(5.0, 8, 0.05, 0.0, 0.15, 0.0)
    moved = deformed(whole, ranges, np.random.default_rng(3))
    assert not np.array_equal(moved.labels, whole.labels)
    for organ in ORGANS:
        before, after = (np.count_nonzero(s.labels == organ.label) for s in (whole, moved))
        assert after == pytest.approx(before, rel=0.25)
        assert moved.image[inside(moved, organ.label)].mean() == pytest.approx(ENHANCED[organ.label], abs=12)


def test_borders_of_deformed_labels_are_interpolated_and_not_stepped() -> None:
    whole = scan(noise_hu=0.0)
    ranges = SpatialRanges(0.0, 8, 0.0, 0.0, 0.2, 0.0)
    moved = deformed(whole, ranges, np.random.default_rng(1))
    # Half of what a voxel at the border holds is organ, also after a rotation.
    soft = moved.image.astype(np.float32)
    halfway = (ENHANCED[1] + ENHANCED[0]) / 2
    near = ndimage.binary_dilation(moved.labels == 1, iterations=3)
    agree = (soft[near] > halfway) == (moved.labels[near] == 1)
    assert agree.mean() > 0.97


class One:
    def scan(self, number: int) -> LabelledScan:
        whole = scan()
        return LabelledScan(number, cut(whole), whole.labels, whole.spacing_mm)


ALL = VariationSettings(1.0, unenhanced_share=0.4, arterial_share=0.4, restored_air_share=0.5, blurred_share=0.5)


def test_a_varied_scan_depends_on_seed_and_number_alone() -> None:
    first, again = VariedScans(One(), ALL, 1).scan(4), VariedScans(One(), ALL, 1).scan(4)
    assert np.array_equal(first.image, again.image)
    assert np.array_equal(first.labels, again.labels)
    assert first.image.dtype == np.int16
    for other in (VariedScans(One(), ALL, 2).scan(4), VariedScans(One(), ALL, 1).scan(5)):
        assert not np.array_equal(first.image, other.image)


def test_without_settings_scans_are_those_of_the_source() -> None:
    varied = VariedScans(One(), VariationSettings(), 1).scan(2)
    assert np.array_equal(varied.image, One().scan(2).image)


def test_changes_come_as_often_as_they_should() -> None:
    settings = VariationSettings(unenhanced_share=0.3, weaker_share=0.2, arterial_share=0.1)
    rng = np.random.default_rng(0)
    drawn = [drawn_contrast(settings, rng) for _ in range(1000)]
    kept = sum(found is None for found in drawn)
    unenhanced = sum(found is not None and found.remaining["kidneys"] <= 0.2 for found in drawn)
    arterial = sum(found is not None and found.remaining["liver"] < found.remaining["kidneys"] for found in drawn)
    assert (kept, unenhanced, arterial) == pytest.approx((400, 300, 100), abs=50)


def test_both_forms_of_a_cut_scan_are_seen() -> None:
    settings = VariationSettings(restored_air_share=0.5)
    lowest = [int(VariedScans(One(), settings, 0).scan(number).image.min()) for number in range(12)]
    assert set(lowest) == {-125, -1000}
