"""flarelite from scan to labels, with networks that look at intensities."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

import numpy as np
import pytest

from flarecli.errors import InputError
from flarecli.geometry import Box, Window
from flarecli.metrics.overlap import dice
from flarecli.steps import Steps
from flarecli.systems.base import RegionRequest, Segmentation
from flarecli.systems.flarelite import Flarelite
from flarecli.systems.flarelite.constants import FlareliteConstants
from flarecli.systems.flarelite.inputs import image_input
from flarecli.systems.flarelite.network_grid import NetworkGrid
from flarecli.systems.flarelite.organ_filter import filter_organs
from flarecli.systems.flarelite.probabilities import average_with, without_fat
from flarecli.systems.flarelite.regions import region_probabilities, window_around_labels
from tests.systems.scans import Scan, scan_of

TISSUE_HU, ORGAN_HU = -50, 150
SURE = 8.0
SPACING_MM = (3.0, 2.0, 2.0)

CONSTANTS = FlareliteConstants()


def tissue(shape: tuple[int, int, int] = (60, 90, 100)) -> np.ndarray:
    return np.full(shape, TISSUE_HU, np.int16)


def softmax(scores: np.ndarray) -> np.ndarray:
    shares = np.exp(scores)
    return shares / shares.sum(axis=0)


@dataclass
class FindsBright:
    """Gives `label` where the image is bright; remembers what it saw."""

    label: int
    images: list[np.ndarray] = field(default_factory=list)

    def __call__(self, image: np.ndarray) -> np.ndarray:
        self.images.append(image)
        brightness = image[0] if image.ndim == 4 else image
        scores = np.zeros((5, *brightness.shape), np.float32)
        scores[self.label] = SURE * (brightness * CONSTANTS.scale_hu - (TISSUE_HU + ORGAN_HU) / 2) / ORGAN_HU
        return softmax(scores)


@dataclass
class SeenBrighter:
    """Shows a network an image that is brighter by some HU."""

    network: FindsBright
    hu: float

    def __call__(self, image: np.ndarray) -> np.ndarray:
        image = image.copy()
        (image if image.ndim == 3 else image[0])[...] += self.hu / CONSTANTS.scale_hu
        return self.network(image)


def run(
    scan: Scan, label: int = 3, region: RegionRequest | None = None
) -> tuple[Segmentation, FindsBright, FindsBright]:
    locate, refine = FindsBright(label), FindsBright(label)
    result = Flarelite().segment(scan, {"locate": locate, "refine": refine}, region or RegionRequest(), Steps())
    return result, locate, refine


def test_an_organ_is_found_where_it_is_and_refined_in_its_surroundings() -> None:
    voxels = tissue()
    voxels[20:36, 24:50, 12:40] = ORGAN_HU
    result, locate, refine = run(scan_of(voxels, SPACING_MM))
    assert result.labels.dtype == np.uint8
    assert set(np.unique(result.labels)) == {0, 3}
    assert dice(result.labels == 3, voxels == ORGAN_HU) > 0.97
    # 180 mm along each axis and 200 along x, in voxels of 2.9 to 3.4 mm.
    assert locate.images[0].shape == (64, 64, 64)
    # 48, 52 and 56 mm, what the first stage's voxels add, and the margin of 16 mm on each side, at about 2 mm.
    assert refine.images[0].shape == (5, 40, 40, 40)
    assert result.warnings == ()
    assert json.loads(json.dumps(result.facts)) == result.facts


def test_the_second_stage_sees_the_first_ones_probabilities() -> None:
    voxels = tissue()
    voxels[20:36, 24:50, 12:40] = ORGAN_HU
    _, _, refine = run(scan_of(voxels, SPACING_MM), label=2)
    image, liver, kidneys = refine.images[0][:3]
    inside = image > (ORGAN_HU - 5) / CONSTANTS.scale_hu
    assert kidneys[inside].mean() > 0.8
    assert liver[inside].max() < 0.2


@dataclass
class Announced(FindsBright):
    """Remembers what it was told to expect."""

    shapes: list[tuple[int, ...]] = field(default_factory=list)

    def prepare(self, shape: tuple[int, ...]) -> None:
        self.shapes.append(shape)


def test_networks_are_told_what_they_will_get() -> None:
    voxels = tissue()
    voxels[20:36, 24:50, 12:40] = ORGAN_HU
    scan = scan_of(voxels, SPACING_MM)
    locate, refine = Announced(1), Announced(1)
    system = Flarelite()
    system.segment(scan, {"locate": locate, "refine": refine}, RegionRequest(), Steps())
    assert locate.shapes == [locate.images[0].shape]
    assert refine.shapes == [refine.images[0].shape]


def test_small_and_surplus_parts_are_dropped() -> None:
    voxels = tissue()
    voxels[20:36, 24:50, 12:40] = ORGAN_HU
    voxels[44:52, 60:76, 70:84] = ORGAN_HU
    assert not run(scan_of(voxels, SPACING_MM), label=1)[0].labels[40:].any()
    assert run(scan_of(voxels, SPACING_MM), label=2)[0].labels[44:52].any()


def test_a_given_box_is_segmented_and_nothing_else() -> None:
    voxels = tissue()
    voxels[20:36, 24:50, 12:40] = ORGAN_HU
    box = Box((54.0, 40.0, 20.0), (90.0, 120.0, 100.0))
    result, _, refine = run(scan_of(voxels, SPACING_MM), region=RegionRequest("box", box))
    assert refine.images[0].shape == (5, 16, 40, 40)
    assert not result.labels[:20].any()
    assert not result.labels[30:].any()
    assert result.facts["cut_faces"] == ["superior"]
    assert "may be cut there" in result.warnings[0]


def test_a_scan_without_organs_is_refused_and_can_be_forced() -> None:
    with pytest.raises(InputError, match="no organ was found"):
        run(scan_of(tissue(), SPACING_MM))
    result, _, refine = run(scan_of(tissue(), SPACING_MM), region=RegionRequest("full"))
    assert refine.images[0].shape == (5, 80, 80, 88)
    assert not result.labels.any()
    assert "label map is empty" in result.warnings[0]


def grid_of(window: Window, shape: tuple[int, int, int], step_mm: float, multiple: int) -> NetworkGrid:
    """A grid of isotropic voxels, padded to the multiple."""
    z, y, x = (-(-size // multiple) * multiple for size in shape)
    return NetworkGrid(window, shape, (step_mm,) * 3, (z, y, x))


def test_what_is_beyond_the_window_is_air() -> None:
    voxels = tissue((24, 30, 44))
    voxels[:4] = voxels[:, :, 40:] = ORGAN_HU
    grid = grid_of((slice(4, 24), slice(0, 30), slice(0, 40)), (20, 30, 40), 2.0, 16)
    image = image_input(voxels, grid, CONSTANTS)
    assert image.shape == (32, 32, 48)
    np.testing.assert_allclose(image[grid.inside], TISSUE_HU / CONSTANTS.scale_hu, rtol=1e-6)
    assert (image[20:] == image.min()).all()
    assert image.min() == pytest.approx(-300 / 350)


def test_the_window_has_its_margin_and_stays_in_the_scan() -> None:
    scan = scan_of(tissue((50, 120, 100)), (4, 2, 2))
    located = grid_of((slice(0, 50), slice(20, 120), slice(0, 100)), (50, 50, 50), 4.0, 16)
    labels = np.zeros(located.shape_zyx, np.uint8)
    assert window_around_labels(labels, located, scan.grid, 16.0) is None
    labels[10:20, 0:5, 30:50] = 1
    assert window_around_labels(labels, located, scan.grid, 16.0) == (slice(6, 24), slice(12, 38), slice(52, 100))
    assert window_around_labels(labels, located, scan.grid, 100.0) == (slice(0, 45), slice(0, 80), slice(10, 100))


def test_probabilities_lie_where_they_lay_in_the_first_stage() -> None:
    rng = np.random.default_rng(3)
    # Of a scan of 4 mm, all of z and x and a part of y.
    located = grid_of((slice(0, 40), slice(3, 43), slice(0, 40)), (40, 40, 40), 4.0, 16)
    first = rng.random((5, *located.padded_zyx), np.float32)
    window = (slice(8, 24), slice(7, 15), slice(0, 40))
    found = region_probabilities(first, located, grid_of(window, (16, 8, 40), 4.0, 8))
    expected = first[(slice(1, None), *located.inside)][:, 8:24, 4:12]
    np.testing.assert_allclose(found[:, :16, :8, :40], expected, atol=1e-6)
    assert not found[:, :, :, 40:].any()
    finer = region_probabilities(first, located, grid_of(window, (32, 16, 80), 2.0, 8))
    # Between two centres of the coarse grid, a quarter of the way.
    np.testing.assert_allclose(finer[:, 1, 1, 1], _trilinear(expected, 0.25), atol=1e-6)


def test_beyond_what_the_first_stage_saw_its_outermost_probabilities_go_on() -> None:
    first = np.random.default_rng(4).random((5, 16, 16, 16), np.float32)
    located = grid_of((slice(10, 26),) * 3, (16, 16, 16), 4.0, 16)
    found = region_probabilities(first, located, grid_of((slice(6, 30),) * 3, (24, 24, 24), 4.0, 8))
    np.testing.assert_allclose(found, np.pad(first[1:], ((0, 0), *((4, 4),) * 3), mode="edge"), atol=1e-6)


def _trilinear(corner: np.ndarray, t: float) -> np.ndarray:
    for _ in range(3):
        corner = (1 - t) * corner[:, 0] + t * corner[:, 1]
    return corner


def test_dropping_a_part_leaves_its_neighbours_alone() -> None:
    scores = np.zeros((5, 12, 12, 12), np.float32)
    scores[0] = 2.0
    scores[1, 2:8, 2:8, 2:8] = 5.0
    scores[1, 9, 9, 9] = 5.0
    before = scores.copy()
    labels = filter_organs(scores, 8.0, CONSTANTS)
    assert np.array_equal(labels == 1, np.pad(np.ones((6, 6, 6), bool), ((2, 4),) * 3))
    assert scores[:, 9, 9, 9].tolist() == [5.0, 2.0, 0.0, 0.0, 0.0]
    before[:, 9, 9, 9] = scores[:, 9, 9, 9]
    assert np.array_equal(scores, before)


def test_a_pancreas_may_be_in_two_pieces_and_a_liver_in_one() -> None:
    truth = np.zeros((4, 4, 40), np.uint8)
    for label, rows in ((1, (0, 1)), (4, (2, 3))):
        for part, start in enumerate((0, 13, 26)):
            truth[rows[0] : rows[1] + 1, :, start : start + 11 - part] = label
    scores = 5 * (np.arange(5)[:, None, None, None] == truth).astype(np.float32)
    labels = filter_organs(scores, 8.0, CONSTANTS)
    assert np.array_equal(labels == 1, (truth == 1) & (np.arange(40) < 13))
    assert np.array_equal(labels == 4, (truth == 4) & (np.arange(40) < 26))


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_both_stages_have_their_say(share: float) -> None:
    rng = np.random.default_rng(5)
    first, second = (softmax(rng.normal(size=(5, 3, 3, 3)).astype(np.float32)) for _ in range(2))
    expected = share * second + (1 - share) * first
    average_with(second, first[1:], share)
    np.testing.assert_allclose(second, expected, atol=1e-6)


def test_fat_is_background_instead_of_pancreas_and_other_organs_stay() -> None:
    hu = np.array([[[-80.0, -51.0, -50.0, 40.0]]], np.float32)
    before = np.array([0.2, 0.1, 0.0, 0.1, 0.6], np.float32)[:, None, None, None] * np.ones_like(hu)
    after = before.copy()
    without_fat(after, hu, CONSTANTS)
    np.testing.assert_array_equal(after[1:4], before[1:4])
    np.testing.assert_allclose(after[:, 0, 0, :2].T, [[0.8, 0.1, 0, 0.1, 0]] * 2, rtol=1e-6)
    np.testing.assert_array_equal(after[..., 2:], before[..., 2:])


@pytest.mark.parametrize(("label", "found"), [(3, True), (4, False)])
def test_no_pancreas_of_fat_is_found(label: int, found: bool) -> None:
    """The networks find a block of fat among darker fat; as a pancreas it is not believed."""
    voxels = np.full((60, 90, 100), -150, np.int16)
    voxels[20:36, 24:50, 12:40] = -60
    networks = {key: SeenBrighter(FindsBright(label), 155) for key in ("locate", "refine")}
    labels = Flarelite().segment(scan_of(voxels, SPACING_MM), networks, RegionRequest(), Steps()).labels
    assert (labels == label).any() == found
    assert found == (dice(labels == label, voxels == -60) > 0.9)
