"""EfficientSegNet from scan to labels, with networks that look at intensities."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from flarecli.errors import InputError
from flarecli.geometry import Box
from flarecli.metrics.overlap import dice
from flarecli.steps import Steps
from flarecli.systems.base import RegionRequest, Segmentation
from flarecli.systems.efficientsegnet import EfficientSegNet, EfficientSegNetConstants
from flarecli.systems.efficientsegnet.organ_filter import coarse_organs, fine_minimum_voxels, restore_organs
from flarecli.volume import read_volume
from tests.systems.scans import Scan, scan_of, write_flipped

TISSUE_HU, ORGAN_HU, BRIGHT_HU = -50, 150, 300

CONSTANTS = EfficientSegNetConstants(coarse_shape_zyx=(32, 32, 32), fine_shape_zyx=(48, 48, 48))


def tissue(shape: tuple[int, int, int] = (60, 64, 68)) -> np.ndarray:
    return np.full(shape, TISSUE_HU, np.int16)


class FindsBright:
    """Organ `label` where the standardised image is above half its maximum; remembers what it saw."""

    def __init__(self, label: int = 1) -> None:
        self.label = label
        self.images: list[np.ndarray] = []

    def __call__(self, image: np.ndarray) -> np.ndarray:
        self.images.append(image)
        logits = np.full((4, *image.shape), -1, np.float32)
        if image.max() > 1:
            logits[self.label - 1] = image - image.max() / 2
        return logits


@dataclass(frozen=True)
class Run:
    result: Segmentation
    coarse: FindsBright
    fine: FindsBright
    steps: list[str]


def run(
    scan: Scan, region: RegionRequest | None = None, label: int = 1, constants: EfficientSegNetConstants = CONSTANTS
) -> Run:
    coarse, fine, steps = FindsBright(), FindsBright(label), Steps()
    networks = {"coarse": coarse, "fine": fine}
    result = EfficientSegNet(constants).segment(scan, networks, region or RegionRequest(), steps)
    return Run(result, coarse, fine, [step.name for step in steps.times])


def test_an_organ_is_found_where_it_is() -> None:
    voxels = tissue()
    voxels[20:36, 24:40, 12:30] = ORGAN_HU
    done = run(scan_of(voxels), label=3)
    assert done.result.labels.shape == voxels.shape
    assert done.result.labels.dtype == np.uint8
    assert set(np.unique(done.result.labels)) == {0, 3}
    assert dice(done.result.labels == 3, voxels == ORGAN_HU) > 0.95
    assert done.steps == ["prepare", "localize", "prepare", "segment", "restore"]
    assert [image.shape for image in done.coarse.images + done.fine.images] == [(32, 32, 32), (48, 48, 48)]
    assert done.result.warnings == ()
    facts = done.result.facts
    assert json.loads(json.dumps(facts)) == facts
    assert facts["region_mode"] == "auto"
    assert facts["cut_faces"] == []
    assert facts["localization_mask_ml"] == pytest.approx(16 * 16 * 18 * 0.027, rel=0.2)
    (z0, z1), (y0, y1), (x0, x1) = facts["segmentation_window_zyx"]
    region = done.result.region_mm
    assert region == Box((3.0 * z0, 3.0 * y0, 3.0 * x0), (3.0 * z1, 3.0 * y1, 3.0 * x1))
    # 20 mm, less up to a coarse voxel of 6 mm, its rounding and the last index that is left out.
    assert region.contains(Box((60 - 8, 72 - 8, 36 - 8), (108 + 8, 120 + 8, 90 + 8)))
    assert not region.contains(Box((60, 72, 36), (108 + 21, 120, 90)))
    assert not region.contains(Box((60 - 28, 72, 36), (108, 120, 90)))


@pytest.mark.parametrize("flips", [(False, False, False), (True, False, False), (True, True, True)])
def test_storage_orientation_does_not_matter(tmp_path: Path, flips: tuple[bool, ...]) -> None:
    voxels = (np.random.default_rng(5).normal(0, 10, (40, 44, 48)) + TISSUE_HU).astype(np.int16)
    voxels[:3] = -1000
    voxels[10:26, 20:34, 30:45] = ORGAN_HU
    path = write_flipped(tmp_path / "scan.nii.gz", voxels, flips)
    labels = run(read_volume(path)).result.labels
    np.testing.assert_array_equal(labels, run(scan_of(voxels)).result.labels)
    assert dice(labels == 1, voxels == ORGAN_HU) > 0.9


def test_networks_see_the_patient_in_ras() -> None:
    voxels = tissue()
    voxels[45:55, 50:60, 50:62] = ORGAN_HU
    for image in (run(scan_of(voxels)).coarse.images[0], run(scan_of(voxels), RegionRequest("full")).fine.images[0]):
        centre = np.argwhere(image > image.max() / 2).mean(axis=0) / image.shape
        assert (centre > 0.6).all(), "superior, anterior and right are at the ends of z, y and x"


def test_no_localized_organ_is_an_error_with_a_remedy() -> None:
    with pytest.raises(InputError, match="no organ region was found") as caught:
        run(scan_of(tissue()))
    assert "--roi full" in caught.value.remedy
    assert "Hounsfield" in str(caught.value)


def test_a_small_coarse_organ_does_not_count() -> None:
    voxels = tissue((64, 64, 64))
    voxels[30:34, 30:34, 30:34] = ORGAN_HU
    run(scan_of(voxels))
    with pytest.raises(InputError, match="no organ above 1000 mm³"):
        run(scan_of(voxels, (1.0, 1.0, 1.0)))


def test_an_empty_segmentation_is_a_warning() -> None:
    done = run(scan_of(tissue()), RegionRequest("full"))
    assert not done.result.labels.any()
    (warning,) = done.result.warnings
    assert "the label map is empty" in warning


def test_the_whole_scan_is_segmented_without_localization() -> None:
    voxels = tissue()
    voxels[:20, 40:, :30] = ORGAN_HU
    done = run(scan_of(voxels), RegionRequest("full"))
    assert done.coarse.images == []
    assert done.steps == ["prepare", "segment", "restore"]
    assert done.result.region_mm == Box((0.0, 0.0, 0.0), (180.0, 192.0, 204.0))
    assert "localization_mask_ml" not in done.result.facts
    assert dice(done.result.labels == 1, voxels == ORGAN_HU) > 0.95
    assert done.result.warnings == ()


def test_a_given_box_is_segmented_alone_and_cuts_are_told() -> None:
    voxels = tissue()
    voxels[20:30, 20:30, 5:60] = ORGAN_HU
    asked = Box((45.0, 45.0, 75.0), (105.0, 105.0, 120.0))
    done = run(scan_of(voxels), RegionRequest("box", asked))
    assert done.coarse.images == []
    assert done.result.region_mm == asked
    assert done.result.facts["cut_faces"] == ["left", "right"]
    (warning,) = done.result.warnings
    assert "left, right" in warning
    assert "--roi full" in warning
    inside = np.zeros(voxels.shape, bool)
    inside[15:35, 15:35, 25:40] = True
    assert not done.result.labels[~inside].any()
    assert dice(done.result.labels == 1, inside & (voxels == ORGAN_HU)) > 0.9


def test_a_box_beside_the_scan_is_an_error() -> None:
    with pytest.raises(InputError, match="outside the scan"):
        run(scan_of(tissue()), RegionRequest("box", Box((500, 0, 0), (600, 50, 50))))


def test_a_scan_of_a_few_slices() -> None:
    voxels = tissue((3, 40, 41))
    voxels[1:, 10:30, 10:30] = ORGAN_HU
    done = run(scan_of(voxels, (5.0, 2.0, 2.0)))
    assert done.result.labels.shape == (3, 40, 41)
    assert dice(done.result.labels == 1, voxels == ORGAN_HU) > 0.8
    one = run(scan_of(voxels[1:2], (5.0, 2.0, 2.0)))
    assert dice(one.result.labels == 1, voxels[1:2] == ORGAN_HU) > 0.9


def two_parts(large: int, small: int) -> np.ndarray:
    """Logits (4, 24, 24, 24) of the second organ: a cube at either end."""
    logits = np.full((4, 24, 24, 24), -1, np.float32)
    logits[1, :large, :large, :large] = 1
    logits[1, -small:, -small:, -small:] = 1
    return logits


def test_both_kidneys_are_kept_and_one_liver() -> None:
    logits = two_parts(8, 6)
    logits[0] = logits[1]
    labels = np.zeros(logits.shape[1:], np.uint8)
    restore_organs(logits[[0, 2, 3, 2]], labels, 0, CONSTANTS)
    assert np.count_nonzero(labels == 1) == 8**3
    labels[:] = 0
    restore_organs(logits[[3, 1, 2, 3]], labels, 0, CONSTANTS)
    assert np.count_nonzero(labels == 2) == 8**3 + 6**3


def test_later_organs_cover_earlier_ones() -> None:
    logits = np.ones((4, 6, 6, 6), np.float32)
    logits[3, 3:] = -1
    labels = np.zeros((6, 6, 6), np.uint8)
    restore_organs(logits, labels, 0, CONSTANTS)
    assert (labels[:3] == 4).all()
    assert (labels[3:] == 3).all()


def test_small_parts_are_dropped_by_volume() -> None:
    logits = two_parts(8, 6)
    assert np.count_nonzero(coarse_organs(logits, 1000 / 6**3, CONSTANTS)) == 8**3
    assert np.count_nonzero(coarse_organs(logits, 1000 / 6**3 + 0.01, CONSTANTS)) == 8**3 + 6**3


def test_the_smallest_volume_is_what_it_says_or_what_the_code_made_of_it() -> None:
    spacing_mm = (2.0, 1.0, 0.5)
    assert fine_minimum_voxels((96, 48, 24), spacing_mm, CONSTANTS) == 2000
    original = replace(CONSTANTS, fine_minimum_in_network_voxels=True)
    # The code: 2000 mm³ over spacings times window over network sizes: 2 * 2, 1 * 1, 0.5 * 0.5 mm.
    assert fine_minimum_voxels((96, 48, 24), spacing_mm, original) == pytest.approx(2000 / (4 * 1 * 0.25))


def test_the_option_reaches_the_result() -> None:
    """In a window of half the network's size the code's rule asks for eight times the volume."""
    voxels = tissue((24, 24, 24))
    voxels[8:16, 8:16, 8:16] = BRIGHT_HU
    constants = replace(CONSTANTS, fine_minimum_mm3=2000.0)
    found = run(scan_of(voxels), RegionRequest("full"), constants=constants).result.labels
    original = replace(constants, fine_minimum_in_network_voxels=True)
    assert np.count_nonzero(found) * 27 > 2000
    assert not run(scan_of(voxels, (2.0, 2.0, 2.0)), RegionRequest("full"), constants=original).result.labels.any()
    assert run(scan_of(voxels, (2.0, 2.0, 2.0)), RegionRequest("full"), constants=constants).result.labels.any()


def test_the_published_numbers() -> None:
    """The table of docs/efficientsegnet.md."""
    constants = EfficientSegNetConstants()
    assert constants.coarse_shape_zyx == (160, 160, 160)
    assert constants.fine_shape_zyx == (192, 192, 192)
    assert constants.window_hu == (-325, 325)
    assert constants.region_margin_mm == 20
    assert constants.kept_components == (1, 2, 1, 1)
    assert (constants.coarse_minimum_mm3, constants.fine_minimum_mm3) == (1000, 2000)
