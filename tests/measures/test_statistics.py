from __future__ import annotations

import csv
import json
from pathlib import Path

import nibabel
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from flarecli.errors import InputError, UsageError
from flarecli.measures.kidney_sides import kidney_sides
from flarecli.measures.statistics import (
    COLUMNS,
    OrganStatistics,
    kidney_statistics,
    organ_statistics,
    write_statistics,
)
from flarecli.organs import KIDNEYS, LEFT_KIDNEY, ORGANS
from flarecli.volume import read_volume
from tests.labelled_volumes import ball, grid_of, volume_of
from tests.shared_data import shared_path
from tests.synthetic_ct import rotation

SHAPE = (20, 24, 30)


def one_organ(mask: np.ndarray, voxels: np.ndarray | None = None, label: int = 1, **grid: object) -> OrganStatistics:
    volume = volume_of(np.zeros(mask.shape) if voxels is None else voxels, grid_of(mask.shape, **grid))
    return organ_statistics(volume, np.where(mask, label, 0).astype(np.uint8))[label - 1]


def test_every_organ_has_its_row_and_absent_ones_have_no_values() -> None:
    labels = np.zeros(SHAPE, np.uint8)
    labels[3, 4, 5] = 3
    statistics = organ_statistics(volume_of(np.zeros(SHAPE)), labels)
    assert [(organ.label, organ.name) for organ in statistics] == [(o.label, o.name) for o in ORGANS]
    assert [organ.voxels for organ in statistics] == [0, 0, 1, 0]
    absent = statistics[0]
    assert (absent.volume_ml, absent.components, absent.touches) == (0.0, 0, ())
    assert absent.mean_hu is absent.extent_si_mm is absent.centroid_x_mm is None
    assert absent.largest_component_share is None


def test_volume_and_extent_of_a_ball_are_those_of_geometry() -> None:
    spacing_mm = (2.0, 1.0, 0.5)
    shape = (40, 80, 160)
    found = one_organ(ball(shape, (20, 40, 80), 30.0, spacing_mm), spacing_mm=spacing_mm)
    assert found.volume_ml == pytest.approx(4 / 3 * np.pi * 30**3 / 1000, rel=0.01)
    for extent_mm, step_mm in (
        (found.extent_si_mm, 2.0),
        (found.extent_ap_mm, 1.0),
        (found.extent_rl_mm, 0.5),
    ):
        assert extent_mm == pytest.approx(60.0, abs=1.01 * step_mm)


def test_extents_belong_to_their_axes() -> None:
    mask = np.zeros(SHAPE, bool)
    mask[5:8, 6:11, 7:14] = True
    found = one_organ(mask, spacing_mm=(3.0, 2.0, 1.0))
    assert (found.extent_si_mm, found.extent_ap_mm, found.extent_rl_mm) == (9.0, 10.0, 7.0)


def test_centroid_is_in_world_coordinates_on_an_oblique_grid() -> None:
    directions = rotation((10.0, -15.0, 20.0))
    mask = np.zeros(SHAPE, bool)
    mask[4:7, 8:11, 10:13] = True
    found = one_organ(mask, spacing_mm=(3.0, 2.0, 1.5), origin_mm=(-40.0, 25.0, 300.0), directions=directions)
    expected_mm = directions @ (np.array([11, 9, 5]) * [1.5, 2.0, 3.0]) + [-40.0, 25.0, 300.0]
    np.testing.assert_allclose([found.centroid_x_mm, found.centroid_y_mm, found.centroid_z_mm], expected_mm, atol=1e-9)
    assert found.volume_ml == pytest.approx(27 * 9.0 / 1000)


@settings(deadline=None)
@given(npst.arrays(np.int16, st.integers(1, 60), elements=st.integers(-32768, 32767)))
def test_distribution_is_that_of_numpy_over_the_whole_range(values_hu: np.ndarray) -> None:
    voxels = np.full((2, 2, 40), 999, np.int16)
    voxels.reshape(-1)[: len(values_hu)] = values_hu
    mask = np.zeros(voxels.shape, bool)
    mask.reshape(-1)[: len(values_hu)] = True
    found = one_organ(mask, voxels)
    as_float = values_hu.astype(np.float64)
    assert found.mean_hu == pytest.approx(as_float.mean(), abs=1e-6)
    assert found.sd_hu == pytest.approx(as_float.std(), abs=1e-6)
    assert found.median_hu == np.median(as_float)


def test_only_the_organ_is_measured_not_its_neighbour_in_the_same_box() -> None:
    labels = np.zeros(SHAPE, np.uint8)
    labels[5:15, 5:15, 5:15] = 1
    labels[8:12, 8:12, 8:12] = 4
    voxels = np.where(labels == 4, 200, 60)
    liver, _, _, pancreas = organ_statistics(volume_of(voxels), labels)
    assert (liver.mean_hu, liver.sd_hu, liver.voxels) == (60.0, 0.0, 1000 - 64)
    assert (pancreas.mean_hu, pancreas.voxels) == (200.0, 64)


def test_pieces_that_share_a_corner_are_one() -> None:
    mask = np.zeros(SHAPE, bool)
    mask[2:4, 2:4, 2:4] = mask[4, 4, 4] = True
    assert (one_organ(mask).components, one_organ(mask).largest_component_share) == (1, 1.0)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_pieces_of_a_single_row_of_voxels_are_counted(axis: int) -> None:
    mask = np.zeros((9, 9, 9), bool)
    np.moveaxis(mask, axis, 0)[[1, 2, 3, 5, 8], 4, 4] = True
    organ = one_organ(mask)
    assert (organ.components, organ.largest_component_share) == (3, 0.6)


def test_separate_pieces_are_counted_with_the_share_of_the_largest() -> None:
    mask = np.zeros(SHAPE, bool)
    mask[2:4, 2:4, 2:5] = mask[10, 10, 10:13] = mask[15, 15, 15] = True
    found = one_organ(mask)
    assert found.components == 3
    assert found.largest_component_share == 12 / 16


@pytest.mark.parametrize(
    ("index", "face"),
    [
        ((0, 9, 9), "inferior"),
        ((-1, 9, 9), "superior"),
        ((9, 0, 9), "posterior"),
        ((9, -1, 9), "anterior"),
        ((9, 9, 0), "left"),
        ((9, 9, -1), "right"),
    ],
)
def test_faces_that_an_organ_reaches_are_named(index: tuple[int, int, int], face: str) -> None:
    mask = np.zeros(SHAPE, bool)
    mask[9, 9, 9] = True
    assert one_organ(mask).touches == ()
    mask[index] = True
    assert one_organ(mask).touches == (face,)


def test_a_label_map_of_another_shape_is_refused() -> None:
    with pytest.raises(InputError, match="does not fit"):
        organ_statistics(volume_of(np.zeros(SHAPE)), np.zeros((20, 24, 31), np.uint8))


def test_restored_from_json_statistics_give_the_same_table() -> None:
    mask = ball(SHAPE, (9, 12, 14), 6.3)
    found = one_organ(mask, np.random.default_rng(0).integers(-50, 90, SHAPE), spacing_mm=(2.5, 0.7, 0.7))
    facts = json.loads(json.dumps(found.as_dict()))
    assert OrganStatistics.from_dict(facts).as_dict() == found.as_dict()
    with pytest.raises(KeyError, match="volume_ml"):
        OrganStatistics.from_dict({key: value for key, value in facts.items() if key != "volume_ml"})


def two_cases() -> dict[str, tuple[OrganStatistics, ...]]:
    labels = np.zeros(SHAPE, np.uint8)
    labels[0, 3:5, 4:9] = 2
    labels[2, 23, 0] = 2
    volume = volume_of(np.full(SHAPE, 31), grid_of(SHAPE, (2.0, 1.0, 1.0)))
    return {
        "first": organ_statistics(volume, labels),
        'a "name", odd': organ_statistics(volume, np.zeros_like(labels)),
    }


def test_the_kidneys_apart_measure_what_each_measures_alone() -> None:
    labels = np.zeros(SHAPE, np.uint8)
    labels[4:9, 3:8, 2:9], labels[6:14, 5:9, 20:29] = KIDNEYS, KIDNEYS
    voxels = np.random.default_rng(0).integers(-50, 90, SHAPE)
    voxels[:, 2:12, 13:17] = 500  # the spine
    volume = volume_of(voxels, grid_of(SHAPE, (2.5, 0.7, 0.8)))
    sides = kidney_sides(labels, volume.voxels, volume.grid)
    right, left = kidney_statistics(volume, sides)
    assert [(side.label, side.name, side.fused) for side in (right, left)] == [
        (KIDNEYS, "right kidney", False),
        (LEFT_KIDNEY, "left kidney", False),
    ]
    for side in (right, left):
        alone = organ_statistics(volume, np.where(sides.labels == side.label, KIDNEYS, 0).astype(np.uint8))[1]
        assert {**side.as_dict(), "label": KIDNEYS, "name": "kidneys"} == alone.as_dict()
    assert right.centroid_x_mm > left.centroid_x_mm


def test_kidneys_that_are_absent_or_grown_together() -> None:
    labels = np.zeros(SHAPE, np.uint8)
    volume = volume_of(np.full(SHAPE, 31), grid_of(SHAPE))
    assert [side.voxels for side in kidney_statistics(volume, kidney_sides(labels, volume.voxels, volume.grid))] == [
        0,
        0,
    ]
    labels[4:9, 3:8, 2:28] = KIDNEYS
    right, left = kidney_statistics(volume, kidney_sides(labels, volume.voxels, volume.grid))
    assert right.fused
    assert left.fused
    assert right.voxels + left.voxels == np.count_nonzero(labels)
    labels[:, :, 15:] = 0
    right, left = kidney_statistics(volume, kidney_sides(labels, volume.voxels, volume.grid))
    assert (right.voxels, right.mean_hu, left.voxels) == (0, None, np.count_nonzero(labels))


def test_csv_has_a_stable_header_and_a_row_an_organ_and_case(tmp_path: Path) -> None:
    path = tmp_path / "new" / "table.CSV"
    write_statistics(path, two_cases())
    header, *rest = path.read_text(encoding="utf-8").splitlines()
    assert header == (
        "case,label,name,voxels,volume_ml,mean_hu,sd_hu,median_hu,extent_rl_mm,extent_ap_mm,extent_si_mm,"
        "centroid_x_mm,centroid_y_mm,centroid_z_mm,components,largest_component_share,touches,fused"
    )
    assert rest[0] == "first,1,liver,0,0.0,,,,,,,,,,0,,,False"
    assert rest[1] == (
        "first,2,kidneys,11,0.022,31.0,0.0,31.0,9.0,21.0,6.0,5.45,5.27,0.36,2,0.9091,inferior anterior left,False"
    )
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["case"] for row in rows] == ["first"] * 4 + ['a "name", odd'] * 4
    assert [path.name for path in path.parent.iterdir()] == ["table.CSV"]


def test_json_holds_the_rows_under_the_same_names(tmp_path: Path) -> None:
    path = tmp_path / "table.json"
    write_statistics(path, two_cases())
    rows = json.loads(path.read_text(encoding="utf-8"))
    assert len(rows) == 8
    assert all(tuple(row) == COLUMNS for row in rows)
    assert rows[1]["volume_ml"] == 0.022
    assert rows[1]["touches"] == ["inferior", "anterior", "left"]
    assert rows[0]["mean_hu"] is None


@pytest.mark.parametrize("name", ["table", "table.xlsx", "table.csv.gz"])
def test_an_unknown_format_is_refused_and_nothing_written(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError) as caught:
        write_statistics(tmp_path / name, two_cases())
    assert caught.value.expected == ".csv or .json"
    assert not list(tmp_path.iterdir())


def test_real_ct_with_labels() -> None:
    volume = read_volume(shared_path("data/ct/totalseg_example_ct_slab.nii.gz"))
    image = nibabel.as_closest_canonical(nibabel.load(shared_path("data/ct/totalseg_example_labels_slab.nii.gz")))
    labels = np.ascontiguousarray(np.asarray(image.dataobj).astype(np.uint8).T)
    liver, kidneys, spleen, pancreas = organ_statistics(volume, labels)
    assert [round(organ.volume_ml) for organ in (liver, kidneys, spleen, pancreas)] == [1043, 206, 255, 17]
    assert 40 < liver.mean_hu < 75  # unenhanced liver
    assert 5 < kidneys.mean_hu < 45  # and kidneys, with the fat of the hilum at 3 mm
    assert "superior" in liver.touches
    assert kidneys.centroid_y_mm < liver.centroid_y_mm  # kidneys lie behind
    assert spleen.centroid_x_mm < liver.centroid_x_mm  # and the spleen on the left
