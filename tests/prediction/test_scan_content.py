"""A scan is known again by the content of all its files."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from flarecli.errors import InputError
from flarecli.prediction.scan_content import WatchedScan, content_of, files_of_scan


def write(folder: Path, **files: bytes | str) -> Path:
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        path = folder / name.replace("_", ".")
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def test_of_one_file_it_is_its_own_checksum(tmp_path: Path) -> None:
    scan = write(tmp_path, a_nii=b"voxels") / "a.nii"
    content = content_of(scan)
    assert (content.files, content.bytes) == (1, 6)
    assert content.sha256 == hashlib.sha256(b"voxels").hexdigest()


META = "NDims = 3\nDimSize = 2 2 2\nElementType = MET_UCHAR\nElementSpacing = 1 1 1\n"
NRRD = "NRRD0004\ntype: uchar\ndimension: 3\nsizes: 2 2 2\nspacings: 1 1 1\nencoding: raw\n"


@pytest.mark.parametrize(
    ("header", "text", "voxels"),
    [
        ("a.hdr", "x", "a.img"),
        ("A.HDR", "x", "A.IMG"),
        ("a.hdr.gz", "x", "a.img.gz"),
        ("a.img", "x", "a.hdr"),
        ("a.mhd", META + "ElementDataFile = a.zraw\n", "a.zraw"),
        ("a.mhd", META + "ElementDataFile = LIST\none.raw\n", "one.raw"),
        ("a.mhd", META + "ElementDataFile = s%03d.raw 1 2 1\n", "s001.raw"),
        ("a.mhd", META + "ElementDataFile = parts/s%03d.raw 1 2 1\n", "parts/s001.raw"),
        ("a.mhd", META + "ElementDataFile = parts\\a.raw\n", "parts/a.raw"),
        ("a.mha", META + "ElementDataFile = a.raw\n", "a.raw"),
        ("a.nhdr", NRRD + "data file: a.raw.gz\n", "a.raw.gz"),
        ("a.nhdr", NRRD.replace("\n", "\r\n") + "datafile: LIST\r\none.raw\r\n", "one.raw"),
        ("a.nhdr", NRRD + "data file: parts/s%02d.raw 1 2 1\n", "parts/s02.raw"),
        ("a.nhdr", NRRD + "# x\n" * 20_000 + "data file: a.raw\n", "a.raw"),
        ("a.nrrd", NRRD + "data file: a.raw\n", "a.raw"),
    ],
)
def test_voxels_beside_the_header_count(tmp_path: Path, header: str, text: str, voxels: str) -> None:
    (tmp_path / "parts").mkdir()
    (tmp_path / header).write_text(text, newline="")
    (tmp_path / voxels).write_bytes(b"before")
    (tmp_path / "other.dat").write_bytes(b"not of the scan")
    scan = tmp_path / header
    assert {str(path.relative_to(tmp_path)) for path in files_of_scan(scan)} == {header, voxels}
    before = content_of(scan)
    (tmp_path / voxels).write_bytes(b"after!")
    assert content_of(scan).bytes == before.bytes
    assert content_of(scan) != before


@pytest.mark.parametrize(
    "text", ["", *(META + f"ElementDataFile ={name}" for name in (" LOCAL", "", " \0", " ../a.raw")), "\xff"]
)
def test_headers_that_name_no_file(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.mhd").write_text(text, encoding="latin-1")
    assert files_of_scan(tmp_path / "a.mhd") == (tmp_path / "a.mhd",)


def test_of_slices_names_sizes_and_contents_count(tmp_path: Path) -> None:
    folder = write(tmp_path / "series", a=b"one", b=b"two")
    before = content_of(folder)
    assert (before.files, before.bytes) == (2, 6)
    write(folder, o_json=b"{}", _hidden=b"x")
    (folder / "o.nii.gz").touch()
    assert content_of(folder) == before, "results beside the slices do not count"
    (folder / "b").rename(folder / "c")
    assert content_of(folder) != before
    (folder / "c").rename(folder / "b")
    write(folder, b=b"twp")
    assert content_of(folder) != before


def test_slices_with_names_of_pictures_count_and_pictures_do_not(tmp_path: Path) -> None:
    slice_file = tmp_path / "1.png"
    slice_file.write_bytes(bytes(128) + b"DICM" + bytes(200))
    (tmp_path / "2.dcm").write_bytes(b"another")
    before = content_of(tmp_path)
    (tmp_path / "preview.png").write_bytes(b"\x89PNG")
    assert content_of(tmp_path) == before
    slice_file.write_bytes(bytes(128) + b"DICM" + bytes(199) + b"\1")
    assert content_of(tmp_path) != before


def test_contents_that_change_places_are_another_scan(tmp_path: Path) -> None:
    first = content_of(write(tmp_path / "x", a=b"1", b=b"2"))
    assert content_of(write(tmp_path / "y", a=b"2", b=b"1")) != first
    assert content_of(write(tmp_path / "z", a=b"1", b=b"2")) == first


@pytest.mark.parametrize("change", ["content", "replaced", "gone", "more"])
def test_a_scan_that_changes_while_it_is_read(tmp_path: Path, change: str) -> None:
    folder = write(tmp_path / "series", a=b"one", b=b"two")
    watched = WatchedScan(folder)
    if change == "content":
        write(folder, b=b"three")
    elif change == "replaced":
        write(tmp_path, new=b"two")
        (tmp_path / "new").replace(folder / "b")
    elif change == "gone":
        (folder / "b").unlink()
    else:
        write(folder, c=b"more")
    with pytest.raises(InputError, match=r"changed while it was read|does not exist"):
        watched.content()


def test_a_scan_that_stays(tmp_path: Path) -> None:
    scan = write(tmp_path, a_nii=b"voxels") / "a.nii"
    assert WatchedScan(scan).content() == content_of(scan)
