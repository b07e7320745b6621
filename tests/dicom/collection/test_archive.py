"""Zip archives: what is read of them leaves nothing behind, and what is not to be trusted is refused."""

from __future__ import annotations

import os
import stat
import struct
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

from flarecli.dicom.collection import archive as archives
from flarecli.dicom.collection.opening import catalogue_of
from flarecli.dicom.collection.series_reading import content_of_series, find_series_of
from flarecli.errors import InputError
from flarecli.volume import read_volume
from tests.dicom.collection.trees import put_series, zipped


@pytest.fixture
def private_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def _archive(tmp_path: Path, **members: bytes) -> Path:
    path = tmp_path / "made.zip"
    with zipfile.ZipFile(path, "w") as file:
        for name, content in members.items():
            file.writestr(name, content)
    return path


def test_a_series_is_unpacked_for_this_user_alone_while_it_is_used(
    tmp_path: Path, private_temporary_folder: Path
) -> None:
    voxels = put_series(tmp_path / "tree" / "a")
    archive = zipped(tmp_path / "tree", tmp_path / "tree.zip")
    before = sorted(tmp_path.rglob("*"))

    (entry,) = catalogue_of(archive).scans
    assert sorted(tmp_path.rglob("*")) == before, "looking through it unpacks nothing"

    volume = read_volume(entry.files)
    np.testing.assert_array_equal(volume.voxels, voxels[:, ::-1, ::-1])
    (folder,) = private_temporary_folder.iterdir()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert len(list(folder.iterdir())) == 9
    del volume
    assert sorted(tmp_path.rglob("*")) == before


def test_what_a_killed_process_left_is_removed(tmp_path: Path, private_temporary_folder: Path) -> None:
    put_series(tmp_path / "tree")
    archive = zipped(tmp_path / "tree", tmp_path / "tree.zip")
    program = (
        "import os, sys, pathlib; from flarecli.volume import read_volume\n"
        "volume = read_volume(pathlib.Path(sys.argv[1])); os.kill(os.getpid(), 9)"
    )
    environment = {**os.environ, "TMPDIR": str(private_temporary_folder)}
    subprocess.run([sys.executable, "-c", program, str(archive)], env=environment, check=False)
    (left,) = private_temporary_folder.iterdir()

    volume = read_volume(archive)

    assert not left.exists()
    assert len(list(private_temporary_folder.iterdir())) == 1
    del volume


def test_the_content_of_a_series_is_the_same_in_a_folder_and_an_archive(tmp_path: Path) -> None:
    put_series(tmp_path / "tree" / "a" / "b")
    put_series(tmp_path / "tree" / "c", series="1.2.1.5", seed=1)
    archive = zipped(tmp_path / "tree", tmp_path / "tree.zip")

    in_folder = [content_of_series(entry.files) for entry in catalogue_of(tmp_path / "tree").scans]
    packed = [content_of_series(entry.files) for entry in catalogue_of(archive).scans]

    assert in_folder == packed
    assert in_folder[0] != in_folder[1]


@pytest.mark.parametrize("name", ["../../outside.dcm", "/etc/outside.dcm", "a/../../b.dcm", "..\\b.dcm", "C:\\b.dcm"])
def test_names_that_lead_out_of_an_archive_are_refused(tmp_path: Path, name: str) -> None:
    put_series(tmp_path / "tree")
    archive = zipped(tmp_path / "tree", tmp_path / "tree.zip")
    with zipfile.ZipFile(archive, "a") as file:
        file.writestr(name, b"x")

    with pytest.raises(InputError, match="names that lead outside the archive"):
        catalogue_of(archive)


def test_an_archive_that_unpacks_to_far_more_than_a_scan_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "_SMALL_BYTES", 1 << 24)  # not a gigabyte: writing it takes ten seconds
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file, file.open("a.dcm", "w", force_zip64=True) as member:
        for _ in range(20):
            member.write(bytes(1 << 20))

    with pytest.raises(InputError, match="far more than a scan") as caught:
        catalogue_of(path)

    assert "0.0 GB from 0.0 MB" in str(caught.value.seen)


def test_members_that_overlap_are_refused(tmp_path: Path) -> None:
    path = _archive(tmp_path, **{"a.dcm": bytes(range(256)) * 100})
    content = path.read_bytes()
    start = content.index(b"PK\1\2")
    entry = content[start : content.index(b"PK\5\6")]
    others = b"".join(entry.replace(b"a.dcm", f"{letter}.dcm".encode()) for letter in "abcdef")
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 6, 6, len(others), start, 0)
    path.write_bytes(content[:start] + others + end)

    with pytest.raises(InputError, match=r"far more than a scan needs|not a valid zip archive"):
        catalogue_of(path)


def test_a_list_of_files_that_needs_more_memory_than_there_is_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _archive(tmp_path, **{f"{number}.txt": b"" for number in range(2000)})
    monkeypatch.setattr("flarecli.files.sources.available_bytes", lambda: 1e6)

    with pytest.raises(InputError, match="needs more memory"):
        catalogue_of(path)


def test_a_series_that_does_not_fit_is_not_unpacked(
    tmp_path: Path, private_temporary_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_series(tmp_path / "tree")
    (entry,) = catalogue_of(zipped(tmp_path / "tree", tmp_path / "tree.zip")).scans
    monkeypatch.setattr(archives.shutil, "disk_usage", lambda folder: type("Usage", (), {"free": 100}))

    with pytest.raises(InputError, match="cannot be unpacked") as caught:
        find_series_of(entry.files)

    assert "TMPDIR" in caught.value.remedy
    assert not list(private_temporary_folder.iterdir())


def test_encrypted_archives_and_other_methods_are_refused(tmp_path: Path) -> None:
    path = _archive(tmp_path, **{"a.dcm": b"abc"})
    content = bytearray(path.read_bytes())
    central = content.index(b"PK\1\2")
    content[central + 8] |= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match="is encrypted"):
        catalogue_of(path)

    content[central + 8] &= ~1
    content[central + 10] = 9
    path.write_bytes(content)
    with pytest.raises(InputError, match="method that is not supported"):
        catalogue_of(path)


def test_what_is_no_archive_or_holds_no_series_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.zip").write_bytes(b"no archive")
    with pytest.raises(InputError, match="not a valid zip archive"):
        read_volume(tmp_path / "text.zip")

    with pytest.raises(InputError, match="no CT series") as caught:
        read_volume(_archive(tmp_path, **{"a/readme.txt": b"abc", "__MACOSX/b.dcm": b"x", ".c": b"x"}))
    assert "readme.txt" in str(caught.value.seen)
    assert "2 × hidden file" in str(caught.value.seen)


def test_damaged_members_make_their_series_fail(tmp_path: Path) -> None:
    put_series(tmp_path / "tree")
    archive = zipped(tmp_path / "tree", tmp_path / "tree.zip")
    with zipfile.ZipFile(archive) as file:
        info = file.getinfo("tree/IM004.dcm")
        (name_length, extra_length) = struct.unpack_from("<HH", archive.read_bytes(), info.header_offset + 26)
        place = info.header_offset + 30 + name_length + extra_length + info.compress_size - 20
    content = bytearray(archive.read_bytes())
    content[place] ^= 0xFF
    archive.write_bytes(content)

    with pytest.raises(InputError, match=r"damaged|cannot be read"):
        read_volume(archive)
