"""Both sources of anatomy: drawn patients measure like real ones; given label maps come back."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flarecli.errors import InputError
from flarecli.phantom import REALISTIC, anatomy_from_labels, make_phantom, prepare_labels, procedural_anatomy
from flarecli.phantom.body.landmarks import measure_landmarks
from flarecli.phantom.drawing.canvas import Canvas
from flarecli.phantom.drawing.lattice import SampleGrid
from tests.drawn_organs import drawn_organs
from tests.shared_data import shared_path

STEP_MM = 6.0
GRID = SampleGrid((56, 46, 60), (STEP_MM,) * 3, (-165.0, -135.0, -177.0))
ORDINARY = dataclasses.replace(REALISTIC, splenomegaly=0.0, missing_kidney=0.0)
UNDEFORMED = dataclasses.replace(
    ORDINARY, size_spread=0.0, shape_spread=0.0, shrunken_pancreas=0.0, patchy_pancreas=0.0, moved_pancreas_mm=0.0
)

MEASURED_ML = {1: (1739, 447), 2: (327, 87), 3: (225, 120), 4: (83, 22)}
"""Mean and standard deviation of organ volumes of 30 adults; the spleen's median."""


def volumes_ml(labels: np.ndarray) -> np.ndarray:
    return np.bincount(labels.ravel(), minlength=5) * STEP_MM**3 / 1000


def test_mean_volumes_of_drawn_patients_are_those_of_real_ones():
    volumes = np.array(
        [volumes_ml(drawn_organs(procedural_anatomy(np.random.default_rng(s), ORDINARY), GRID)) for s in range(30)]
    )
    for label, (mean, deviation) in MEASURED_ML.items():
        assert abs(volumes[:, label].mean() - mean) < 0.4 * deviation
        assert 0.4 * deviation < volumes[:, label].std() < 1.7 * deviation


def test_centroids_of_drawn_patients_are_those_of_real_ones():
    measured = {1: (11, 12, 31), 3: (11, -42, -135), 4: (-28, 17, -50)}
    offsets = {label: [] for label in measured}
    for seed in range(20):
        labels = drawn_organs(procedural_anatomy(np.random.default_rng(seed), ORDINARY), GRID)
        middle = np.argwhere(labels > 0).mean(0)
        for label in measured:
            offsets[label].append((np.argwhere(labels == label).mean(0) - middle) * STEP_MM)
    for label, expected in measured.items():
        np.testing.assert_allclose(np.mean(offsets[label], 0), expected, atol=10)


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 2**32))
def test_organs_do_not_overlap(seed):
    canvas = Canvas(GRID)
    for organ in procedural_anatomy(np.random.default_rng(seed)).organs:
        found = organ.depth(canvas)
        assert found is not None
        window, depth = found
        assert not (canvas.parts[window][depth > 0]).any()
        canvas.paint(window, depth > 0, organ.label)


def test_no_organ_reaches_the_faces_of_its_box():
    for seed in range(6):
        canvas = Canvas(GRID)
        for organ in procedural_anatomy(np.random.default_rng(seed), ORDINARY).organs:
            found = organ.depth(canvas)
            inside = found[1] > 0
            for axis in range(3):
                assert not np.take(inside, (0, -1), axis).any(), organ.label


def test_an_undeformed_label_map_comes_back():
    labels = drawn_organs(procedural_anatomy(np.random.default_rng(3), ORDINARY), GRID)
    anatomy = anatomy_from_labels(np.random.default_rng(0), prepare_labels(labels, (STEP_MM,) * 3), UNDEFORMED)
    spans = [np.flatnonzero((labels > 0).any(tuple(a for a in range(3) if a != n))) for n in range(3)]
    middle = np.array([(s[0] + s[-1]) / 2 for s in spans])
    origin = -middle * STEP_MM
    canvas = Canvas(SampleGrid(labels.shape, (STEP_MM,) * 3, tuple(origin)))
    for organ in anatomy.organs:
        window, depth = organ.depth(canvas)
        canvas.paint(window, depth > 0, organ.label)
    for label in (1, 2, 3, 4):
        a, b = canvas.parts == label, labels == label
        assert 2 * (a & b).sum() / (a.sum() + b.sum()) > 0.93


def test_a_deformed_label_map_keeps_its_volumes_within_its_spread():
    labels = drawn_organs(procedural_anatomy(np.random.default_rng(3), ORDINARY), GRID)
    prepared = prepare_labels(labels, (STEP_MM,) * 3)
    ratios = []
    for seed in range(8):
        anatomy = anatomy_from_labels(np.random.default_rng(seed), prepared, ORDINARY)
        ratios.append(volumes_ml(drawn_organs(anatomy, GRID))[1] / volumes_ml(labels)[1])
    assert 0.5 < min(ratios) < 0.95
    assert 1.05 < max(ratios) < 2.0


def test_a_label_map_gives_a_scan_with_its_organs_only():
    labels = drawn_organs(procedural_anatomy(np.random.default_rng(3), ORDINARY), GRID)
    labels[labels == 4] = 0
    labels[labels == 3] = 0
    anatomy = anatomy_from_labels(np.random.default_rng(1), prepare_labels(labels, (STEP_MM,) * 3), ORDINARY)
    phantom = make_phantom(1, shape_zyx=(40, 48, 56), spacing_mm=(7.0,) * 3, anatomy=anatomy)
    assert set(np.unique(phantom.labels)) == {0, 1, 2}
    assert phantom.facts["anatomy"] == "labels"


@pytest.mark.parametrize(
    ("labels", "word"),
    [
        (np.zeros((4, 4, 4), np.uint8), "no organ"),
        (np.full((4, 4, 4), 7, np.uint8), "unknown labels"),
        (np.ones((4, 4), np.uint8), "not a label map"),
        (np.ones((4, 4, 4), np.float32), "not a label map"),
    ],
)
def test_arrays_that_are_no_label_maps_are_refused(labels, word):
    with pytest.raises(InputError, match=word):
        prepare_labels(labels, (1.0, 1.0, 1.0))


def test_landmarks_of_a_real_label_map_are_those_of_an_abdomen():
    import nibabel

    image = nibabel.as_closest_canonical(nibabel.load(shared_path("data/labels/btcv/label0005.nii.gz")))
    labels = np.asarray(image.dataobj).T[:, ::4, ::4]
    x, y, z = image.header.get_zooms()[:3]
    prepared = prepare_labels(np.ascontiguousarray(labels), (float(z), 4 * float(y), 4 * float(x)))
    landmarks = measure_landmarks(anatomy_from_labels(np.random.default_rng(0), prepared, UNDEFORMED))
    places = landmarks.places
    assert set(places) == {"liver", "right_kidney", "left_kidney", "spleen", "pancreas"}
    assert places["spleen"].centre[2] < places["left_kidney"].centre[2] < landmarks.midline_x
    assert landmarks.midline_x < places["right_kidney"].centre[2]
    assert landmarks.spine_y < places["pancreas"].centre[1]
    assert landmarks.wall_radius.min() > 60
    assert landmarks.dome_z.max() <= landmarks.top_z + 10
