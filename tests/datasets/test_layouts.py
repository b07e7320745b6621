"""Finding the pairs of datasets in every layout."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flarecli.datasets.layouts import find_dataset
from flarecli.datasets.organ_values import FLARE_VALUES, OrganValues
from flarecli.errors import InputError
from flarecli.files.names import check_name
from tests.datasets.labelled_files import flare_dataset
from tests.dicom.collection.trees import put_series


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def listed(dataset) -> list[tuple[str, str | None, str | None]]:
    return [(pair.name, pair.scan and pair.scan.name, pair.labels and pair.labels.name) for pair in dataset.pairs]


def test_flare(tmp_path: Path) -> None:
    dataset = find_dataset(flare_dataset(tmp_path, 2))
    assert dataset.layout == "FLARE"
    assert dataset.values is FLARE_VALUES
    assert listed(dataset) == [
        ("train_000", "train_000_0000.nii.gz", "train_000.nii.gz"),
        ("train_001", "train_001_0000.nii.gz", "train_001.nii.gz"),
    ]


def test_files_without_their_partner_are_kept_as_such(tmp_path: Path) -> None:
    touch(tmp_path, "TrainingImg/a_0000.nii.gz", "TrainingMask/b.nii.gz", "TrainingImg/.hidden.nii.gz")
    touch(tmp_path, "TrainingImg/notes.txt")
    assert listed(find_dataset(tmp_path)) == [("a", "a_0000.nii.gz", None), ("b", None, "b.nii.gz")]


def test_nnunet_2_finds_organs_by_name(tmp_path: Path) -> None:
    touch(tmp_path, "imagesTr/c_1_0000.nii.gz", "labelsTr/c_1.nii.gz", "imagesTs/t_0000.nii.gz")
    labels = {"background": 0, "aorta": 1, "liver": 2, "kidney": [3, 4]}
    content = {"channel_names": {"0": "CT"}, "labels": labels, "file_ending": ".nii.gz"}
    (tmp_path / "dataset.json").write_text(json.dumps(content))
    dataset = find_dataset(tmp_path)
    assert listed(dataset) == [("c_1", "c_1_0000.nii.gz", "c_1.nii.gz")]
    assert dataset.layout == "nnU-Net"
    assert dataset.values.flare_labels == {0: 0, 1: 0, 2: 1, 3: 2, 4: 2}
    assert find_dataset(tmp_path / "dataset.json") == dataset


def test_nnunet_2_with_listed_files(tmp_path: Path) -> None:
    entry = {"images": ["../raw/x.nii.gz"], "label": "../raw/y.nii.gz"}
    content = {"channel_names": {"0": "CT"}, "labels": {"liver": 1}, "dataset": {"case": entry}}
    (tmp_path / "dataset.json").write_text(json.dumps(content))
    assert listed(find_dataset(tmp_path)) == [("case", "x.nii.gz", "y.nii.gz")]


@pytest.mark.parametrize("scan", ["liver_0.nii.gz", "liver_0_0000.nii.gz"])
def test_decathlon_and_nnunet_1(tmp_path: Path, scan: str) -> None:
    touch(tmp_path, f"imagesTr/{scan}", "labelsTr/liver_0.nii.gz")
    content = {
        "modality": {"0": "CT"},
        "labels": {"0": "background", "1": "liver", "2": "cancer"},
        "training": [{"image": "./imagesTr/liver_0.nii.gz", "label": "./labelsTr/liver_0.nii.gz"}],
    }
    (tmp_path / "dataset.json").write_text(json.dumps(content))
    dataset = find_dataset(tmp_path)
    assert listed(dataset) == [("liver_0", scan, "liver_0.nii.gz")]
    assert dataset.layout == "Medical Decathlon"
    assert dataset.values.background_names == ("cancer",)


def test_folders_of_nnunet_without_description(tmp_path: Path) -> None:
    touch(tmp_path, "imagesTr/a_0000.nii.gz", "labelsTr/a.nii.gz")
    assert find_dataset(tmp_path).values is FLARE_VALUES


@pytest.mark.parametrize("header", ["", "image;label\n"])
def test_a_table_with_a_folder_a_case(tmp_path: Path, header: str) -> None:
    folder = tmp_path / "set"
    touch(folder, "one/ct.nii.gz", "one/seg.nii.gz", "two/ct.nii.gz")
    (folder / "dicom").mkdir()
    rows = "one/ct.nii.gz;one/seg.nii.gz\ntwo/ct.nii.gz;two/seg.nii.gz\n\ndicom;one/seg.nii.gz\n"
    (folder / "pairs.csv").write_text(header + rows)
    assert listed(find_dataset(folder / "pairs.csv")) == [
        ("one_ct", "ct.nii.gz", "seg.nii.gz"),
        ("set_dicom", "dicom", "seg.nii.gz"),
        ("two_ct", "ct.nii.gz", "seg.nii.gz"),
    ]


def test_given_values_settle_what_a_description_contradicts(tmp_path: Path) -> None:
    touch(tmp_path, "imagesTr/a_0000.nii.gz", "labelsTr/a.nii.gz")
    (tmp_path / "dataset.json").write_text(json.dumps({"labels": {"liver": [1, 2], "spleen": [2]}}))
    with pytest.raises(InputError, match=r"dataset\.json.*two meanings; seen: 2 is liver and spleen"):
        find_dataset(tmp_path)
    values = OrganValues({0: 0, 1: 1, 2: 3})
    assert find_dataset(tmp_path, values).values is values


@pytest.mark.parametrize(
    "header", ["images,labels", "Images;Labels", "image path,label path", "Bilder,Masken", "ct,Masken", "ct,labels"]
)
def test_folders_that_are_called_as_the_columns_are(tmp_path: Path, header: str) -> None:
    touch(tmp_path, "images/a.nii.gz", "labels/a.nii.gz", "Bilder/a.nii.gz", "Masken/a.nii.gz", "image path/a.nii.gz")
    put_series(tmp_path / "ct")
    delimiter = ";" if ";" in header else ","
    (tmp_path / "pairs.csv").write_text(f"{header}\nimages/a.nii.gz{delimiter}labels/a.nii.gz\n")
    assert listed(find_dataset(tmp_path / "pairs.csv")) == [("a", "a.nii.gz", "a.nii.gz")]


@pytest.mark.parametrize(
    "row", ["ct,labels/a.nii.gz", "p1,p1", "p1,p1_seg", "tree,labels", "scan,", "several,lost", "scan.dcm,labels"]
)
def test_a_first_row_of_folders_that_may_be_scans_is_no_header(tmp_path: Path, row: str) -> None:
    touch(tmp_path, "images/a.nii.gz", "labels/a.nii.gz", "scan.dcm")
    for folder in ("ct", "p1", "scan", "tree/a", "several/a"):
        put_series(tmp_path / folder)
    put_series(tmp_path / "several" / "b", series="1.2.1.5", number=5)
    (tmp_path / "pairs.csv").write_text(f"{row}\nimages/a.nii.gz,labels/a.nii.gz\n")
    assert len(find_dataset(tmp_path / "pairs.csv").pairs) == 2


def test_given_values_replace_those_of_the_dataset(tmp_path: Path) -> None:
    touch(tmp_path, "imagesTr/a_0000.nii.gz", "labelsTr/a.nii.gz")
    (tmp_path / "dataset.json").write_text(json.dumps({"labels": {"Lebkuchen": 1}}))
    with pytest.raises(InputError, match="names none of the organs"):
        find_dataset(tmp_path)
    values = OrganValues({0: 0, 1: 1})
    assert find_dataset(tmp_path, values).values is values


def test_what_is_no_dataset(tmp_path: Path) -> None:
    touch(tmp_path, "stray.txt")
    with pytest.raises(InputError, match=r"known layout; seen: stray\.txt"):
        find_dataset(tmp_path)
    with pytest.raises(InputError, match="does not exist"):
        find_dataset(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "does not describe"),
        ("[]", "does not describe"),
        ('{"training": []}', "does not describe"),
        ('{"labels": {"liver": "one"}}', "does not describe"),
        ('{"labels": {"liver": 1}, "channel_names": {"0": "T1", "1": "T2"}}', "several channels"),
        ('{"labels": {"liver": 1}}', "holds no scans"),
    ],
)
def test_broken_descriptions(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "dataset.json").write_text(content)
    with pytest.raises(InputError, match=message):
        find_dataset(tmp_path)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("a.nii.gz\n", "not a pair"),
        ("a.nii.gz,b.nii.gz,c.nii.gz\n", "not a pair"),
        ("a.nii.gz,b.nii.gz\na.nii.gz,b.nii.gz\n", "same name"),
        ("scan,labels\n", "holds no scans"),
        ("", "holds no scans"),
    ],
)
def test_broken_tables(tmp_path: Path, rows: str, message: str) -> None:
    (tmp_path / "pairs.csv").write_text(rows)
    with pytest.raises(InputError, match=message):
        find_dataset(tmp_path / "pairs.csv")


def test_two_files_of_one_case(tmp_path: Path) -> None:
    flare_dataset(tmp_path, 1)
    folder = tmp_path / "TrainingMask"
    shutil.copy(folder / "train_000.nii.gz", folder / "train_000.nii")
    with pytest.raises(InputError, match="two files stand for the same case"):
        find_dataset(tmp_path)


def described(folder: Path, content: dict, encoding: str = "utf-8") -> Path:
    touch(folder, "imagesTr/a_0000.nii.gz", "labelsTr/a.nii.gz")
    (folder / "dataset.json").write_bytes(json.dumps({"labels": {"liver": 1}, **content}).encode(encoding))
    return folder


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_descriptions_in_the_encodings_of_editors(tmp_path: Path, encoding: str) -> None:
    assert listed(find_dataset(described(tmp_path, {}, encoding))) == [("a", "a_0000.nii.gz", "a.nii.gz")]


@pytest.mark.parametrize("image", [".\\imagesTr\\a.nii.gz", "imagestr/a_0000.nii.gz", "ImagesTR\\A_0000.NII.GZ"])
def test_paths_written_on_windows(tmp_path: Path, image: str) -> None:
    content = {"training": [{"image": image, "label": ".\\labelsTr\\a.nii.gz"}]}
    dataset = find_dataset(described(tmp_path, content))
    assert listed(dataset) == [("a", "a_0000.nii.gz", "a.nii.gz")]
    assert all(path is not None and path.exists() for pair in dataset.pairs for path in (pair.scan, pair.labels))


def test_names_that_exist_as_they_are_written_are_never_replaced(tmp_path: Path) -> None:
    touch(tmp_path, "imagesTr/B_0000.nii.gz", "imagesTr/b_0000.nii.gz", "imagesTr/c\\d.nii.gz", "imagesTr/c/d.nii.gz")
    table = "imagesTr/b_0000.nii.gz,labelsTr/a.nii.gz\nimagesTr/c\\d.nii.gz,labelsTr/a.nii.gz\n"
    (tmp_path / "pairs.csv").write_text(table.replace("c\\d", "c/d"))
    assert [pair.scan.name for pair in find_dataset(tmp_path / "pairs.csv").pairs] == ["b_0000.nii.gz", "d.nii.gz"]


def test_an_absolute_path_of_windows_is_said_to_be_one(tmp_path: Path) -> None:
    content = {"training": [{"image": "C:\\data\\imagesTr\\a.nii.gz", "label": "labelsTr/a.nii.gz"}]}
    (pair,) = find_dataset(described(tmp_path, content)).pairs
    assert "absolute path of Windows" in pair.notes[0]


def test_the_ignore_label_is_no_background(tmp_path: Path) -> None:
    labels = {"background": 0, "liver": 1, "ignore": 5}
    values = find_dataset(described(tmp_path, {"labels": labels})).values
    assert values.unannotated == {5}
    assert values.background_names == ()
    assert values.unknown(np.array([[[0, 1, 5, 6]]])) == (6,)
    assert values.unannotated_voxels(np.array([[[0, 5, 5]]])) == 2
    assert values.with_background([5]).unannotated == frozenset()


@pytest.mark.parametrize("folders", [("imagestr", "LabelsTr"), ("trainingimg", "TRAININGMASK")])
def test_folders_in_other_case(tmp_path: Path, folders: tuple[str, str]) -> None:
    touch(tmp_path, f"{folders[0]}/a_0000.nii.gz", f"{folders[1]}/a.nii.gz")
    assert listed(find_dataset(tmp_path)) == [("a", "a_0000.nii.gz", "a.nii.gz")]


def test_what_folders_hold_besides_is_said(tmp_path: Path) -> None:
    touch(tmp_path, "imagesTr/a_0000.nii.gz", "labelsTr/a.nii.gz", "imagesTr/b.nii.bz2", "imagesTr/sub/c.nii.gz")
    (tmp_path / "imagesTr" / "d_0000.nii.gz").symlink_to(tmp_path / "nothing")
    dataset = find_dataset(tmp_path)
    assert [pair.name for pair in dataset.pairs] == ["a", "d"]
    assert "b.nii.bz2" in dataset.warnings[0]
    assert "sub" in dataset.warnings[0]


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
_KEYS = ("labels", "training", "dataset", "channel_names", "modality", "file_ending", "numTraining")
_LABELS = st.dictionaries(st.sampled_from(["liver", "ignore", "0", "1", "kidney"]), _JSON, max_size=3)
_FILES = st.fixed_dictionaries({"image": _JSON, "label": _JSON}) | _JSON
_DESCRIPTIONS = st.fixed_dictionaries(
    {"labels": st.just({"liver": 1}) | _LABELS},
    optional={
        "training": st.lists(_FILES, max_size=2) | _JSON,
        "dataset": st.dictionaries(st.text(max_size=8), st.fixed_dictionaries({"images": _JSON, "label": _JSON})),
        "channel_names": _JSON,
        "file_ending": _JSON,
    },
) | st.dictionaries(st.sampled_from(_KEYS), _JSON)


@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=_DESCRIPTIONS)
def test_any_description_is_read_or_refused(tmp_path: Path, content: object) -> None:
    touch(tmp_path, "imagesTr/a_0000.nii.gz", "labelsTr/a.nii.gz")
    (tmp_path / "dataset.json").write_text(json.dumps(content))
    try:
        dataset = find_dataset(tmp_path)
    except InputError:
        return
    assert all(check_name(pair.name, "case") for pair in dataset.pairs)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=200) | st.text(alphabet='a/.\\,;\t\n"\0 ', max_size=60).map(str.encode))
def test_any_table_or_text_is_read_or_refused(tmp_path: Path, content: bytes) -> None:
    for name in ("pairs.csv", "dataset.json"):
        (tmp_path / name).write_bytes(content)
        try:
            dataset = find_dataset(tmp_path / name)
        except InputError:
            continue
        assert all(check_name(pair.name, "case") for pair in dataset.pairs)
