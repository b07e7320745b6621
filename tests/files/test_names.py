"""Names of scans and cases."""

import pytest

from flarecli.files.names import case_name, image_stem, image_suffix


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
