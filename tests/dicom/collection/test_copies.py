"""Slices that a tree or archive holds twice are read once, and others are kept."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flarecli.dicom.collection.choice import only_series
from flarecli.dicom.collection.opening import catalogue_of
from flarecli.dicom.collection.series_reading import find_series_of
from flarecli.errors import InputError
from tests.dicom.collection.trees import Change, put_series, voxels_of, zipped
from tests.dicom.series_writer import write_multi_frame


def test_copies_of_instances_are_dropped_and_a_sound_one_is_taken_before_a_cut_one(tmp_path: Path) -> None:
    voxels = put_series(tmp_path / "a")
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    whole = (tmp_path / "a" / "IM004.dcm").read_bytes()
    (tmp_path / "a" / "IM004.dcm").write_bytes(whole[:-40])

    found = catalogue_of(tmp_path)

    (read,) = voxels_of(found).values()
    np.testing.assert_array_equal(read, voxels)
    assert found.copies == 9
    assert "9 duplicate slices were left out" in found.warnings()


@pytest.mark.parametrize("kind", ["tree", "zip"])
@pytest.mark.parametrize("compress", [None, "1.2.840.10008.1.2.5"])
def test_of_copies_in_an_archive_too_the_whole_one_is_taken(tmp_path: Path, kind: str, compress: str | None) -> None:
    voxels = put_series(tmp_path / "tree" / "a", compress=compress)
    shutil.copytree(tmp_path / "tree" / "a", tmp_path / "tree" / "b")
    for cut in (tmp_path / "tree" / "a" / "IM004.dcm", tmp_path / "tree" / "b" / "IM002.dcm"):
        cut.write_bytes(cut.read_bytes()[:-40])

    found = catalogue_of(tmp_path / "tree" if kind == "tree" else zipped(tmp_path / "tree", tmp_path / "tree.zip"))

    (read,) = voxels_of(found).values()
    np.testing.assert_array_equal(read, voxels)


@pytest.mark.parametrize("kind", ["one folder", "two folders", "zip"])
def test_slices_of_one_uid_with_other_pixels_are_no_copies(tmp_path: Path, kind: str) -> None:
    put_series(tmp_path / "tree" / "a")
    put_series(tmp_path / "tree" / ("a" if kind == "one folder" else "b"), seed=1, name=lambda k: f"B{k}.dcm")

    found = catalogue_of(zipped(tmp_path / "tree", tmp_path / "tree.zip") if kind == "zip" else tmp_path / "tree")

    assert found.copies == 0
    with pytest.raises(InputError, match="several slices lie at the same position"):
        find_series_of(found.scans[0].files)


def test_uids_are_compared_to_their_last_digit(tmp_path: Path) -> None:
    uid = "1.2.826.0.1.3680043.8.498.862926281132047398064293999938512097"
    voxels = {last: put_series(tmp_path / last, series=uid + last, seed=int(last)) for last in ("77", "78")}

    found = catalogue_of(tmp_path)

    assert len(uid + "77") == 64
    assert len({entry.name for entry in found.scans}) == 2
    for last, hu in voxels.items():
        np.testing.assert_array_equal(find_series_of(only_series(found, uid + last).files).read()[0], hu)


def test_two_phases_with_long_uids_are_no_copies(tmp_path: Path) -> None:
    uid = "1.2.826.0.1.3680043.8.498.86292628113204739806429399993851209"

    def phase(number: int) -> Change:
        def change(dataset: Any, k: int) -> None:
            dataset.AcquisitionNumber, dataset.SOPInstanceUID = number, f"{uid}{number}{k:02d}"

        return change

    for number in (1, 2):
        put_series(tmp_path / "a", seed=number, name=lambda k, n=number: f"{n}_{k}.dcm", change=phase(number))  # type: ignore[misc]

    assert [entry.acquisition for entry in catalogue_of(tmp_path).scans] == [1, 2]


@pytest.mark.parametrize("kind", ["one folder", "two folders", "zip"])
@pytest.mark.parametrize("compress", [None, "1.2.840.10008.1.2.5"])
def test_slices_stored_again_under_other_uids_are_copies(tmp_path: Path, kind: str, compress: str | None) -> None:
    voxels = put_series(tmp_path / "tree" / "a", compress=compress)

    def again(dataset: Any, k: int) -> None:
        dataset.SOPInstanceUID, dataset.InstanceNumber = f"1.2.9.{k}", k + 10
        dataset.AcquisitionNumber = 2

    place = tmp_path / "tree" / ("a" if kind == "one folder" else "b")
    put_series(place, change=again, compress=compress, name=lambda k: f"B{k}.dcm", slices=range(7))

    found = catalogue_of(zipped(tmp_path / "tree", tmp_path / "tree.zip") if kind == "zip" else tmp_path / "tree")

    (entry,) = found.scans
    assert (entry.acquisition, entry.description.slices, found.copies) == (0, 9, 7)
    np.testing.assert_array_equal(find_series_of(entry.files).read()[0], voxels)


def test_an_object_stored_again_under_another_uid_is_a_copy(tmp_path: Path) -> None:
    voxels = write_multi_frame(tmp_path / "tree" / "a" / "1.dcm")
    write_multi_frame(
        tmp_path / "tree" / "a" / "2.dcm",
        change=lambda dataset: setattr(dataset, "SOPInstanceUID", "1.2.9.1"),
        each_frame=lambda frame, k: setattr(frame.FrameContentSequence[0], "TemporalPositionIndex", 2),
    )

    found = catalogue_of(tmp_path / "tree")

    (entry,) = found.scans
    assert (entry.files.files, found.copies) == (("a/1.dcm",), 9)
    np.testing.assert_array_equal(find_series_of(entry.files).read()[0], voxels)
