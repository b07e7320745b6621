"""Names of scans and cases."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flarecli.errors import InputError
from flarecli.files.names import case_name, check_name, image_stem, image_suffix


@pytest.mark.parametrize(
    ("name", "suffix", "stem", "case"),
    [
        ("a.nii.gz", ".nii.gz", "a", "a"),
        ("a.b.NII.GZ", ".nii.gz", "a.b", "a.b"),
        ("train_000_0000.nii.gz", ".nii.gz", "train_000_0000", "train_000"),
        ("a.nii", ".nii", "a", "a"),
        ("a.nrrd", ".nrrd", "a", "a"),
        ("folder/case_0001.nii.gz", ".nii.gz", "case_0001", "case_0001"),
        ("a.txt", "", "a.txt", "a.txt"),
    ],
)
def test_parts_of_a_name(name: str, suffix: str, stem: str, case: str) -> None:
    assert image_suffix(name) == suffix
    assert image_stem(name) == stem
    assert case_name(name) == case


BAD_NAMES = [
    "",
    " ",
    ".",
    "..",
    "a/b",
    "/a",
    "../a",
    "a\\b",
    "..\\a",
    "a\0b",
    "a\nb",
    "\x1b[2J",
    "x" * 256,
    None,
    7,
]


@pytest.mark.parametrize("name", BAD_NAMES)
def test_names_that_lead_elsewhere_are_refused(name: object) -> None:
    with pytest.raises(InputError, match="cannot be the name of a folder"):
        check_name(name, "case")


@pytest.mark.parametrize("name", ["a", "a b", "fall_Ä", "a..b", ".a", "a:b", "x" * 255, "a\udcfc", "=1+1", "-rf"])
def test_other_names_are_kept(name: str) -> None:
    assert check_name(name, "case") == name


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=300))
def test_a_name_that_is_allowed_stays_in_its_folder(name: str) -> None:
    try:
        check_name(name, "case")
    except InputError:
        return
    assert Path(os.path.normpath(Path("/cache/cases") / name)).parent == Path("/cache/cases")


def test_a_file_that_has_a_channel_number_only_keeps_it_as_its_name() -> None:
    assert case_name("_0000.nii.gz") == "_0000"
