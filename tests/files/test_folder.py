"""Every entry of a folder is a file to be read, one that cannot be, or passed over for a reason."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from flarecli.errors import InputError
from flarecli.files.folder import inventory_of_entries, inventory_of_folder, problem_of_file
from flarecli.files.names import NIFTI_SUFFIXES


def touch(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return folder


def test_plain_folder_needs_no_words(tmp_path: Path) -> None:
    inventory = inventory_of_folder(touch(tmp_path, "b.nii.gz", "a.NII", "notes.txt", "a.json", ".hidden.nii"))
    assert [path.name for path in inventory.files] == ["a.NII", "b.nii.gz"]
    assert inventory.readable() == tuple(inventory.files)
    assert inventory.warning() is None
    assert inventory.entries == 4


def test_voxels_of_a_detached_header_belong_to_it(tmp_path: Path) -> None:
    inventory = inventory_of_folder(
        touch(tmp_path, "a.hdr", "a.img", "b.hdr.gz", "b.img.gz", "c.mhd", "c.zraw", "d.nhdr")
    )
    assert [path.name for path in inventory.files] == ["a.hdr", "b.hdr.gz", "c.mhd", "d.nhdr"]
    assert inventory.warning() is None


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("d.nii.bz2", "unpack"),
        ("d.nii.gz.part", "complete"),
        ("d.nii.gz~", "rename"),
        ("d.img", "its .hdr is not there"),
        ("d.mgz", "convert it"),
        ("d.zip", "an archive"),
        ("d.dcm", "a series needs a folder of its own"),
        ("sub/e.nii.gz", "folders below are not searched"),
        ("sub/deep/IM1.dcm", "folders below are not searched"),
    ],
)
def test_what_looks_like_an_image_is_named(tmp_path: Path, name: str, reason: str) -> None:
    inventory = inventory_of_folder(touch(tmp_path, "a.nii.gz", name))
    assert [path.name for path in inventory.files] == ["a.nii.gz"]
    told = inventory.warning() or ""
    assert Path(name).parts[0] in told
    assert reason in told


def test_slices_are_told_by_their_content(tmp_path: Path) -> None:
    for name in ("IM0001", "1.2.840.7"):
        (tmp_path / name).write_bytes(bytes(128) + b"DICM")
    (tmp_path / "README").write_bytes(b"no image")
    inventory = inventory_of_folder(tmp_path)
    assert inventory.dicom == ("1.2.840.7", "IM0001")
    assert inventory.warning() is None  # the folder is one scan


def test_what_cannot_be_read_has_an_error(tmp_path: Path) -> None:
    touch(tmp_path, "a.nii.gz")
    (tmp_path / "b.nii.gz").symlink_to("/nonexistent/annex/b.nii.gz")
    os.mkfifo(tmp_path / "c.nii.gz")
    (tmp_path / "d.nii").mkdir()
    (tmp_path / "e.nii").symlink_to("e.nii")
    inventory = inventory_of_folder(tmp_path)
    assert [path.name for path in inventory.files] == ["a.nii.gz", "b.nii.gz", "c.nii.gz", "d.nii", "e.nii"]
    assert [path.name for path in inventory.readable()] == ["a.nii.gz"]
    told = {path.name: str(problem_of_file(path)) for path in inventory.files}
    assert told["a.nii.gz"] == "None"
    assert "link to a file that is not there" in told["b.nii.gz"]
    assert "FIFO" in told["c.nii.gz"]
    assert "is a folder" in told["d.nii"]


def test_no_permission_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may read everything
    inventory = inventory_of_folder(touch(tmp_path, "a.nii.gz"))
    assert "Permission denied" in str(problem_of_file(inventory.files[0]))
    assert inventory.readable() == ()


def test_many_names_are_counted(tmp_path: Path) -> None:
    touch(tmp_path, "a.nii.gz", *(f"{index}.mgz" for index in range(9)))
    assert "0.mgz, 1.mgz, 2.mgz and 6 more" in (inventory_of_folder(tmp_path).warning() or "")


def test_files_of_a_pattern(tmp_path: Path) -> None:
    touch(tmp_path, "a.nii.gz", "b.nrrd", "c.nii.gz")
    inventory = inventory_of_entries(tmp_path.glob("[ab]*"), tmp_path / "[ab]*", NIFTI_SUFFIXES)
    assert [path.name for path in inventory.files] == ["a.nii.gz"]
    assert "b.nrrd (a format that is not read here)" in (inventory.warning() or "")


def test_nothing_of_use(tmp_path: Path) -> None:
    assert "empty folder" in str(inventory_of_folder(tmp_path).nothing_found("scans"))
    touch(tmp_path, "notes.txt", "sub/a.nii.gz")
    error = inventory_of_folder(tmp_path).nothing_found("scans")
    assert isinstance(error, InputError)
    assert "sub (a folder with images" in str(error)


def test_a_folder_that_cannot_be_listed(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        inventory_of_folder(tmp_path / "missing")
    with pytest.raises(InputError, match="cannot be read"):
        inventory_of_folder(touch(tmp_path, "file") / "file")
