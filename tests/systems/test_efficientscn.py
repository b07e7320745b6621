"""EfficientSCN from scan to labels, with networks that look at intensities."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from flarecli.errors import InputError
from flarecli.geometry import Box
from flarecli.metrics.overlap import dice
from flarecli.steps import Steps
from flarecli.systems.base import Network, RegionRequest, Segmentation
from flarecli.systems.efficientscn import EfficientScn
from flarecli.systems.efficientscn.region_enlargement import FACES
from flarecli.volume import read_volume
from tests.systems.scans import Scan, scan_of, write_flipped

AIR_HU, TISSUE_HU, ORGAN_HU, SEED_HU = -1000, -100, 600, 1400


def tissue(shape: tuple[int, int, int] = (100, 100, 100)) -> np.ndarray:
    return np.full(shape, TISSUE_HU, np.int16)


class FindsBright:
    """Scores class 1 where the image is brighter than a threshold; remembers what it saw."""

    def __init__(self, threshold_hu: float, classes: int) -> None:
        self.threshold = threshold_hu / 2048
        self.classes = classes
        self.images: list[np.ndarray] = []
        self.announced: list[tuple[int, ...]] = []

    def prepare(self, shape: tuple[int, ...]) -> None:
        self.announced.append(shape)

    def __call__(self, image: np.ndarray) -> np.ndarray:
        self.images.append(image)
        scores = np.zeros((self.classes, *image.shape), np.float32)
        scores[1] = image - np.float32(self.threshold)
        return scores


@dataclass(frozen=True)
class Run:
    result: Segmentation
    localized: FindsBright
    segmented: FindsBright
    steps: list[str]


def run(scan: Scan, region: RegionRequest | None = None, localize_hu: float = 150) -> Run:
    networks: dict[str, Network] = {
        "localization": (localized := FindsBright(localize_hu, classes=2)),
        "segmentation": (segmented := FindsBright(250, classes=5)),
    }
    steps = Steps()
    result = EfficientScn().segment(scan, networks, region or RegionRequest(), steps)
    return Run(result, localized, segmented, [step.name for step in steps.times])


def test_an_organ_is_found_where_it_is() -> None:
    voxels = tissue()
    voxels[60:85, 20:40, 55:90] = ORGAN_HU
    done = run(scan_of(voxels))
    assert done.result.labels.shape == voxels.shape
    assert done.result.labels.dtype == np.uint8
    assert dice(done.result.labels == 1, voxels == ORGAN_HU) > 0.97
    assert done.steps == ["prepare", "localize", "prepare", "segment", "restore"]
    assert done.result.warnings == ()
    assert done.result.facts == {
        "region_mode": "auto",
        "localization_spacing_mm": 6.0,
        "localization_input_zyx": [64, 64, 64],
        "localization_mask_ml": pytest.approx(25 * 20 * 35 * 0.027, rel=0.1),
        "localization_stray_ml": 0.0,
        "segmentation_spacing_mm": 2.0,
        "segmentation_input_zyx": [64, 64, 96],
        "grown_faces": [],
        "cut_faces": [],
        "reruns": 0,
    }
    assert json.loads(json.dumps(done.result.facts)) == done.result.facts
    organ = Box((180, 60, 165), (255, 120, 270))
    assert done.result.region_mm.contains(organ)
    assert not done.result.region_mm.contains(Box((0, 0, 0), (300, 300, 300)))


def test_networks_are_told_what_they_will_get() -> None:
    voxels = tissue((80, 90, 100))
    voxels[40:65, 20:40, 55:90] = ORGAN_HU
    scan = scan_of(voxels)
    done = run(scan)
    assert done.localized.announced == [image.shape for image in done.localized.images]
    assert done.segmented.announced == [image.shape for image in done.segmented.images]


def test_stray_parts_of_the_localization_do_not_widen_the_region() -> None:
    voxels = tissue()
    voxels[40:65, 20:40, 55:90] = ORGAN_HU
    alone = run(scan_of(voxels)).result
    voxels[10:15, 80:85, 10:15] = ORGAN_HU
    beside = run(scan_of(voxels)).result
    assert beside.region_mm == alone.region_mm
    assert beside.facts["localization_mask_ml"] == alone.facts["localization_mask_ml"]
    assert beside.facts["localization_stray_ml"] == pytest.approx(5**3 * 0.027, rel=0.8)
    voxels[5:17, 75:90, 5:17] = ORGAN_HU
    larger = run(scan_of(voxels)).result.region_mm
    assert larger.contains(Box((120, 60, 165), (195, 120, 270)))
    assert larger.contains(Box((15, 225, 15), (51, 270, 51)))
    assert not alone.region_mm.contains(Box((15, 225, 15), (51, 270, 51)))


def test_networks_see_the_patient_in_lps() -> None:
    voxels = tissue()
    voxels[75:90, 75:90, 78:90] = ORGAN_HU
    for image in (run(scan_of(voxels)).localized.images[0], full_image(voxels)):
        z, y, x = (np.argwhere(image > 250 / 2048).mean(axis=0) / image.shape).tolist()
        assert z > 0.6, "superior is at the end of z"
        assert y < 0.4, "anterior is at the start of y"
        assert x < 0.4, "right is at the start of x"


def full_image(voxels: np.ndarray) -> np.ndarray:
    return run(scan_of(voxels), RegionRequest("full")).segmented.images[0]


@pytest.mark.parametrize("flips", [(False, False, False), (True, False, False), (True, True, True)])
def test_storage_orientation_does_not_matter(tmp_path: Path, flips: tuple[bool, ...]) -> None:
    rng = np.random.default_rng(5)
    voxels = (rng.normal(0, 40, (60, 70, 80)) + TISSUE_HU).astype(np.int16)
    voxels[:3] = AIR_HU
    voxels[30:45, 20:42, 50:71] += ORGAN_HU
    path = write_flipped(tmp_path / "scan.nii.gz", voxels, flips)
    labels = run(read_volume(path)).result.labels
    np.testing.assert_array_equal(labels, run(scan_of(voxels)).result.labels)
    assert dice(labels == 1, voxels > 250) > 0.9


def test_a_mirrored_patient_gets_mirrored_labels() -> None:
    voxels = tissue((60, 64, 64))
    voxels[20:40, 10:30, 36:56] = ORGAN_HU
    labels = run(scan_of(voxels)).result.labels
    mirrored = run(scan_of(np.ascontiguousarray(voxels[:, ::-1, ::-1]))).result.labels
    assert (labels == 1).any()
    assert dice(mirrored[:, ::-1, ::-1] == 1, labels == 1) > 0.98


@pytest.mark.parametrize("face", FACES, ids=lambda face: face.name)
@pytest.mark.parametrize("reach_voxels", [18, 45])
def test_a_region_that_cuts_an_organ_grows_once(face: object, reach_voxels: int) -> None:
    """The localization sees a seed in the middle only; a rod leads from it to one side of the patient."""
    voxels = tissue()
    axis = face.axis
    # On the canonical grid y and x grow to Anterior and Right, the reverse of LPS.
    towards_end = (face.side == 1) == (axis == 0)
    rod = [slice(46, 54)] * 3
    rod[axis] = slice(50, 50 + reach_voxels) if towards_end else slice(50 - reach_voxels, 50)
    voxels[tuple(rod)] = ORGAN_HU
    voxels[46:54, 46:54, 46:54] = SEED_HU
    done = run(scan_of(voxels), localize_hu=900)
    assert done.steps.count("segment") == 2
    assert done.result.facts["reruns"] == 1
    assert done.result.facts["grown_faces"] == [face.name]
    truth = voxels > TISSUE_HU
    if reach_voxels == 18:
        assert dice(done.result.labels == 1, truth) > 0.93
        assert done.result.warnings == ()
    else:
        assert done.result.facts["cut_faces"] == [face.name]
        (warning,) = done.result.warnings
        assert face.name in warning
        assert "--roi full" in warning


def test_no_localized_organ_is_an_error_with_a_remedy() -> None:
    with pytest.raises(InputError, match="no organ region was found") as caught:
        run(scan_of(tissue((40, 40, 40))))
    assert "--roi full" in caught.value.remedy
    assert "Hounsfield" in str(caught.value)


def test_an_empty_segmentation_is_a_warning() -> None:
    done = run(scan_of(tissue((40, 40, 40))), RegionRequest("full"))
    assert not done.result.labels.any()
    (warning,) = done.result.warnings
    assert "the label map is empty" in warning


def test_the_whole_scan_is_segmented_without_localization() -> None:
    voxels = tissue((50, 60, 70))
    voxels[:20, 40:, :30] = ORGAN_HU
    done = run(scan_of(voxels), RegionRequest("full"))
    assert done.localized.images == []
    assert done.steps == ["prepare", "segment", "restore"]
    assert done.result.region_mm.contains(Box((0, 0, 0), (150, 180, 210)))
    assert done.result.facts["region_mode"] == "full"
    assert "localization_spacing_mm" not in done.result.facts
    assert dice(done.result.labels == 1, voxels == ORGAN_HU) > 0.97
    assert done.result.warnings == ()


def test_a_given_box_is_segmented_alone_and_does_not_grow() -> None:
    voxels = tissue()
    voxels[45:55, 45:55, 10:90] = ORGAN_HU
    asked = Box((130, 130, 150), (170, 170, 180))
    done = run(scan_of(voxels), RegionRequest("box", asked))
    assert done.localized.images == []
    assert done.result.facts["reruns"] == 0
    assert sorted(done.result.facts["cut_faces"]) == ["left", "right"]
    assert len(done.result.warnings) == 1
    region = done.result.region_mm
    assert region.contains(asked)
    inside_x = slice(int(region.start_mm[2] / 3) + 1, int(region.end_mm[2] / 3))
    assert done.result.labels[50, 50, inside_x].all()
    assert np.count_nonzero(done.result.labels[50, 50]) <= (region.extent_mm[2] + 1) / 3 + 2


def test_a_box_larger_than_the_scan_is_the_whole_scan() -> None:
    """Not a coarser one: outside of the scan there is nothing to segment."""
    voxels = tissue((50, 60, 70))
    voxels[:20, 40:, :30] = ORGAN_HU
    scan = scan_of(voxels, (3.0, 0.7, 0.9))
    whole = run(scan, RegionRequest("full"))
    given = run(scan, RegionRequest("box", Box((-1000, -1000, -1000), (1000, 1000, 1000))))
    assert given.result.facts == {**whole.result.facts, "region_mode": "box"}
    assert given.result.region_mm == whole.result.region_mm
    np.testing.assert_array_equal(given.segmented.images[0], whole.segmented.images[0])
    np.testing.assert_array_equal(given.result.labels, whole.result.labels)


def test_a_box_beside_the_scan_is_an_error() -> None:
    with pytest.raises(InputError, match="outside the scan"):
        run(scan_of(tissue((40, 40, 40))), RegionRequest("box", Box((500, 0, 0), (600, 50, 50))))


def test_a_scan_smaller_than_every_input() -> None:
    voxels = tissue((4, 9, 8))
    voxels[1:3, 2:6, 3:7] = ORGAN_HU
    done = run(scan_of(voxels, (5.0, 2.0, 2.0)), RegionRequest("full"))
    assert done.result.labels.shape == (4, 9, 8)
    assert done.result.labels[1:3, 3:5, 4:6].all()
    assert not done.result.labels[0, 0, 0]
