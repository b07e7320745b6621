"""`--anonymous`: unique strings in every tag of patient and study, and in every name of a file and folder, occur in no
byte of what is written, printed or recorded; without it, records and messages hold none of the patient's tags."""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess
import sys
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from flarecli.cli.main import app
from tests.dicom.series_writer import write_multi_frame, write_series
from tests.synthetic_ct import write_ct

pydicom = pytest.importorskip("pydicom", reason="needs the extra io: pip install 'flarecli[io]'")

from pydicom.datadict import keyword_for_tag, tag_for_keyword  # noqa: E402

pytestmark = pytest.mark.usefixtures("threshold_system")

NAME_TAGS = [
    *("PatientName", "PatientID", "OtherPatientIDs", "OtherPatientNames", "PatientBirthName", "PatientMotherBirthName"),
    *("PatientAddress", "PatientTelephoneNumbers", "PatientComments", "AdditionalPatientHistory", "Occupation"),
    *("MedicalRecordLocator", "EthnicGroup", "IssuerOfPatientID", "ResponsiblePerson", "MilitaryRank"),
    *("AccessionNumber", "StudyID", "StudyDescription", "ReferringPhysicianName", "PhysiciansOfRecord"),
    *("NameOfPhysiciansReadingStudy", "AdmittingDiagnosesDescription", "RequestingPhysician", "InstitutionName"),
    *("InstitutionAddress", "StationName", "OperatorsName", "PerformingPhysicianName", "DeviceSerialNumber"),
    *("ClinicalTrialSubjectID", "ClinicalTrialProtocolID", "ClinicalTrialSiteName", "ProtocolName", "ImageComments"),
    *("RequestedProcedureDescription", "PerformedProcedureStepDescription", "StudyComments", "ContrastBolusAgent"),
]
TEXT_TAGS = ["SeriesDescription", "ConvolutionKernel"]
"""What messages quote of a series unless names are to be hidden."""
DATES = {
    "PatientBirthDate": "19010207",
    "StudyDate": "19020308",
    "SeriesDate": "19030409",
    "AcquisitionDate": "19040511",
}
DATES |= {"ContentDate": "19050612", "InstanceCreationDate": "19060713"}
TIMES = {"StudyTime": "010203.111222", "SeriesTime": "010203.222333", "AcquisitionTime": "010203.333444"}
UIDS = {
    "StudyInstanceUID": "1.2.840.99999.7771",
    "SeriesInstanceUID": "1.2.840.99999.7772",
    "FrameOfReferenceUID": "1.2.840.99999.7773",
}
SOP_UID = "1.2.840.99999.7774"
IN_FOLDERS = ("Folder-Zebra", "Case-Quagga", "File-Okapi", "Archive-Tapir", "Out")


def planted(keyword: str) -> str:
    """A text that stands for one tag and is found nowhere else; short enough for every VR."""
    assert keyword_for_tag(tag_for_keyword(keyword)) == keyword
    return f"Xq{abs(zlib.crc32(keyword.encode())) % 10**8:08d}"


def plant(dataset: Any, k: int) -> None:
    for keyword in (*NAME_TAGS, *TEXT_TAGS):
        setattr(dataset, keyword, planted(keyword))
    for values in (DATES, TIMES, UIDS):
        for keyword, value in values.items():
            setattr(dataset, keyword, value)
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = f"{SOP_UID}.{k}"
    dataset.PatientAge, dataset.PatientSex = "099Y", "F"
    dataset.private_block(0x0009, "XqPrivateMaker", create=True).add_new(0x10, "LO", "XqPrivateText")


PATIENT = [
    *map(planted, NAME_TAGS),
    *DATES.values(),
    *TIMES.values(),
    *UIDS.values(),
    SOP_UID,
    "099Y",
    "XqPrivateMaker",
    "XqPrivateText",
]
EVERYWHERE = [*PATIENT, *map(planted, TEXT_TAGS), *IN_FOLDERS[:4]]


def contents(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Every name and every byte of a folder, unpacked where it is gzip."""
    for path in sorted(folder.rglob("*")):
        yield f"name of {path.name}", path.name.encode()
        if path.is_file():
            content = path.read_bytes()
            yield str(path), content
            if content[:2] == b"\x1f\x8b":
                yield f"{path} unpacked", gzip.decompress(content)


def found_in(pieces: Iterator[tuple[str, bytes]], secrets: list[str]) -> list[tuple[str, str]]:
    spellings = {secret: (secret.encode(), secret.encode("utf-16-le")) for secret in secrets}
    return [
        (where, secret)
        for where, content in pieces
        for secret, forms in spellings.items()
        if any(form.lower() in content.lower() for form in forms)
    ]


@dataclass
class Done:
    """How a command ended."""

    returncode: int
    stdout: bytes
    stderr: bytes


def flare(*arguments: object) -> Done:
    result = CliRunner().invoke(app, [*map(str, arguments)])
    return Done(result.exit_code, result.stdout_bytes, result.stderr_bytes)


def flare_process(*arguments: object) -> Done:
    """With everything that a process of its own prints, also beside Python's streams."""
    command = [sys.executable, "-m", "tests.shared_command", "0", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, check=False, timeout=300)
    return Done(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A sound series, one with a missing slice and a localizer, all planted; names of files and folders, too."""
    root = tmp_path / "Folder-Zebra"
    write_series(root / "Case-Quagga", each=plant, name=lambda k: f"File-Okapi{k}.dcm")

    def faulty(dataset: Any, k: int) -> None:
        plant(dataset, k)
        dataset.SeriesInstanceUID, dataset.SeriesNumber = f"{UIDS['SeriesInstanceUID']}.9", 9
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = f"{SOP_UID}.9.{k}"

    write_series(
        root / "Case-Quagga 9", each=faulty, name=lambda k: f"File-Okapi{k}.dcm", slices=[0, 1, 2, 4, 5, 6, 7, 8]
    )

    def localizer(dataset: Any, k: int) -> None:
        plant(dataset, k)
        dataset.ImageType, dataset.SeriesInstanceUID = (
            ["ORIGINAL", "PRIMARY", "LOCALIZER"],
            f"{UIDS['StudyInstanceUID']}.1",
        )
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = f"{SOP_UID}.1.{k}"

    write_series(root / "Case-Quagga", each=localizer, name=lambda k: "File-Okapi-scout.dcm", slices=[0])
    (root / "Case-Quagga" / "File-Okapi.txt").write_text("Xq", encoding="utf-8")
    return root


def _output_options(out: Path) -> list[object]:
    files: list[object] = ["--preview", out / "previews", "--statistics", out / "organs.csv"]
    return ["--split", "--sides", *files, "--report", out / "all.html"]


@pytest.mark.parametrize("verbosity", [["--timeout", "300"], ["--json"], ["--verbose"]])
def test_nothing_of_a_tree_is_in_what_is_written_or_printed(tree: Path, tmp_path: Path, verbosity: list[str]) -> None:
    out = tmp_path / "Out"

    run = flare_process if "--timeout" in verbosity else flare
    done = run("predict", tree, out, "--anonymous", *_output_options(out), *verbosity)

    assert done.returncode == 4, done.stderr.decode()
    assert b"slices are missing" in done.stdout + done.stderr
    assert len(list(out.glob("*.nii.gz"))) == 6
    printed = [("stdout", done.stdout), ("stderr", done.stderr)]
    assert found_in(iter([*printed, *contents(out)]), EVERYWHERE) == []


def test_nothing_of_other_sources_is_in_what_is_written_or_printed(tree: Path, tmp_path: Path) -> None:
    archive = Path(shutil.make_archive(str(tmp_path / "Archive-Tapir"), "zip", tree))
    scans = tmp_path / "Folder-Zebra 2"
    write_ct(scans / "File-Okapi_0000.nii.gz")
    (scans / "File-Okapi_2.nii.gz").write_bytes(b"no image")
    (scans / "Archive-Tapir.zip").write_bytes(b"x")
    listed = tmp_path / "list"
    listed.write_text(f"{scans / 'File-Okapi_0000.nii.gz'}\n{scans / 'File-Okapi_2.nii.gz'}\n", encoding="utf-8")
    sources = {
        "zip": [archive, tmp_path / "Out zip"],
        "one": [archive, tmp_path / "Out one" / "organs.nii.gz", "--series", "2"],
        "nifti": [scans, tmp_path / "Out nifti"],
        "file": [scans / "File-Okapi_0000.nii.gz", tmp_path / "Out file" / "organs.nii.gz"],
        "bad": [scans / "File-Okapi_2.nii.gz", tmp_path / "Out bad" / "organs.nii.gz"],
        "missing": [scans / "File-Okapi_3.nii.gz", tmp_path / "Out missing" / "organs.nii.gz", "--json"],
        "several": [tree, tmp_path / "Out several" / "organs.nii.gz"],
        "list": [tmp_path / "Out list", "--from", listed],
        "share": [tree, tmp_path / "Out share", "--share"],
        "slices": [tree / "Case-Quagga", tmp_path / "Out slices" / "organs.nii.gz"],
    }
    codes = {}
    for name, arguments in sources.items():
        done = flare("predict", *arguments, "--anonymous")
        codes[name] = done.returncode
        outputs = Path(arguments[0] if name == "list" else arguments[1])
        out = next(part for part in outputs.parts if part.startswith("Out"))
        pieces = [("stdout", done.stdout), ("stderr", done.stderr), *contents(tmp_path / out)]
        assert found_in(iter(pieces), EVERYWHERE) == [], name

    assert codes == {
        **{"zip": 4, "one": 0, "nifti": 4, "file": 0, "bad": 3, "missing": 3, "several": 3},
        **{"list": 4, "share": 4, "slices": 0},
    }
    assert sorted(path.name for path in (tmp_path / "Out nifti").iterdir()) == ["scan_1.json", "scan_1.nii.gz"]
    record = json.loads((tmp_path / "Out slices" / "organs.json").read_text(encoding="utf-8"))
    assert record["scan"] is None
    assert any("left out: 1 other slice or object, 1 other file" in text for text in record["warnings"])


def test_records_and_messages_never_hold_what_names_the_patient(tree: Path, tmp_path: Path) -> None:
    out = tmp_path / "Out"

    done = flare("predict", tree, out, *_output_options(out), "--verbose")

    assert done.returncode == 4
    pieces = [("stdout", done.stdout), ("stderr", done.stderr), *contents(out)]
    # The agent is not an identifier: lists and acquisitions are told by it.
    secrets = [secret for secret in PATIENT if secret != planted("ContrastBolusAgent")]
    assert found_in(iter(pieces), secrets) == []
    assert found_in(iter(pieces), ["Folder-Zebra"]), "the search finds what is there"


@pytest.mark.parametrize("kind", ["series", "multi-frame"])
@pytest.mark.parametrize("is_anonymous", [True, False])
def test_dicom_objects_name_the_patient_unless_they_are_not_to(
    tree: Path, tmp_path: Path, kind: str, is_anonymous: bool
) -> None:
    pytest.importorskip("highdicom", reason="needs the extra dicom: pip install 'flarecli[dicom]'")
    source = tree / "Case-Quagga"
    if kind == "multi-frame":
        source = tmp_path / "Folder-Zebra 3" / "File-Okapi.dcm"

        def dated(frame: Any, k: int) -> None:
            content = frame.FrameContentSequence[0]
            content.FrameAcquisitionDateTime = content.FrameReferenceDateTime = f"{DATES['AcquisitionDate']}101010"
            content.FrameComments = planted("PatientName")

        write_multi_frame(source, each_frame=dated, change=lambda dataset: plant(dataset, 0))
    options = ["--dicom-seg", "--rtstruct", "--sr", *(["--anonymous"] if is_anonymous else [])]

    done = flare("predict", source, tmp_path / "Out" / "organs.nii.gz", *options)

    assert done.returncode == 0, done.stderr.decode()
    objects = sorted((tmp_path / "Out").glob("*.dcm"))
    assert len(objects) == 3
    pieces = [("stdout", done.stdout), ("stderr", done.stderr), *contents(tmp_path / "Out")]
    found = found_in(iter(pieces), EVERYWHERE)
    read = [pydicom.dcmread(path) for path in objects]
    if not is_anonymous:
        assert {str(made.PatientID) for made in read} == {planted("PatientID")}
        assert {str(made.StudyInstanceUID) for made in read} == {UIDS["StudyInstanceUID"]}
        assert {Path(where).suffix for where, secret in found if secret == planted("PatientName")} == {".dcm"}
        return
    assert found == []
    assert {(str(made.PatientName), made.PatientIdentityRemoved) for made in read} == {("", "YES")}
    assert len({made.StudyInstanceUID for made in read}) == 1, "they refer to one another"
    seg = next(made for made in read if made.Modality == "SEG")
    report = next(made for made in read if made.Modality == "SR")
    series = report.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence
    assert seg.SOPInstanceUID in {
        instance.ReferencedSOPInstanceUID for one in series for instance in one.ReferencedSOPSequence
    }


def test_a_run_with_names_and_one_without_are_no_substitutes(tree: Path, tmp_path: Path) -> None:
    source = tree / "Case-Quagga"
    labels = tmp_path / "organs.nii.gz"
    assert flare("predict", source, labels).returncode == 0

    done = flare("predict", source, labels, "--anonymous", "--resume", "--json")
    assert json.loads(done.stdout)["redone"] == "with names then, anonymous now"
    done = flare("predict", source, labels, "--anonymous", "--resume", "--json")
    assert json.loads(done.stdout)["status"] == "skipped"
    done = flare("predict", source, labels, "--resume", "--json")
    assert json.loads(done.stdout)["redone"] == "anonymous then, not now"


def test_names_from_headers_are_refused(tree: Path, tmp_path: Path) -> None:
    done = flare("predict", tree, tmp_path / "Out", "--anonymous", "--name", "{PatientID}")

    assert done.returncode == 2
    assert b"may identify a patient" in done.stderr
