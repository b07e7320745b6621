"""Keys of cached cases."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import nibabel
import numpy as np
import pytest

from flarecli.datasets.organ_values import FLARE_VALUES
from flarecli.errors import InputError
from flarecli.preprocessing.sources import KeyFacts, Source, SourceState, case_key


def test_the_key_follows_content_and_settings_and_not_names(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("scan")
    (tmp_path / "b").write_text("labels")
    shutil.copy(tmp_path / "a", tmp_path / "c")
    scan, labels, copy = (Source.of(tmp_path / name) for name in "abc")
    facts = KeyFacts(FLARE_VALUES, {"spacing_mm": 2.0}, {"code": "1"})
    key = case_key(scan, labels, facts)
    assert case_key(copy, labels, facts) == key
    assert case_key(labels, scan, facts) != key
    for change in (
        {"settings": {"spacing_mm": 1.0}},
        {"values": FLARE_VALUES.with_background([5])},
        {"code": {"code": "2"}},
        {"ignore_geometry": True},
    ):
        assert case_key(scan, labels, replace(facts, **change)) != key


def test_a_lax_run_keeps_what_a_strict_one_made_and_not_the_other_way_round(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("scan")
    source = Source.of(tmp_path / "a")
    strict = KeyFacts(FLARE_VALUES, {}, {})
    lax = replace(strict, ignore_geometry=True)
    assert strict.keys(source, source)[0] in lax.keys(source, source)
    assert lax.keys(source, source)[0] not in strict.keys(source, source)


MHD = "ObjectType = Image\nNDims = 3\nDimSize = 2 2 2\nElementType = MET_UCHAR\nElementSpacing = 1 1 1\n"
NRRD = "NRRD0004\ntype: uchar\ndimension: 3\nsizes: 2 2 2\nencoding: raw\nspacings: 1 1 1\n"


@pytest.mark.parametrize(
    ("header", "content", "voxels"),
    [
        ("a.mhd", f"{MHD}ElementDataFile = a.raw\n", "a.raw"),
        ("a.mhd", f"{MHD}ElementDataFile = LIST\nslice1.raw\nslice2.raw\n", "slice2.raw"),
        ("a.mhd", f"{MHD}ElementDataFile = slice%d.raw 1 2 1\n", "slice2.raw"),
        ("a.nhdr", f"{NRRD}data file: a.raw\n", "a.raw"),
        ("a.hdr", None, "a.img"),
    ],
)
def test_voxels_beside_their_header_count(tmp_path: Path, header: str, content: str | None, voxels: str) -> None:
    if content is None:
        nibabel.save(nibabel.Nifti1Pair(np.zeros((2, 2, 2), np.uint8), np.eye(4)), tmp_path / header)
    else:
        (tmp_path / header).write_text(content)
        (tmp_path / "slice1.raw").write_bytes(b"1234")
    (tmp_path / voxels).write_bytes(b"1234")
    before = Source.of(tmp_path / header)
    (tmp_path / voxels).write_bytes(b"12345")
    after = Source.of(tmp_path / header)
    assert before.sha256 != after.sha256
    assert before.state != after.state


def test_folders_of_slices(tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"{number}.dcm").write_text(str(number))
    before, state = Source.of(tmp_path), SourceState.of(tmp_path)
    assert state.size_bytes == 3
    assert Source.from_dict(before.as_dict()) == before
    (tmp_path / "1.dcm").write_text("x")
    assert Source.of(tmp_path).sha256 != before.sha256


def _slices(folder: Path) -> Path:
    for number in range(4):
        path = folder / "series" / f"{number}.dcm"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"slice {number}")
        os.utime(path, (1000 + number, 1000 + number))
    return folder / "series"


def _two_parts(folder: Path) -> Path:
    header = folder / "a.mhd"
    header.write_text(f"{MHD}ElementDataFile = LIST\n0.raw\n1.raw\n")
    for number in range(2):
        (folder / f"{number}.raw").write_text(f"slice {number}")
        os.utime(folder / f"{number}.raw", (1000 + number, 1000 + number))
    return header


@pytest.mark.parametrize(("make", "part"), [(_slices, "series/1.dcm"), (_two_parts, "0.raw")])
def test_one_of_several_files_that_an_older_one_of_its_size_replaces(
    tmp_path: Path, make: Callable[[Path], Path], part: str
) -> None:
    """As `cp -p`, `rsync -t` and the restoring of a backup leave it."""
    source = make(tmp_path)
    before, content = SourceState.of(source), Source.of(source).sha256
    replaced = tmp_path / part
    replaced.write_text("another")
    os.utime(replaced, (500, 500))
    after = SourceState.of(source)
    assert (after.size_bytes, after.modified_ns) == (before.size_bytes, before.modified_ns)
    assert after != before
    assert Source.of(source).sha256 != content


def test_slices_that_change_their_names_are_others(tmp_path: Path) -> None:
    folder = _slices(tmp_path)
    before = SourceState.of(folder)
    (folder / "1.dcm").rename(tmp_path / "kept")
    (folder / "2.dcm").rename(folder / "1.dcm")
    (tmp_path / "kept").rename(folder / "2.dcm")
    assert SourceState.of(folder) != before


def test_one_file_is_known_by_the_record_of_a_former_version(tmp_path: Path) -> None:
    (tmp_path / "a.nii").write_text("scan")
    facts = Source.of(tmp_path / "a.nii").as_dict()
    assert facts.pop("files") == ""
    assert Source.from_dict(facts) == Source.of(tmp_path / "a.nii")


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        SourceState.of(tmp_path / "nothing")
