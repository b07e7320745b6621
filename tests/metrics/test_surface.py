"""NSD, HD95 and ASSD of masks: against the definition written out, and what must hold of any such score."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from flarecli.errors import InputError
from flarecli.metrics import nearest
from flarecli.metrics.surface import (
    average_surface_distance,
    hausdorff_distance_95,
    normalized_surface_distance,
    surface_distances,
)
from tests.metrics.direct_surface import directed_distances, surface_dice, surface_elements

_quick = settings(max_examples=40, deadline=None)

_PAIRS = array_shapes(min_dims=3, max_dims=3, max_side=6).flatmap(
    lambda shape: st.tuples(arrays(bool, shape), arrays(bool, shape))
)
_STEPS_MM = st.one_of(
    st.floats(0.3, 5.0), st.sampled_from([0.5, 1.0, 2.5, float(np.float32(0.6)), float(np.float32(0.8))])
)
_SPACINGS_MM = st.tuples(_STEPS_MM, _STEPS_MM, _STEPS_MM)
_EXACT_STEPS_MM = st.sampled_from([0.5, 0.625, 0.75, 1.0, 1.5, 2.5])  # squares and sums without rounding
_EXACT_SPACINGS_MM = st.tuples(_EXACT_STEPS_MM, _EXACT_STEPS_MM, _EXACT_STEPS_MM)
_TOLERANCES_MM = st.one_of(st.floats(0.5, 7.0), st.sampled_from([0.5, 1.0, 2.0, 3.0, 5.0, 7.0]))

Pair = tuple[np.ndarray, np.ndarray]
Spacing = tuple[float, float, float]


@given(_PAIRS, _SPACINGS_MM, _TOLERANCES_MM)
@_quick
def test_agrees_with_the_definition(pair: Pair, spacing_mm: Spacing, tolerance_mm: float) -> None:
    expected = surface_dice(*pair, spacing_mm, tolerance_mm)
    assert normalized_surface_distance(*pair, spacing_mm, tolerance_mm) == pytest.approx(expected, abs=1e-12)


@given(_PAIRS, _SPACINGS_MM)
@_quick
def test_distances_agree_with_the_definition(pair: Pair, spacing_mm: Spacing) -> None:
    distances = surface_distances(*pair, spacing_mm)
    pred, gt = (surface_elements(mask, spacing_mm) for mask in pair)
    np.testing.assert_array_equal(distances.pred_to_gt_mm, directed_distances(pred, gt, spacing_mm))
    np.testing.assert_array_equal(distances.gt_to_pred_mm, directed_distances(gt, pred, spacing_mm))


@given(_PAIRS, _EXACT_SPACINGS_MM, _TOLERANCES_MM)
@_quick
def test_search_tree_and_stencil_agree(pair: Pair, spacing_mm: Spacing, tolerance_mm: float) -> None:
    by_stencil = surface_distances(*pair, spacing_mm, limit_mm=tolerance_mm)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nearest, "_TREE_BEYOND_OFFSETS", 1)
        nearest.stencil_within.cache_clear()
        by_tree = surface_distances(*pair, spacing_mm, limit_mm=tolerance_mm)
    nearest.stencil_within.cache_clear()
    np.testing.assert_array_equal(by_tree.pred_to_gt_mm, by_stencil.pred_to_gt_mm)
    np.testing.assert_array_equal(by_tree.gt_to_pred_mm, by_stencil.gt_to_pred_mm)


@given(_PAIRS, _SPACINGS_MM, _TOLERANCES_MM)
@_quick
def test_symmetric_and_one_for_equal_masks(pair: Pair, spacing_mm: Spacing, tolerance_mm: float) -> None:
    pred, gt = pair
    score = normalized_surface_distance(pred, gt, spacing_mm, tolerance_mm)
    assert 0 <= score <= 1
    assert score == normalized_surface_distance(gt, pred, spacing_mm, tolerance_mm)
    assert normalized_surface_distance(pred, pred, spacing_mm, 0) == 1
    assert hausdorff_distance_95(pred, pred, spacing_mm) == average_surface_distance(pred, pred, spacing_mm) == 0


@given(_PAIRS, _EXACT_SPACINGS_MM, _TOLERANCES_MM, st.permutations(range(3)), st.tuples(*[st.booleans()] * 3))
@_quick
def test_flips_and_axis_permutations_change_nothing(
    pair: Pair, spacing_mm: Spacing, tolerance_mm: float, order: list[int], flipped: tuple[bool, bool, bool]
) -> None:
    steps = tuple(slice(None, None, -1 if flip else 1) for flip in flipped)
    pred, gt = (mask.transpose(order)[steps] for mask in pair)
    s0, s1, s2 = (spacing_mm[axis] for axis in order)
    turned = surface_distances(pred, gt, (s0, s1, s2))
    plain = surface_distances(*pair, spacing_mm)
    assert turned.share_within(tolerance_mm) == pytest.approx(plain.share_within(tolerance_mm), abs=1e-12)
    assert turned.percentile_mm(100) == plain.percentile_mm(100)
    assert turned.mean_mm() == pytest.approx(plain.mean_mm(), rel=1e-12)


@given(_PAIRS, _SPACINGS_MM, _TOLERANCES_MM, st.tuples(*[st.tuples(st.integers(0, 3), st.integers(0, 3))] * 3))
@_quick
def test_padding_and_translation_by_whole_voxels_change_nothing(
    pair: Pair, spacing_mm: Spacing, tolerance_mm: float, widths: tuple[tuple[int, int], ...]
) -> None:
    # Padding by different widths before and after an axis is a translation inside a larger volume.
    pred, gt = (np.pad(mask, widths) for mask in pair)
    assert normalized_surface_distance(pred, gt, spacing_mm, tolerance_mm) == normalized_surface_distance(
        *pair, spacing_mm, tolerance_mm
    )


@given(_PAIRS, _SPACINGS_MM, st.lists(_TOLERANCES_MM, min_size=2, max_size=4))
@_quick
def test_grows_with_the_tolerance(pair: Pair, spacing_mm: Spacing, tolerances_mm: list[float]) -> None:
    scores = [normalized_surface_distance(*pair, spacing_mm, mm) for mm in sorted(tolerances_mm)]
    assert all(lower <= higher for lower, higher in itertools.pairwise(scores))


def test_a_shift_of_exactly_the_tolerance_counts_as_within() -> None:
    pred, gt = np.zeros((2, 4, 4, 6), dtype=bool)
    pred[1:3, 1:3, 1:3] = True
    gt[1:3, 1:3, 2:4] = True
    assert normalized_surface_distance(pred, gt, (1, 1, 1), 1.0) == 1
    assert normalized_surface_distance(pred, gt, (1, 1, 1), math.nextafter(1.0, 0)) < 1


def test_a_tie_is_decided_in_float64_on_the_spacing_given() -> None:
    pred, gt = np.zeros((2, 1, 3, 3), dtype=bool)
    pred[0, 0, 0] = gt[0, 1, 1] = True
    exact, float32 = (1.0, 0.8, 0.6), (1.0, float(np.float32(0.8)), float(np.float32(0.6)))
    assert normalized_surface_distance(pred, gt, exact, 1.0) == 1
    assert normalized_surface_distance(pred, gt, float32, 1.0) < 1  # the diagonal is 1.00000002 mm


def test_empty_masks() -> None:
    empty, full = np.zeros((3, 3, 3), bool), np.ones((3, 3, 3), bool)
    assert normalized_surface_distance(empty, empty, (1, 1, 1), 1) == 1
    assert hausdorff_distance_95(empty, empty, (1, 1, 1)) == average_surface_distance(empty, empty, (1, 1, 1)) == 0
    for pair in ((empty, full), (full, empty)):
        assert normalized_surface_distance(*pair, (1, 1, 1), 1e6) == 0
        assert hausdorff_distance_95(*pair, (1, 1, 1)) == math.inf
        assert average_surface_distance(*pair, (1, 1, 1)) == math.inf


def test_parallel_planes_lie_as_far_apart_as_they_do() -> None:
    pred, gt = np.zeros((2, 40, 8, 8), dtype=bool)
    pred[10:14], gt[12:18] = True, True
    distances = surface_distances(pred, gt, (2.5, 1, 1))
    assert distances.percentile_mm(100) == 10  # upper faces: four slices of 2.5 mm
    assert distances.gt_to_pred_mm.max() == 10
    assert distances.pred_to_gt_mm.max() == 5  # lower faces: two slices


def test_percentile_weighs_by_area() -> None:
    pred = np.zeros((12, 30, 30), dtype=bool)
    gt = pred.copy()
    gt[2:6, 2:28, 2:28] = True
    pred[2:6, 2:28, 2:28] = True
    pred[10, 15, 15] = True  # an island: far away, with under 5 % of the surface
    assert hausdorff_distance_95(pred, gt, (1, 1, 1)) == 0
    assert surface_distances(pred, gt, (1, 1, 1)).percentile_mm(100) == 5


def test_far_masks_go_through_the_search_tree() -> None:
    pred, gt = np.zeros((2, 4, 4, 300), dtype=bool)
    pred[1:3, 1:3, 2:4], gt[1:3, 1:3, 280:284] = True, True
    assert surface_distances(pred, gt, (1, 1, 0.5)).percentile_mm(100) == pytest.approx(140)


@pytest.mark.filterwarnings("ignore:Please import:DeprecationWarning")  # the package's own, on import
@pytest.mark.parametrize("seed", range(3))
def test_agrees_with_the_package_of_the_definition(seed: int) -> None:
    metrics = pytest.importorskip("surface_distance.metrics")
    rng = np.random.default_rng(seed)
    noise = rng.random((2, 14, 16, 18))
    pred, gt = noise > 0.7
    spacing_mm = (2.5, 0.75, 0.8)
    theirs = metrics.compute_surface_distances(gt, pred, spacing_mm)
    ours = surface_distances(pred, gt, spacing_mm)
    for tolerance_mm in (0.5, 1.0, 2.0, 5.0):
        expected = metrics.compute_surface_dice_at_tolerance(theirs, tolerance_mm)
        assert ours.share_within(tolerance_mm) == pytest.approx(expected, abs=1e-12)
    assert ours.percentile_mm(95) == pytest.approx(metrics.compute_robust_hausdorff(theirs, 95), rel=1e-12)
    averages = metrics.compute_average_surface_distance(theirs)
    assert min(averages) <= ours.mean_mm() <= max(averages)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"pred": np.ones((2, 2, 2))}, "`pred` is not a mask"),
        ({"gt": np.ones((2, 2, 2), np.uint8)}, "`gt` is not a mask"),
        ({"gt": np.ones((2, 2, 3), bool)}, "differ in shape"),
        ({"pred": np.ones((2, 2), bool), "gt": np.ones((2, 2), bool)}, "not three-dimensional"),
        ({"pred": np.ones((1, 2, 2, 2), bool), "gt": np.ones((1, 2, 2, 2), bool)}, "not three-dimensional"),
        ({"spacing_mm": (1.0, 0.0, 1.0)}, "not a voxel spacing"),
        ({"spacing_mm": (1.0, math.nan, 1.0)}, "not a voxel spacing"),
        ({"spacing_mm": (1.0, 1.0)}, "not a voxel spacing"),
        ({"tolerance_mm": -1.0}, "not a tolerance"),
        ({"tolerance_mm": math.inf}, "not a tolerance"),
    ],
)
def test_refuses_bad_arguments(change: dict[str, object], problem: str) -> None:
    mask = np.ones((2, 2, 2), bool)
    arguments = {"pred": mask, "gt": mask, "spacing_mm": (1.0, 1.0, 1.0), "tolerance_mm": 1.0, **change}
    with pytest.raises(InputError, match=problem):
        normalized_surface_distance(**arguments)  # type: ignore[arg-type]
