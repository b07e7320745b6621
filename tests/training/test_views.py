"""How networks look at scans: places, sizes, labels, and the way back to the scan's grid."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from flarecli.systems.efficientscn.constants import EfficientScnConstants
from flarecli.systems.vgg13.inputs import grey_slice, network_batch, stretched_slice
from flarecli.training.checks import check_sizes
from flarecli.training.preparation import network_spec
from flarecli.training.recipes import RECIPES, recipe_named
from flarecli.training.targets import Target
from flarecli.training.views import CropView, FirstStageGrid, ResampledView, SliceView, View, WindowView
from flarecli.training.views.label_smoothing import smoothed_labels
from flarecli.training.views.scan import LabelledScan, Sample
from flarecli.training.views.spatial_map import SpatialRanges
from tests.training.small_scans import labelled_scan

pytestmark = pytest.mark.any_backend

STILL = SpatialRanges(elastic_mm=0, axis_scale=0, global_scale=0, rotation_rad=0, translation_mm=0)


def truth_scores(sample: Sample) -> np.ndarray:
    """What a perfect network answers: one-hot scores of the sample's own labels."""
    return (sample.labels[None] == np.arange(5)[:, None, None, None]).astype(np.float32)


def dice(first: np.ndarray, second: np.ndarray, label: int) -> float:
    a, b = first == label, second == label
    return 2 * (a & b).sum() / (a.sum() + b.sum())


VOLUME_VIEWS: list[View] = [
    CropView((16, 16, 16), multiple=16),
    CropView((32, 32, 32), spacing_mm=4.0, multiple=16),
    ResampledView(4.0, ((96,), (96,), (96,)), around_organs=True),
    ResampledView(4.0, ((64,), (64,), (64,))),
    WindowView((48, 48, 48), around_organs=True),
    WindowView((40, 48, 56)),
]


@pytest.mark.parametrize("view", VOLUME_VIEWS, ids=lambda view: f"{type(view).__name__}")
def test_a_perfect_network_gives_the_labels_back(view: View) -> None:
    scan = labelled_scan()
    restored = view.segment(scan, truth_scores, Target.CLASSES.decoded)
    assert restored.shape == scan.labels.shape
    assert restored.dtype == np.uint8
    for label in range(1, 5):
        assert dice(restored, scan.labels, label) > 0.93


@pytest.mark.parametrize("view", VOLUME_VIEWS, ids=lambda view: f"{type(view).__name__}")
def test_samples_are_well_formed_and_image_and_labels_agree(view: View) -> None:
    scan = labelled_scan()
    sample = view.cut(scan, np.random.default_rng(0))
    again = view.cut(scan, np.random.default_rng(0))
    assert np.array_equal(sample.image, again.image)
    assert sample.image.dtype == np.float32
    assert sample.labels.dtype == np.uint8
    assert sample.image.shape == (1, *sample.labels.shape)
    means = [sample.image[0][sample.labels == label].mean() for label in np.unique(sample.labels)]
    assert (np.diff(means) > 0).all()


def test_samples_of_every_recipe_have_sizes_that_its_network_takes() -> None:
    multiples = {"localization": 16, "segmentation": 32, "coarse": 16, "fine": 16, "locate": 16, "refine": 8}
    for recipe in RECIPES:
        check_sizes(recipe, network_spec(recipe.system, recipe.network))
        view = recipe.view
        if isinstance(view, ResampledView):
            sizes = [size for axis in view.sizes for size in axis]
        elif isinstance(view, CropView):
            sizes = [size for shape in (view.shape_zyx, *view.other_shapes_zyx) for size in shape]
        else:
            sizes = [view.slice_size] if isinstance(view, SliceView) else list(view.shape_zyx)  # type: ignore[attr-defined]
        assert all(size % multiples[recipe.network] == 0 for size in sizes)


def test_crops_of_scans_at_another_voxel_size() -> None:
    scan = labelled_scan(shape=(20, 24, 28), spacing=2.0)
    view = CropView((10, 12, 14), spacing_mm=4.0, multiple=1)
    sample = view.cut(scan, np.random.default_rng(0))
    blocks = scan.image.reshape(10, 2, 12, 2, 14, 2).mean(axis=(1, 3, 5))
    np.testing.assert_allclose(sample.image[0] * 2048, np.rint(blocks), atol=0.51)
    restored = view.segment(scan, truth_scores, Target.CLASSES.decoded)
    assert restored.shape == scan.labels.shape
    assert dice(restored, scan.labels, 1) > 0.7


def test_crops_of_several_sizes() -> None:
    view = CropView((8, 8, 8), other_shapes_zyx=((4, 8, 12), (12, 8, 4)))
    assert not view.has_fixed_shape
    shapes = [view.cut(labelled_scan(), np.random.default_rng(seed)).labels.shape for seed in range(30)]
    assert set(shapes) == {(8, 8, 8), (4, 8, 12), (12, 8, 4)}


def test_the_first_stage_sees_some_training_scans_changed_and_no_others() -> None:
    grid = FirstStageGrid(changed_share=0.5)
    hu = np.zeros((4, 4, 4), np.float32)
    changed = [grid.changed(hu, number) for number in range(60)]
    assert 15 < sum(bool(array.any()) for array in changed) < 45
    assert all(np.array_equal(grid.changed(hu, number), changed[number]) for number in range(60))
    assert not any(grid.changed(hu, -1 - number).any() for number in range(60))


def test_crops_lie_anywhere_and_outside_the_scan_is_air() -> None:
    positions = np.arange(20 * 24 * 28).reshape(20, 24, 28)
    scan = LabelledScan(0, positions.astype(np.int16), np.zeros(positions.shape, np.uint8), (8.0,) * 3)
    view = CropView((16, 16, 32))
    starts = set()
    for seed in range(60):
        image = view.cut(scan, np.random.default_rng(seed)).image[0] * 2048
        filled = image > -1000
        assert filled.any(axis=(0, 1)).sum() == 28
        starts.add(round(float(image[0, 0, np.argmax(filled[0, 0])])))
    assert len(starts) > 20


def test_crops_can_be_placed_on_organs() -> None:
    labels = np.zeros((64, 64, 64), np.uint8)
    labels[60, 3, 40] = 2
    scan = LabelledScan(0, np.zeros(labels.shape, np.int16), labels, (2.0,) * 3)
    view = CropView((16, 16, 16), organ_share=1.0)
    assert all(view.cut(scan, np.random.default_rng(seed)).labels.max() == 2 for seed in range(30))
    anywhere = replace(view, organ_share=0.0)
    assert sum(anywhere.cut(scan, np.random.default_rng(seed)).labels.max() == 2 for seed in range(30)) < 15


def test_the_first_stage_sees_the_scan_and_knows_where_the_crop_lies() -> None:
    ramp = np.broadcast_to((np.arange(40) * 10).astype(np.int16)[:, None, None], (40, 32, 32))
    scan = LabelledScan(7, ramp, np.zeros(ramp.shape, np.uint8), (2.0,) * 3)
    view = CropView((16, 16, 16), first_stage=FirstStageGrid(spacing_mm=4.0, multiple=16))
    sample = view.cut(scan, np.random.default_rng(1))
    seen = sample.first_stage
    assert seen is not None
    assert seen.scan_number == 7
    assert seen.image.shape == (32, 16, 16)
    at = seen.start_zyx[0] + seen.step_zyx[0] * np.arange(16)
    interpolated = ndimage.map_coordinates(seen.image[:, 0, 0], [at], order=1)
    np.testing.assert_allclose(interpolated, sample.image[0, :, 0, 0], atol=1e-4)


def test_published_sizes_are_the_next_larger_ones() -> None:
    view = recipe_named("efficientscn", "segmentation", "published").view
    assert isinstance(view, ResampledView)
    labels = np.zeros((120, 120, 120), np.uint8)
    labels[20:100, 30:90, 40:81] = 1
    scan = LabelledScan(0, labels.astype(np.int16), labels, (2.0, 2.0, 2.0))
    region = view.region(scan)
    # Extents of 158, 118 and 80 mm between voxel centres, and 64 mm of margin: 111, 91 and 72 voxels.
    assert region.shape_zyx == (128, 96, 96)
    assert region.scale == 1.0
    assert region.middle_mm == pytest.approx((119.0, 119.0, 120.0))
    wide = LabelledScan(0, labels.astype(np.int16), labels, (2.0, 4.0, 2.0))
    # 236 + 64 mm along y are 150 voxels, of which 128 fit.
    assert view.region(wide).shape_zyx[1] == 128
    assert view.region(wide).scale == pytest.approx(150 / 128)


def test_the_localization_sees_the_middle_of_a_scan_that_is_too_large() -> None:
    view = recipe_named("efficientscn", "localization", "published").view
    assert isinstance(view, ResampledView)
    assert view.sizes == EfficientScnConstants().localization_sizes
    scan = LabelledScan(0, np.zeros((300, 50, 90), np.int16), np.zeros((300, 50, 90), np.uint8), (6.0,) * 3)
    region = view.region(scan)
    assert region.shape_zyx == (256, 64, 80)
    assert region.scale == 1.0


def test_outside_of_the_scan_is_padding_and_background() -> None:
    view = ResampledView(8.0, ((64,), (32,), (32,)), spatial=STILL)
    scan = replace(labelled_scan(), labels=np.full((20, 24, 28), 3, np.uint8))
    sample = view.cut(scan, np.random.default_rng(0))
    assert (sample.image[0, :20] == -0.5).all()
    assert (sample.labels[:20] == 0).all()
    assert (sample.labels[22:42, 4:28, 2:30] == 3).all()


def test_smoothed_labels_equal_the_argmax_over_all_smoothed_maps() -> None:
    rng = np.random.default_rng(0)
    labels = ndimage.zoom(rng.integers(0, 5, (5, 6, 7)).astype(np.uint8), 4, order=0)
    one_hot = (labels[None] == np.arange(5)[:, None, None, None]).astype(np.float32)
    smooth = np.stack([ndimage.gaussian_filter(part, 1.0, mode="nearest", truncate=4.0) for part in one_hot])
    expected = smooth.argmax(axis=0)
    found = smoothed_labels(labels, 1.0)
    ordered = np.sort(smooth, axis=0)
    clear = ordered[-1] - ordered[-2] > 1e-4
    assert clear.mean() > 0.9
    assert np.array_equal(found[clear], expected[clear])
    assert (found != labels).any()
    assert np.array_equal(smoothed_labels(labels, 0.0), labels)


def test_windows_are_standardised_and_clipped() -> None:
    sample = WindowView((32, 32, 32)).cut(labelled_scan(), np.random.default_rng(0))
    assert sample.image.mean() == pytest.approx(0, abs=1e-4)
    assert sample.image.std() == pytest.approx(1, abs=1e-3)


def test_random_windows_keep_to_their_range_at_both_ends() -> None:
    labels = np.zeros((80, 80, 80), np.uint8)
    labels[30:50, 30:50, 30:50] = 1
    scan = LabelledScan(0, np.zeros(labels.shape, np.int16), labels, (2.0,) * 3)
    view = WindowView((32, 32, 32), around_organs=True, random_share=1.0)
    windows = [view._window(scan, np.random.default_rng(seed)) for seed in range(300)]
    # 40 mm are 20 voxels: at most 19 outwards and 7 inwards.
    assert {min(part.start for part in window) for window in windows} <= set(range(11, 38))
    assert min(part.start for window in windows for part in window) == 11
    assert max(part.start for window in windows for part in window) == 37
    assert min(part.stop for window in windows for part in window) == 43
    assert max(part.stop for window in windows for part in window) == 69


def test_whole_scans_are_seen_in_fields_of_many_extents() -> None:
    scan = labelled_scan()
    whole = tuple(slice(0, count) for count in scan.labels.shape)
    assert WindowView((32, 32, 32))._window(scan, np.random.default_rng(0)) == whole
    view = WindowView((32, 32, 32), least_field=(0.3, 0.8, 1.0))
    windows = [view._window(scan, np.random.default_rng(seed)) for seed in range(200)]
    for axis, (count, least) in enumerate(zip(scan.labels.shape, view.least_field, strict=True)):
        sizes = {window[axis].stop - window[axis].start for window in windows}
        assert sizes == set(range(round(least * count), count + 1))
        assert min(window[axis].start for window in windows) == 0
        assert max(window[axis].stop for window in windows) == count
    # Validation sees the whole scan.
    assert scan.labels[view._fixed_window(scan)].shape == scan.labels.shape


def test_brightness_changes_whole_organs_by_at_most_200_hu() -> None:
    flat = replace(labelled_scan(), image=np.zeros((20, 24, 28), np.int16))
    view = WindowView((20, 24, 28), brightness_share=0.5, window_hu=(-325.0, 325.0), deviation_epsilon=1e-5)
    changed = 0
    for seed in range(100):
        image = view.cut(flat, np.random.default_rng(seed)).image[0]
        for label in range(1, 5):
            values = np.unique(image[flat.labels == label])
            assert len(values) == 1
            changed += values[0] != image[0, 0, 0]
    assert 140 < changed < 260


def slice_scan() -> LabelledScan:
    scan = labelled_scan(shape=(6, 40, 48))
    return SliceView(slice_size=32).scan_of(3, scan.image, scan.labels, scan.spacing_mm)


def test_scans_of_slices_are_what_prediction_makes_of_them() -> None:
    from flarecli.systems.vgg13.constants import Vgg13Constants

    scan, made = labelled_scan(shape=(6, 40, 48)), slice_scan()
    assert made.image.dtype == np.int16
    constants = Vgg13Constants(slice_size=32)
    grey = stretched_slice(made.image[2], constants).astype(int)
    np.testing.assert_allclose(grey, grey_slice(scan.image[2], constants), atol=1)
    means = [made.image[2][made.labels[2] == label].mean() for label in (0, 1, 2)]
    assert means == sorted(means)


def test_slices_of_a_cache_are_cut_and_segmented_at_the_size_of_the_view() -> None:
    scan = slice_scan()
    large = replace(scan, image=scan.image.repeat(4, 1).repeat(4, 2), labels=scan.labels.repeat(4, 1).repeat(4, 2))
    view = SliceView(slice_size=32)
    sample = view.cut(large, np.random.default_rng(1))
    assert sample.image.shape == (3, 32, 32)
    assert sample.labels.shape == (32, 32)

    def true_scores(part: Sample) -> np.ndarray:
        assert part.image.shape[-2:] == (32, 32)
        return np.moveaxis(np.eye(5)[part.labels], -1, 1)

    found = view.segment(large, true_scores, lambda scores: np.argmax(scores, axis=0).astype(np.uint8))
    assert np.array_equal(found, large.labels)


def test_a_reduced_scan_gives_the_samples_of_the_whole_one() -> None:
    scan = slice_scan()
    assert SliceView(slice_size=32).reduced(scan) is scan
    assert SliceView(slice_size=48).reduced(scan) is scan, "never enlarged"
    large = replace(scan, image=scan.image.repeat(4, 1).repeat(4, 2), labels=scan.labels.repeat(4, 1).repeat(4, 2))
    view = SliceView(slice_size=32)
    small = view.reduced(large)
    assert (small.image.shape, small.image.dtype) == (scan.image.shape, np.int16)
    assert small.spacing_mm == pytest.approx((scan.spacing_mm[0], 4 * scan.spacing_mm[1], 4 * scan.spacing_mm[2]))
    one, other = (view.cut(of, np.random.default_rng(6)) for of in (small, large))
    assert np.array_equal(one.labels, other.labels)
    np.testing.assert_allclose(one.image, other.image, atol=0.025)  # two grey levels: HU are rounded once more


def test_slices_are_normalised_and_repeated_like_in_prediction() -> None:
    from flarecli.systems.vgg13.constants import Vgg13Constants

    still = SliceView(slice_size=32, rotation_deg=0, shear_deg=0, translation=0, scale=(1.0, 1.0))
    scan = slice_scan()
    sample = still.cut(scan, np.random.default_rng(0))
    constants = Vgg13Constants(slice_size=32)
    candidates = [network_batch(stretched_slice(hu, constants)[None], constants)[0] for hu in scan.image]
    assert sample.image.shape == (3, 32, 32)
    assert any(np.array_equal(sample.image, candidate) for candidate in candidates)


def test_one_affine_map_moves_image_and_labels() -> None:
    scan = slice_scan()
    moved = SliceView(slice_size=32).cut(replace(scan, image=scan.labels * 50), np.random.default_rng(4))
    values = [np.unique(moved.image[0][moved.labels == label]) for label in np.unique(moved.labels)]
    assert all(len(value) == 1 for value in values)
    matrices = [SliceView()._matrix(np.random.default_rng(seed)) for seed in range(300)]
    scales = [np.sqrt(1 / abs(np.linalg.det(matrix))) for matrix in matrices]
    assert 0.8 <= min(scales) < 0.82
    assert 1.18 < max(scales) <= 1.2


def test_slices_without_content_are_passed_over_and_all_are_segmented() -> None:
    scan = slice_scan()
    image = np.zeros_like(scan.image)
    image[4] = scan.image[4]
    view = SliceView(slice_size=32, translation=0, rotation_deg=0, shear_deg=0, scale=(1.0, 1.0))
    sample = view.cut(replace(scan, image=image), np.random.default_rng(0))
    assert np.array_equal(sample.labels, scan.labels[4])

    def scores_of(sample: Sample) -> np.ndarray:
        return (sample.labels[:, None] == np.arange(5)[:, None, None]).astype(np.float32)

    assert np.array_equal(view.segment(scan, scores_of, Target.CLASSES.decoded), scan.labels)
