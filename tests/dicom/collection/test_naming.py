"""Names of cases by a pattern: safe as file names, never the same twice, without the patient unless asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from flarecli.dicom.collection.naming import FIELDS, case_names, check_pattern, safe_name
from flarecli.dicom.collection.opening import catalogue_of
from flarecli.errors import InputError, UsageError
from flarecli.files.names import check_name
from tests.dicom.collection.trees import put_series, put_tree, zipped


@pytest.mark.parametrize("kind", ["tree", "zip"])
def test_a_pattern_takes_what_headers_say(tmp_path: Path, kind: str) -> None:
    put_tree(tmp_path / "tree")
    source = tmp_path / "tree" if kind == "tree" else zipped(tmp_path / "tree", tmp_path / "tree.zip")
    entries = catalogue_of(source).scans

    names = case_names(entries, "{PatientName}-{SeriesNumber}_{Acquisition}")

    assert {"P1_Name-5_1", "P2_Name-4_1"} < set(names)
    assert len({name for name in names if name.startswith("P1_Name-4_1_")}) == 2, "two studies have a series 4"


def test_the_pattern_is_checked_before_anything_is_read() -> None:
    with pytest.raises(UsageError) as caught:
        check_pattern("{PatientId}")
    assert "{PatientId}" in str(caught.value.seen)
    assert all(name in str(caught.value.expected) for name in FIELDS)
    for pattern in ("{", "plain", "{PatientID}/{SeriesNumber}", "{PatientID!r}", "{SeriesNumber:03}", "{}", "{0}"):
        with pytest.raises(UsageError, match="is not understood"):
            check_pattern(pattern)


def test_what_may_identify_a_patient_is_refused_in_anonymous_names() -> None:
    assert check_pattern("{Name}_{SeriesNumber}_{Modality}", anonymous=True)
    for field in ("PatientID", "PatientName", "StudyDate", "SeriesDescription", "SeriesInstanceUID", "AccessionNumber"):
        with pytest.raises(UsageError, match="may identify a patient"):
            check_pattern(f"{{{field}}}", anonymous=True)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Doe^John", "Doe_John"),
        ("../../etc/passwd", "etc_passwd"),
        ("a\0b\x1b[31m\n", "a_b_31m"),
        ("-rf", "rf"),
        (".hidden", "hidden"),
        ("山田^太郎=やまだ", "山田_太郎_やまだ"),
        ("CON", "_CON"),
        ("  ", "unknown"),
        ("A:B*C?", "A_B_C"),
        ("é" * 300, "é" * 80),
    ],
)
def test_names_are_safe_on_every_file_system(text: str, expected: str) -> None:
    assert safe_name(text) == expected
    check_name(safe_name(text), "case")


def test_names_are_never_the_same_also_where_letters_of_either_case_are(tmp_path: Path) -> None:
    for number, patient in enumerate(("Abc", "aBC", "abc", "other", "")):
        put_series(
            tmp_path / str(number), patient=patient, study=f"1.3.{number}", series=f"1.3.{number}.4", seed=number
        )
    entries = catalogue_of(tmp_path).scans

    names = case_names(entries, "{PatientID}")

    assert len({name.casefold() for name in names}) == 5
    assert names[3:] == ["other", "unknown"]
    assert names == case_names(entries, "{PatientID}")


def test_a_pattern_without_headers_reads_none(tmp_path: Path) -> None:
    put_series(tmp_path / "a")
    entries = catalogue_of(tmp_path).scans
    for path in (tmp_path / "a").iterdir():
        path.unlink()

    assert case_names(entries, "x_{Name}") == [f"x_{entries[0].name}"]
    with pytest.raises(InputError):
        case_names(entries, "{PatientID}")
