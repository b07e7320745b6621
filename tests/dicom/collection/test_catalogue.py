"""Trees of series: which are scans, why the others are left out, and what each holds."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flarecli.dicom.collection.choice import chosen_scan, chosen_series, only_series
from flarecli.dicom.collection.detection import is_collection
from flarecli.dicom.collection.opening import catalogue_of
from flarecli.dicom.collection.series_reading import find_series_of
from flarecli.errors import InputError
from flarecli.volume import read_volume
from tests.dicom.collection.trees import Change, put_localizer, put_series, put_tree, voxels_of, zipped
from tests.dicom.series_writer import write_multi_frame, write_series


@pytest.mark.parametrize("kind", ["tree", "zip"])
def test_every_scan_of_a_tree_is_found_with_its_ownvoxels_of(tmp_path: Path, kind: str) -> None:
    scans = put_tree(tmp_path / "tree")
    source = tmp_path / "tree" if kind == "tree" else zipped(tmp_path / "tree", tmp_path / "tree.zip")

    assert is_collection(source)
    found = catalogue_of(source)

    read = list(voxels_of(found).values())
    assert len(read) == len(scans) == 4
    for voxels in scans.values():
        assert sum(np.array_equal(voxels, other) for other in read) == 1
    (left,) = [entry for entry in found.series if entry.reason]
    assert (left.number, left.reason) == ("6", "reformatted or Secondary Capture; the study has original slices")
    (said,) = found.warnings()
    assert "1 × localizer ('Topogram')" in said
    assert "report.pdf" in said
    assert "report.pdf" not in said.anonymous
    assert "Topogram" not in said.anonymous


def test_the_list_says_number_slices_thickness_kernel_agent_and_reason(tmp_path: Path) -> None:
    put_series(tmp_path / "a", change=lambda dataset, _: setattr(dataset, "ContrastBolusAgent", "Agent X"))
    put_series(tmp_path / "b", series="1.2.1.7", number=7, slices=[3])

    listed = catalogue_of(tmp_path).listing()

    assert "'Abdomen' (9 slices, series 4, 5 mm thick, kernel B30f, contrast agent Agent X)" in listed
    assert "(1 slice, series 7, 5 mm thick, kernel B30f, no contrast agent named); left out: a single slice" in listed
    assert "CT (9 slices, 5 mm thick)" in listed.anonymous
    assert not any(word in listed.anonymous for word in ("Abdomen", "B30f", "Agent X"))


@pytest.mark.parametrize(
    ("character_set", "title"),
    [
        ("ISO_IR 100", "Übersicht Bauch"),
        ("ISO_IR 144", "Живот"),
        ("ISO_IR 192", "Übersicht 腹部"),
        ("GB18030", "腹部 增强"),
        (["", "ISO 2022 IR 87"], "腹部 CT"),
        (["", "ISO 2022 IR 149"], "복부 CT"),
        (["", "ISO 2022 IR 58"], "腹部 CT"),
    ],
)
def test_descriptions_are_shown_in_their_character_set(tmp_path: Path, character_set: Any, title: str) -> None:
    def change(dataset: Any, _: int) -> None:
        dataset.SpecificCharacterSet, dataset.SeriesDescription = character_set, title

    put_series(tmp_path / "a", change=change)

    assert f"'{title}'" in catalogue_of(tmp_path).listing()


def test_descriptions_without_a_character_set_are_shown(tmp_path: Path) -> None:
    put_series(tmp_path / "a", change=lambda dataset, _: setattr(dataset, "SeriesDescription", "Abdomen Ax"))
    for path in (tmp_path / "a").iterdir():
        path.write_bytes(path.read_bytes().replace(b"Abdomen Ax", "Bauch \xfc ax".encode("latin-1")))

    assert "'Bauch ü ax'" in catalogue_of(tmp_path).listing()


def test_long_lists_are_cut(tmp_path: Path) -> None:
    for number in range(58):
        put_series(
            tmp_path / str(number), series=f"1.2.1.{number}", number=number, slices=[0] if number < 7 else [0, 1]
        )

    found = catalogue_of(tmp_path)

    assert found.listing().count("'Abdomen'") == 50
    assert "and 8 more series" in found.listing()
    (said,) = found.warnings()
    assert said.count("'Abdomen'") == 5
    assert said.endswith("2 more series: a single slice")


def test_names_stay_the_same_wherever_a_series_lies_and_hold_nothing_of_the_patient(tmp_path: Path) -> None:
    put_tree(tmp_path / "tree")
    before = {entry.uid: entry.name for entry in catalogue_of(tmp_path / "tree").series}
    shutil.move(tmp_path / "tree" / "p1" / "study 1", tmp_path / "other" / "deep" / "er")

    after = {entry.uid: entry.name for entry in catalogue_of(tmp_path / "other").series}

    assert after
    assert after.items() <= before.items()
    assert len(set(before.values())) == len(before)
    assert not any("P1" in name or "1.2.1" in name for name in before.values())


@pytest.mark.parametrize("layout", ["one folder", "two folders", "one file"])
def test_acquisitions_under_one_series_become_scans_of_their_own(tmp_path: Path, layout: str) -> None:
    folder = tmp_path / "tree" / "series"
    if layout == "one file":
        first = write_multi_frame(tmp_path / "first.dcm")
        places = np.array([(-10.0, -20.0, 100.0 + 5 * k) for k in range(9)])
        write_multi_frame(
            folder / "all.dcm",
            np.concatenate([first, first + 7]),
            positions_lps=np.concatenate([places, places]),
            each_frame=lambda frame, k: setattr(frame.FrameContentSequence[0], "TemporalPositionIndex", 1 + k // 9),
        )
        second = first + 7
    else:
        first = put_series(folder / "a", change=lambda dataset, _: setattr(dataset, "AcquisitionNumber", 1))

        def late(dataset: object, k: int) -> None:
            dataset.AcquisitionNumber, dataset.SOPInstanceUID = 2, f"1.2.9.{k}"

        place = folder / ("a" if layout == "one folder" else "b")
        second = put_series(place, seed=1, name=lambda k: f"IL{k:03d}.dcm", change=late)

    found = catalogue_of(tmp_path / "tree")

    one, other = found.scans
    assert (one.acquisition, other.acquisition) == (1, 2)
    assert one.name.removesuffix("_1") == other.name.removesuffix("_2")
    np.testing.assert_array_equal(find_series_of(one.files).read()[0], first)
    np.testing.assert_array_equal(find_series_of(other.files).read()[0], second)
    with pytest.raises(InputError, match="several CT series"):
        only_series(found, one.uid)
    assert only_series(found, f"{one.uid}/2") == other


def test_a_choice_names_a_series_by_number_uid_or_name(tmp_path: Path) -> None:
    put_tree(tmp_path)
    found = catalogue_of(tmp_path)

    assert [entry.uid for entry in chosen_series(found, "4")] == ["1.2.1.4", "1.2.2.4", "1.2.3.4"]
    assert only_series(found, "1.2.1.5").number == "5"
    assert only_series(found, only_series(found, "5").name).uid == "1.2.1.5"
    assert only_series(found, "6").uid == "1.2.1.6", "a series that would be left out may be chosen"
    with pytest.raises(InputError, match="holds no such series") as caught:
        chosen_series(found, "77")
    assert str(caught.value.seen).count("9 slices") == 5
    with pytest.raises(InputError, match="several CT series that this choice names"):
        only_series(found, "4")


def test_one_series_below_a_folder_is_a_scan_without_a_choice(tmp_path: Path) -> None:
    voxels = put_series(tmp_path / "patient" / "study" / "series")
    put_localizer(tmp_path / "patient" / "study")

    volume = read_volume(tmp_path / "patient")

    assert volume.path == tmp_path / "patient" / "study" / "series"
    np.testing.assert_array_equal(volume.voxels, voxels[:, ::-1, ::-1])
    assert chosen_scan(volume.path) == volume.path


def test_what_holds_no_scan_says_what_it_holds(tmp_path: Path) -> None:
    put_localizer(tmp_path / "a")
    put_series(tmp_path / "b", orientation=(1, 0, 0, 0, 1, 0), step_lps=(0, 0, 0))

    with pytest.raises(InputError, match="no CT series that can be segmented") as caught:
        read_volume(tmp_path)

    assert "all slices at one position (bolus tracking)" in str(caught.value.seen)
    assert "1 × localizer" in str(caught.value.seen)


def test_a_damaged_file_beside_slices_refuses_their_series_and_no_other(tmp_path: Path) -> None:
    put_series(tmp_path / "a")
    sound = put_series(tmp_path / "b", series="1.2.1.5", number=5, seed=1)
    (tmp_path / "a" / "IM099.dcm").write_bytes(b"cut")

    found = catalogue_of(tmp_path)

    damaged, other = found.scans
    with pytest.raises(InputError, match="1 of its files cannot be read") as caught:
        find_series_of(damaged.files)
    assert "IM099.dcm" in str(caught.value.seen)
    np.testing.assert_array_equal(find_series_of(other.files).read()[0], sound)


def test_a_damaged_file_beside_slices_of_two_series_is_a_warning_of_both(tmp_path: Path) -> None:
    folder = tmp_path / "tree" / "all"
    put_series(folder, name=lambda k: f"A{k}.dcm")
    put_series(folder, name=lambda k: f"B{k}.dcm", series="1.2.1.5", number=5)
    (folder / "A99.dcm").write_bytes(b"cut")

    for entry in catalogue_of(tmp_path / "tree").scans:
        series = find_series_of(entry.files)
        assert any("1 file of its folder is damaged, and may belong to it: A99.dcm" in text for text in series.warnings)


def test_a_cut_slice_makes_its_own_series_fail(tmp_path: Path) -> None:
    put_series(tmp_path / "a" / "b")
    path = tmp_path / "a" / "b" / "IM003.dcm"
    path.write_bytes(path.read_bytes()[:-10])

    (entry,) = catalogue_of(tmp_path / "a").scans

    with pytest.raises(InputError, match="cannot be read"):
        find_series_of(entry.files)


def test_slices_of_one_series_in_several_folders_are_one_scan(tmp_path: Path) -> None:
    voxels = put_series(tmp_path / "a", slices=range(5))
    put_series(tmp_path / "b" / "c", slices=range(5, 9))

    (entry,) = catalogue_of(tmp_path).scans

    np.testing.assert_array_equal(find_series_of(entry.files).read()[0], voxels)
    assert entry.files.place == tmp_path


def test_links_in_a_circle_and_hidden_files_end(tmp_path: Path) -> None:
    put_series(tmp_path / "a" / "b")
    (tmp_path / "a" / "again").symlink_to(tmp_path / "a")
    (tmp_path / "a" / ".hidden").write_bytes(b"x")

    found = catalogue_of(tmp_path)

    assert len(found.scans) == 1
    assert "hidden file" in found.left_out


def test_a_link_to_the_folder_itself_ends(tmp_path: Path) -> None:
    put_series(tmp_path / "a")
    (tmp_path / "a" / "again").symlink_to(tmp_path / "a")

    found = catalogue_of(tmp_path / "a")

    assert (len(found.scans), found.copies) == (1, 0)


def _of(patient: str, *, frame: str = "1.2.77", kind: str = "AXIAL") -> Change:
    """Slices of no study."""

    def change(dataset: Any, _: int) -> None:
        del dataset.StudyInstanceUID
        dataset.PatientID, dataset.FrameOfReferenceUID = patient, frame
        dataset.ImageType = ["DERIVED" if kind == "MPR" else "ORIGINAL", "PRIMARY", kind]

    return change


def test_series_without_study_are_compared_with_those_of_their_patient(tmp_path: Path) -> None:
    put_series(tmp_path / "a", change=_of("A"))
    put_series(tmp_path / "a mpr", series="1.2.1.5", number=5, change=_of("A", kind="MPR"))
    put_series(tmp_path / "b mpr", series="1.2.1.6", number=6, change=_of("B", kind="MPR"))
    put_series(tmp_path / "elsewhere", series="1.2.1.7", number=7, change=_of("A", frame="1.2.78", kind="MPR"))
    put_series(tmp_path / "nobody", series="1.2.1.8", number=8, change=_of("", kind="MPR"))
    put_series(tmp_path / "nobody either", series="1.2.1.9", number=9, change=_of(""))

    found = catalogue_of(tmp_path)

    assert [entry.number for entry in found.series if entry.reason] == ["5"]
    assert len(found.scans) == 5


def test_series_without_uid_are_told_apart_by_their_folders(tmp_path: Path) -> None:
    def nameless(dataset: object, k: int) -> None:
        del dataset.SeriesInstanceUID

    put_series(tmp_path / "a", change=nameless)
    put_series(tmp_path / "b", change=nameless, step_lps=(0, 0, 4), seed=2)

    one, other = catalogue_of(tmp_path).scans

    assert one.name != other.name


def test_a_folder_of_slices_is_no_collection(tmp_path: Path) -> None:
    write_series(tmp_path / "plain")
    write_series(tmp_path / "with folders")
    (tmp_path / "with folders" / "deeper").mkdir()

    assert not is_collection(tmp_path / "plain")
    assert not is_collection(tmp_path / "with folders")
    assert is_collection(tmp_path)
