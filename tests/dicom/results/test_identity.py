"""What scans say of patient and study is taken over where it is valid, left out with a warning where it may be absent,
and refused where archives tell patients apart by it: whatever a scan says, valid objects come out, or none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flarecli.errors import InputError

pytest.importorskip("highdicom", reason="needs highdicom (pip install 'flarecli[dicom]')")
pydicom = pytest.importorskip("pydicom")

from pydicom.datadict import dictionary_VR  # noqa: E402
from pydicom.dataelem import RawDataElement  # noqa: E402
from pydicom.tag import Tag  # noqa: E402

from flarecli.dicom.results.identity import identity_of  # noqa: E402
from flarecli.dicom.results.report import measurement_report  # noqa: E402
from flarecli.dicom.results.segmentation_object import segmentation_object  # noqa: E402
from flarecli.dicom.results.segmented_series import SegmentedSeries  # noqa: E402
from flarecli.dicom.results.segments import SEGMENTS  # noqa: E402
from flarecli.dicom.results.sources import SourceSeries, source_series  # noqa: E402
from flarecli.dicom.results.structure_set import structure_set  # noqa: E402
from tests.dicom.results.series import ORIGIN, affine_ras, headers, labels, written  # noqa: E402
from tests.dicom.results.validator import HAS_VALIDATOR, NO_VALIDATOR, errors_of  # noqa: E402

# Of values that are not valid, as the files of these tests are written; results are made without a warning.
pytestmark = pytest.mark.filterwarnings(r"ignore::UserWarning:pydicom(\.|$)")

MUELLER = "M\xfcller^J\xf6rg"


def put(header: Any, **values: str | bytes | None) -> None:
    """Set values as a file may hold them, valid or not; None removes one."""
    for keyword, value in values.items():
        tag = Tag(keyword)
        if value is None:
            del header[tag]
            continue
        content = value if isinstance(value, bytes) else value.encode("latin-1")
        header[tag] = RawDataElement(tag, dictionary_VR(keyword), len(content), content, 0, False, True)


def source_of(folder: Path, **values: str | bytes | None) -> SourceSeries:
    found = headers(affine_ras())
    for header in found:
        put(header, **values)
    return source_series(written(folder, found))


def assert_results_are_valid(folder: Path, source: SourceSeries) -> list[Any]:
    series = SegmentedSeries(labels(), affine_ras(), source, ORIGIN)
    measured = {segment.number: (100.0, 40.5) for segment in SEGMENTS}
    made = [segmentation_object(series), structure_set(series), measurement_report(series, measured, {1: "good"})]
    read = []
    for number, dataset in enumerate(made):
        path = folder / f"result{number}.dcm"
        dataset.save_as(path, enforce_file_format=True)
        if HAS_VALIDATOR:
            assert errors_of(path) == []
        read.append(pydicom.dcmread(path))
    return read


LEFT_OUT: dict[str, str | bytes] = {
    "StudyDate": "20201399",
    "StudyTime": "99:99",
    "PatientBirthDate": "unknown",
    "PatientSex": "FEMALE",
    "AccessionNumber": "1" * 30,
    "StudyID": "1\\2",
    "ReferringPhysicianName": "A^B^C^D^E^F^G",
    "PatientAge": "45",
    "PatientWeight": "70kg",
    "StudyDescription": "x" * 100,
    "TimezoneOffsetFromUTC": "+9900",
    "PatientIdentityRemoved": "YES",
    "LongitudinalTemporalInformationModified": "perhaps",
}


@pytest.mark.parametrize("keyword", LEFT_OUT)
def test_values_that_dicom_does_not_allow_are_left_out(tmp_path: Path, keyword: str) -> None:
    source = source_of(tmp_path / "series", **{keyword: LEFT_OUT[keyword]})
    (warning,) = source.identity.warnings
    assert warning == f"not valid in the scan and left out of the DICOM results: {keyword}"
    for result in assert_results_are_valid(tmp_path, source):
        assert not result.get(keyword)
        assert result.PatientID == "42"


TAKEN: dict[str, tuple[dict[str, str | bytes | None], dict[str, str]]] = {
    "as they are": ({}, {"PatientName": "Doe^Jane", "StudyDate": "20200102", "PatientSex": "F"}),
    "missing": ({"StudyDate": None, "PatientName": None}, {"StudyDate": "", "PatientName": ""}),
    "ACR-NEMA": ({"StudyDate": "2020.01.02", "StudyTime": "10:11"}, {"StudyDate": "20200102", "StudyTime": "1011"}),
    "name of one part": ({"PatientName": "DOE JANE"}, {"PatientName": "DOE JANE"}),
    "Latin 1": ({"PatientName": MUELLER, "SpecificCharacterSet": "ISO_IR 100"}, {"PatientName": MUELLER}),
    "UTF-8": (
        {"PatientName": MUELLER.encode("utf-8"), "SpecificCharacterSet": "ISO_IR 192"},
        {"PatientName": MUELLER},
    ),
    "Japanese": (
        {
            "PatientName": b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B",
            "SpecificCharacterSet": "\\ISO 2022 IR 87",
        },
        {"PatientName": "Yamada^Tarou=山田^太郎"},
    ),
    "further attributes": (
        {
            "IssuerOfPatientID": "HOSPITAL",
            "LongitudinalTemporalInformationModified": "MODIFIED",
            "StudyDescription": "Abdomen CT",
            "PatientAge": "050Y",
            "PatientSize": "1.8",
            "PatientWeight": "80",
            "TimezoneOffsetFromUTC": "+0900",
        },
        {
            "IssuerOfPatientID": "HOSPITAL",
            "LongitudinalTemporalInformationModified": "MODIFIED",
            "StudyDescription": "Abdomen CT",
            "PatientAge": "050Y",
            "PatientSize": "1.8",
            "PatientWeight": "80",
            "TimezoneOffsetFromUTC": "+0900",
        },
    ),
    "unknown character set without letters": ({"SpecificCharacterSet": "BOGUS"}, {"PatientName": "Doe^Jane"}),
}


@pytest.mark.parametrize("case", TAKEN)
def test_what_is_valid_is_taken_over(tmp_path: Path, case: str) -> None:
    changes, expected = TAKEN[case]
    source = source_of(tmp_path / "series", **changes)
    assert source.identity.warnings == ()
    for result in assert_results_are_valid(tmp_path, source):
        assert {keyword: str(result[keyword].value) for keyword in expected} == expected


def test_letters_without_a_character_set(tmp_path: Path) -> None:
    source = source_of(tmp_path / "series", PatientName=MUELLER)
    assert "Latin 1 is assumed" in " ".join(source.identity.warnings)
    for result in assert_results_are_valid(tmp_path, source):
        assert result.PatientName == MUELLER


def test_the_method_of_deidentification_goes_with_it(tmp_path: Path) -> None:
    found = headers(affine_ras())
    for header in found:
        put(header, PatientIdentityRemoved="YES", DeidentificationMethod="by hand\\by rule")
        code = pydicom.Dataset()
        code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "113100", "DCM", "Basic Profile"
        header.DeidentificationMethodCodeSequence = [code]
    source = source_series(written(tmp_path / "series", found))
    for result in assert_results_are_valid(tmp_path, source):
        assert result.PatientIdentityRemoved == "YES"
        assert list(result.DeidentificationMethod) == ["by hand", "by rule"]
        assert result.DeidentificationMethodCodeSequence[0].CodeValue == "113100"


@pytest.mark.parametrize(
    ("meaning", "character_set"), [("vollst\xe4ndig", "ISO_IR 100"), ("\u5b8c\u5168", "ISO_IR 192")]
)
def test_letters_in_a_code_are_kept(tmp_path: Path, meaning: str, character_set: str) -> None:
    source = source_series(written(tmp_path / "series", coded(meaning, character_set)))
    assert source.identity.warnings == ()
    for result in assert_results_are_valid(tmp_path, source):
        assert result.DeidentificationMethodCodeSequence[0].CodeMeaning == meaning


def test_letters_in_a_code_of_an_unknown_character_set_are_left_out(tmp_path: Path) -> None:
    found = coded("vollst\xe4ndig", "ISO_IR 100")
    for header in found:
        header.SpecificCharacterSet = "BOGUS"
    source = source_series(written(tmp_path / "series", found))
    (warning,) = source.identity.warnings
    assert warning.endswith(": DeidentificationMethodCodeSequence, PatientIdentityRemoved")
    for result in assert_results_are_valid(tmp_path, source):
        assert "DeidentificationMethodCodeSequence" not in result


def coded(meaning: str, character_set: str) -> list[Any]:
    """Headers that name a code of de-identification."""
    found = headers(affine_ras())
    for header in found:
        put(header, PatientIdentityRemoved="YES", SpecificCharacterSet=character_set)
        code = pydicom.Dataset()
        code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "113100", "DCM", meaning
        header.DeidentificationMethodCodeSequence = [code]
    return found


def test_methods_of_more_than_64_kilobytes_are_left_out() -> None:
    header = headers(affine_ras())[0]
    header.DeidentificationMethod = [f"by rule {number:04d} of the hospital" for number in range(2_500)]
    found = identity_of(header)
    assert "DeidentificationMethod" not in found.elements
    assert found.warnings == ("not valid in the scan and left out of the DICOM results: DeidentificationMethod",)


REFUSED: dict[str, tuple[dict[str, str | bytes | None], str]] = {
    "a name that is too long": ({"PatientName": "A" * 80}, "PatientName"),
    "two names": ({"PatientName": "A\\B"}, "PatientName"),
    "a name in another character set": (
        {"PatientName": MUELLER, "SpecificCharacterSet": "ISO_IR 192"},
        "PatientName",
    ),
    "letters in an unknown character set": ({"PatientName": MUELLER, "SpecificCharacterSet": "BOGUS"}, "PatientName"),
    "an id that is too long": ({"PatientID": "4" * 80}, "PatientID"),
    "a study's identifier with letters": ({"StudyInstanceUID": "1.2.abc"}, "StudyInstanceUID"),
    "a series' identifier with a leading zero": ({"SeriesInstanceUID": "1.02.3"}, "SeriesInstanceUID"),
    "an identifier that is too long": ({"FrameOfReferenceUID": "1." + "2" * 70}, "FrameOfReferenceUID"),
    "no identifier of the class": ({"SOPClassUID": None}, "no SOPClassUID"),
    "one identifier for all slices": ({"SOPInstanceUID": "1.2.3"}, "1 SOP Instance UID in 7 files"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_ties_results_to_their_study_is_refused(tmp_path: Path, case: str) -> None:
    changes, seen = REFUSED[case]
    with pytest.raises(InputError) as caught:
        source_of(tmp_path, **changes)
    assert seen in str(caught.value.seen)
    assert not any(str(value) in str(caught.value) for value in changes.values() if value is not None)


@pytest.mark.parametrize("keyword", ["StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID", "PatientID"])
def test_slices_that_do_not_belong_together_are_refused(tmp_path: Path, keyword: str) -> None:
    found = headers(affine_ras())
    put(found[3], **{keyword: "1.2.3.4.5"})
    with pytest.raises(InputError, match=f"several values of {keyword}"):
        source_series(written(tmp_path, found))


def test_rounded_positions_still_match_their_slices(tmp_path: Path) -> None:
    found = headers(affine_ras())
    for k, header in enumerate(found):
        x, y, z = (float(value) for value in header.ImagePositionPatient)
        header.ImagePositionPatient = [x, y, z + (0.1 if k % 2 else 0.0)]
    source = source_series(written(tmp_path, found))
    made = segmentation_object(SegmentedSeries(labels(), affine_ras(), source, ORIGIN))
    named = {
        str(frame.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID)
        for frame in made.PerFrameFunctionalGroupsSequence
    }
    filled = np.flatnonzero(labels().any(axis=(1, 2)))
    assert named == {str(found[k].SOPInstanceUID) for k in filled}


def test_the_validator_is_here() -> None:
    if not HAS_VALIDATOR:
        pytest.skip(NO_VALIDATOR)
