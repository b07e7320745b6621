"""Roughness, overlaps, mixtures and borders of forms whose measures are known."""

from __future__ import annotations

import numpy as np
import pytest

from flarecli.measures.anatomy.shapes import OrganShape, organ_shapes
from flarecli.measures.kidney_sides import kidney_sides
from flarecli.organs import KIDNEYS
from tests.labelled_volumes import ball, grid_of, volume_of

SHAPE = (40, 60, 90)


def shapes_of(
    labels: np.ndarray, hu: np.ndarray, spacing_mm: tuple[float, float, float] = (2.0, 2.0, 2.0)
) -> dict[str, OrganShape]:
    volume = volume_of(hu, grid_of(labels.shape, spacing_mm))
    return organ_shapes(volume, kidney_sides(labels, volume.voxels, volume.grid))


def test_nothing_was_found() -> None:
    assert shapes_of(np.zeros(SHAPE, np.uint8), np.zeros(SHAPE, np.int16)) == {}


def test_a_cube() -> None:
    labels = np.zeros(SHAPE, np.uint8)
    cube = (slice(10, 30), slice(20, 40), slice(30, 50))
    labels[cube] = 1
    hu = np.full(SHAPE, -100, np.int16)
    hu[cube] = 100
    liver = shapes_of(labels, hu)["liver"]
    assert liver.roughness == pytest.approx(1)
    assert liver.slice_changes == pytest.approx(1)
    assert liver.least_overlap == 1
    assert set(liver.flat_faces.values()) == {1.0}
    assert liver.mixture_hu == 0
    assert liver.border_contrast == pytest.approx(1)
    assert liver.contacts == {}
    assert liver.centre_mm == pytest.approx((40, 60, 80))
    assert liver.box_mm.start_mm == (20, 40, 60)


def test_a_ball_is_rounder_than_its_voxels_say_by_a_half() -> None:
    labels = ball(SHAPE, (20, 30, 45), 30.0, (2.0, 2.0, 2.0)).astype(np.uint8)
    liver = shapes_of(labels, np.zeros(SHAPE, np.int16))["liver"]
    assert liver.roughness == pytest.approx(1.5 * 4 * np.pi / 6 / (4 / 3 * np.pi) ** (2 / 3), rel=0.05)
    assert max(liver.flat_faces.values()) < 0.2


def test_two_tissues_are_a_mixture_and_noise_is_none() -> None:
    labels = np.zeros(SHAPE, np.uint8)
    labels[5:35, 10:50, 20:80] = 3
    hu = np.full(SHAPE, 100, np.int16)
    rng = np.random.default_rng(1)
    noisy = (hu + rng.normal(0, 40, SHAPE)).astype(np.int16)
    noise_hu = shapes_of(labels, noisy)["spleen"].mixture_hu
    assert noise_hu is not None
    assert noise_hu < 20
    hu[:, :30] = -100
    mixture_hu = shapes_of(labels, hu)["spleen"].mixture_hu
    assert mixture_hu is not None
    assert mixture_hu > 80


def test_contacts_are_shares_of_the_surface() -> None:
    labels = np.zeros(SHAPE, np.uint8)
    labels[10:20, 10:20, 10:20] = 3
    labels[10:20, 10:20, 20:30] = 4
    found = shapes_of(labels, np.zeros(SHAPE, np.int16))
    assert found["spleen"].contacts == pytest.approx({"pancreas": 1 / 6})
    assert found["pancreas"].contacts == pytest.approx({"spleen": 1 / 6})


def test_what_ends_at_the_scan_has_no_face_there() -> None:
    labels = np.zeros(SHAPE, np.uint8)
    labels[:20, 20:40, 30:50] = 1
    assert "inferior" not in shapes_of(labels, np.zeros(SHAPE, np.int16))["liver"].flat_faces


@pytest.mark.parametrize("shift", [0, 1, 2])
def test_kidneys_stay_apart_where_only_every_second_voxel_is_measured(shift: int) -> None:
    labels = np.zeros((60, 60, 120), np.uint8)
    right = (slice(11 + shift, 41), slice(20 + shift, 40), slice(80 + shift, 100))
    left = (slice(10, 40), slice(20, 41), slice(21, 41))
    labels[right] = labels[left] = KIDNEYS
    hu = np.full(labels.shape, 0, np.int16)
    hu[:, :10, 55:65] = 300
    found = shapes_of(labels, hu, (0.75, 0.75, 0.75))
    assert set(found) == {"right kidney", "left kidney"}
    for name, part in (("right kidney", right), ("left kidney", left)):
        starts = [0.75 * each.start for each in part]
        assert found[name].box_mm.start_mm == pytest.approx(starts, abs=1.5)
        assert found[name].roughness == pytest.approx(1, abs=0.1)
        assert found[name].contacts == {}
