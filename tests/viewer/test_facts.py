"""Figures and places beside the pictures agree with the label maps, whatever the page holds of these."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flarecli.errors import InputError
from flarecli.geometry import Grid
from flarecli.metrics.overlap import dice
from flarecli.organs import LEFT_KIDNEY
from flarecli.viewer.facts import colour_of, shown_labels, viewer_facts
from flarecli.viewer.label_layer import LabelLayer, read_layer
from flarecli.viewer.reduction import coarser_grid, reduced_labels, reduced_scan, resized
from flarecli.volume import read_volume, write_labels
from tests.synthetic_ct import affine
from tests.viewer.scenes import LEAST_CERTAIN_SLICE, SHAPE, SPACING_MM, organ_labels, save_scene, scan_voxels

GRID = Grid(SHAPE, SPACING_MM[::-1], affine(SPACING_MM))
NAMES = {0: "background", 1: "liver", 2: "kidneys", 3: "spleen", 4: "pancreas"}
FIRST = LabelLayer("a.nii.gz", organ_labels(), NAMES)
SECOND = LabelLayer("b.nii.gz", organ_labels(shift=2), NAMES)


def organ(facts: dict[str, Any], label: int) -> dict[str, Any]:
    found: dict[str, Any] = next(each for each in facts["organs"] if each["label"] == label)
    return found


def test_volumes_and_dsc_are_those_of_the_label_maps() -> None:
    facts = viewer_facts("scan", GRID, GRID, [FIRST, SECOND], [])
    liver = organ(facts, 1)
    assert liver["volumes"] == [pytest.approx(np.count_nonzero(each.labels == 1) * 0.08) for each in (FIRST, SECOND)]
    assert liver["dsc"] == [pytest.approx(dice(FIRST.labels == 1, SECOND.labels == 1), abs=1e-4)]
    assert organ(facts, 3)["dsc"] == [1.0]
    assert organ(facts, 3)["difference"] is None
    assert facts["reduced"] == ""


def test_places_lie_where_they_say() -> None:
    facts = viewer_facts("scan", GRID, GRID, [FIRST, SECOND], [])
    for label in (1, 2, 3, 4):
        x, y, z = organ(facts, label)["centre"]
        assert FIRST.labels[z, y, x] == label
    x, y, z = organ(facts, 1)["difference"]
    assert (FIRST.labels[z, y, x] == 1) != (SECOND.labels[z, y, x] == 1)
    differing = np.count_nonzero((FIRST.labels == 1) != (SECOND.labels == 1), axis=(1, 2))
    assert differing[z] == differing.max() == organ(facts, 1)["differing"]


def test_the_least_certain_slice_and_verdicts_come_from_the_record(tmp_path: Path) -> None:
    scan, labels, truth = save_scene(tmp_path)
    grid = read_volume(scan).grid
    layers = [read_layer(labels, grid), read_layer(truth, grid)]
    facts = viewer_facts("scan", grid, grid, layers, ["odd"])
    liver, spleen = organ(facts, 1), organ(facts, 3)
    assert (liver["verdict"], liver["reasons"], liver["expected"]) == ("check", ["its border is uncertain"], 0.8)
    assert liver["doubt"][2] == LEAST_CERTAIN_SLICE
    assert spleen["doubt"] is None
    assert facts["warnings"] == ["odd"]
    x, y, z = liver["doubt"]
    assert layers[0].labels[z, y, x] == 1


def test_a_record_of_another_file_says_nothing(tmp_path: Path) -> None:
    scan, labels, _ = save_scene(tmp_path)
    other = labels.with_suffix("").with_suffix(".nii")
    write_labels(other, organ_labels(), read_volume(scan))
    assert read_layer(other, GRID).confidence == {}
    assert read_layer(labels, GRID).confidence["liver"]["verdict"] == "check"
    assert read_layer(labels, GRID).warnings == ()
    (tmp_path / "case.json").write_text('{"record_version": 1}')
    old = read_layer(labels, GRID)
    assert old.warnings == ("no verdicts on case.nii.gz: its record is of another version of flare",)
    (tmp_path / "case.json").write_text('{"SeriesDescription": "abdomen"}')  # of dcm2niix
    assert read_layer(labels, GRID).warnings == ()


def test_a_label_map_that_was_changed_since_its_record_has_no_verdicts(tmp_path: Path) -> None:
    scan, labels, _ = save_scene(tmp_path)
    volume = read_volume(scan)
    edited = organ_labels()
    edited[:, :, 35:][edited[:, :, 35:] == 1] = 0
    write_labels(labels, edited, volume)  # as another program saves it
    layer = read_layer(labels, volume.grid)
    assert layer.names == NAMES
    facts = viewer_facts("scan", volume.grid, volume.grid, [layer], [])
    liver = organ(facts, 1)
    assert (liver["verdict"], liver["reasons"], liver["expected"], liver["doubt"]) == ("", [], None, None)
    assert liver["volumes"] == [pytest.approx(np.count_nonzero(edited == 1) * 0.08)]
    assert facts["warnings"] == ["no verdicts on case.nii.gz: it was changed since its record"]


def test_reduced_pages_jump_to_the_same_places() -> None:
    shown = resized(GRID, (12, 20, 24))
    full = viewer_facts("scan", GRID, GRID, [FIRST, SECOND], [])
    facts = viewer_facts("scan", GRID, shown, [FIRST, SECOND], [])
    assert facts["shape"] == [24, 20, 12]
    assert "24 × 20 × 12 of 48 × 40 × 24 voxels" in facts["reduced"]
    for one, other in zip(full["organs"], facts["organs"], strict=True):
        assert one["volumes"] == other["volumes"]
        assert other["centre"] == [index // 2 for index in one["centre"]]
    assert np.allclose(shown.affine_ras[:3, 3], GRID.affine_ras[:3, :3] @ (0.5, 0.5, 0.5) + GRID.affine_ras[:3, 3])


def test_reducing_keeps_means_and_majorities() -> None:
    voxels, labels = scan_voxels(), organ_labels()
    small = reduced_scan(voxels, (12, 20, 24))
    assert np.abs(small - voxels.reshape(12, 2, 20, 2, 24, 2).mean((1, 3, 5))).max() <= 0.5
    assert small.dtype == np.int16
    share = np.count_nonzero(reduced_labels(labels, (12, 20, 24)) == 1) * 8 / np.count_nonzero(labels == 1)
    assert 0.9 < share < 1.1
    assert reduced_scan(voxels, SHAPE) is voxels


def test_a_coarser_grid_is_as_large_as_allowed_and_begins_with_the_finest_axes() -> None:
    fine = Grid((100, 512, 512), (5.0, 0.7, 0.7), np.diag([0.7, 0.7, 5.0, 1.0]))
    coarse = coarser_grid(fine, 5e6)
    assert coarse.shape_zyx[0] == 100
    assert 4e6 < np.prod(coarse.shape_zyx) <= 5e6
    assert coarser_grid(fine, 1e9) is fine
    assert max(coarser_grid(Grid((1, 1, 5000), (1.0, 1.0, 1.0), np.eye(4)), 1e9).shape_zyx) <= 2048


def test_kidneys_are_compared_as_one_where_one_map_knows_no_sides() -> None:
    sides = organ_labels()
    sides[(sides == 2) & (np.indices(SHAPE)[2] < 24)] = LEFT_KIDNEY
    layer = LabelLayer("s.nii.gz", sides, {**NAMES, 2: "right kidney", 5: "left kidney"})
    assert organ(viewer_facts("scan", GRID, GRID, [layer, FIRST], []), 2)["dsc"] == [1.0]
    alone = viewer_facts("scan", GRID, GRID, [layer], [])
    assert [organ(alone, label)["name"] for label in (2, 5)] == ["right kidney", "left kidney"]
    assert shown_labels([layer])[0] is sides
    assert len({colour_of(label) for label in range(1, 11)}) == 10


def test_both_kidneys_together_are_called_kidneys() -> None:
    sides = organ_labels()
    sides[(sides == 2) & (np.indices(SHAPE)[2] < 24)] = LEFT_KIDNEY
    names = {**NAMES, 2: "right kidney", LEFT_KIDNEY: "left kidney"}
    judged = {"kidneys": {"verdict": "check", "reasons": ["odd"], "expected_dsc": 0.9}}
    apart = LabelLayer("s.nii.gz", sides, names, judged)
    for layers in ([apart, FIRST], [FIRST, apart], [apart, FIRST, apart]):
        facts = viewer_facts("scan", GRID, GRID, layers, [])
        kidneys = organ(facts, 2)
        assert kidneys["name"] == "kidneys"
        assert kidneys["volumes"] == [pytest.approx(np.count_nonzero(FIRST.labels == 2) * 0.08)] * len(layers)
        assert kidneys["verdict"] == ("check" if layers[0] is apart else "")
        assert all(each["label"] != LEFT_KIDNEY for each in facts["organs"])
    other = organ_labels()
    other[0, 0, 0] = LEFT_KIDNEY  # which the map without sides has for something else
    facts = viewer_facts("scan", GRID, GRID, [apart, replace(FIRST, labels=other)], [])
    assert organ(facts, LEFT_KIDNEY)["name"] == "label 5"


def test_label_maps_of_other_scans_are_refused(tmp_path: Path) -> None:
    scan, labels, _ = save_scene(tmp_path)
    grid = read_volume(scan).grid
    moved = grid.affine_ras.copy()
    moved[0, 3] += 9
    with pytest.raises(InputError, match="another position"):
        read_layer(labels, replace(grid, affine_ras=moved))
    with pytest.raises(InputError, match="differ in shape"):
        read_layer(labels, replace(grid, shape_zyx=(23, 40, 48)))
    moved[0, 3] -= 8
    assert "lies up to 1.00 mm away" in read_layer(labels, replace(grid, affine_ras=moved)).warnings[0]
