"""From an archive and back: Orthanc takes a series, exports it, and holds its results in the same study."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

highdicom = pytest.importorskip("highdicom", reason="needs highdicom (pip install 'flarecli[dicom]')")
pydicom = pytest.importorskip("pydicom")

from flarecli.dicom.results.segmentation_object import segmentation_object  # noqa: E402
from flarecli.dicom.results.structure_set import structure_set  # noqa: E402
from tests.dicom.readers.programs import path_of, run  # noqa: E402
from tests.dicom.results.series import affine_ras, comb, segmented  # noqa: E402
from tests.dicom.series_writer import write_series  # noqa: E402

ROOT = Path(__file__).resolve().parents[3]
PHANTOM = ROOT / "examples" / "phantom_ct_0000.nii.gz"
_START_S = 60
_CALLED, _CALLING = "ORTHANC", "FLARE"


@dataclass(frozen=True)
class Orthanc:
    """An archive of this test alone."""

    http: int
    dicom: int

    def get(self, path: str) -> bytes:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http}{path}", timeout=60) as answer:
            return bytes(answer.read())

    def ask(self, path: str) -> Any:
        return json.loads(self.get(path))

    def post(self, content: bytes) -> Any:
        request = urllib.request.Request(f"http://127.0.0.1:{self.http}/instances", data=content, method="POST")
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read())

    def store(self, *files: Path) -> None:
        run("storescu", "--required", "-aet", _CALLING, "-aec", _CALLED, "127.0.0.1", self.dicom, *files)

    def series(self, study: str) -> dict[str, Any]:
        """The series of a study by modality; one of each."""
        found = [self.ask(f"/series/{name}") for name in self.ask(f"/studies/{study}")["Series"]]
        assert len({each["MainDicomTags"]["Modality"] for each in found}) == len(found)
        return {each["MainDicomTags"]["Modality"]: each for each in found}

    def file(self, series: dict[str, Any], path: Path) -> Path:
        """The one instance of a series."""
        (instance,) = series["Instances"]
        path.write_bytes(self.get(f"/instances/{instance}/file"))
        return path


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


@pytest.fixture(scope="module")
def orthanc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    program = path_of("Orthanc")
    path_of("storescu")
    folder = tmp_path_factory.mktemp("orthanc")
    archive = Orthanc(*free_ports(2))
    settings = {
        "Name": "test",
        "StorageDirectory": str(folder / "storage"),
        "IndexDirectory": str(folder / "storage"),
        "Plugins": [],
        "HttpPort": archive.http,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "DicomAet": _CALLED,
        "DicomCheckCalledAet": True,
        "DicomPort": archive.dicom,
        "DicomCheckModalityHost": True,
        "DicomModalities": {"test": [_CALLING, "127.0.0.1", archive.dicom]},
        "UnknownSopClassAccepted": True,
        "HttpsVerifyPeers": False,
    }
    (folder / "settings.json").write_text(json.dumps(settings), encoding="utf-8")
    with (folder / "log.txt").open("wb") as log:
        server = subprocess.Popen([program, str(folder / "settings.json")], stdout=log, stderr=subprocess.STDOUT)
    try:
        end = time.monotonic() + _START_S
        while True:
            try:
                archive.ask("/system")
                break
            except OSError:
                if server.poll() is not None or time.monotonic() > end:
                    pytest.fail(f"Orthanc did not start: {(folder / 'log.txt').read_text(errors='replace')[-2000:]}")
                time.sleep(0.2)
        yield archive
    finally:
        server.terminate()
        try:
            server.wait(timeout=30)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def write_phantom(folder: Path, uid: str, patient: str) -> None:
    """The synthetic scan of this project as an axial series."""
    image = nibabel.as_closest_canonical(nibabel.load(PHANTOM))
    lps = np.asarray(image.dataobj)[::-1, ::-1].T.astype(np.int16)
    x_mm, y_mm, z_mm = (float(step) for step in image.header.get_zooms())

    def of_patient(dataset: Any, k: int) -> None:
        dataset.PatientName, dataset.PatientID = f"{patient}^Test", patient
        dataset.StudyInstanceUID, dataset.FrameOfReferenceUID = f"{uid}.1", f"{uid}.2"
        dataset.StudyDate, dataset.StudyTime, dataset.AccessionNumber, dataset.StudyID = "20260102", "101112", "A1", "7"

    write_series(
        folder, np.ascontiguousarray(lps), uid=uid, spacing_mm=(y_mm, x_mm), step_lps=(0, 0, z_mm), each=of_patient
    )


def python(*arguments: object) -> str:
    words = [sys.executable, *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    ended = subprocess.run(words, capture_output=True, text=True, env=environment, timeout=300, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def study_of(orthanc: Orthanc, patient: str) -> str:
    (study,) = (
        name
        for name in orthanc.ask("/studies")
        if orthanc.ask(f"/studies/{name}")["PatientMainDicomTags"]["PatientID"] == patient
    )
    return str(study)


def masks_of(path: Path) -> dict[str, np.ndarray]:
    """Segments by name on the canonical grid, cut to the slices that have frames."""
    read = highdicom.seg.segread(path)
    volume = read.get_volume(combine_segments=True).to_patient_orientation(("H", "A", "R"))
    return {item.SegmentLabel: volume.array == item.SegmentNumber for item in read.SegmentSequence}


def test_from_the_archive_and_back(orthanc: Orthanc, tmp_path: Path) -> None:
    write_phantom(tmp_path / "series", "1.2.840.99999.1", "P1")
    run("storescu", "-aet", _CALLING, "-aec", _CALLED, "+sd", "127.0.0.1", orthanc.dicom, tmp_path / "series")
    study = study_of(orthanc, "P1")
    assert set(orthanc.series(study)) == {"CT"}
    (tmp_path / "study.zip").write_bytes(orthanc.get(f"/studies/{study}/archive"))

    uids = []
    for name, archive in (("first", "study.zip"), ("second", "with_results.zip")):
        out = tmp_path / name
        python(
            "-m", "flarecli", "predict", tmp_path / archive, out / "o.nii.gz",
            "--dicom-seg", "--rtstruct", "--sr", "--sides", "--quiet",
        )  # fmt: skip
        objects = [out / f"o.{kind}.dcm" for kind in ("seg", "rtstruct", "sr")]
        orthanc.store(*objects)
        uids.append([str(pydicom.dcmread(path).SOPInstanceUID) for path in objects])
        held = orthanc.series(study)
        assert set(held) == {"CT", "SEG", "RTSTRUCT", "SR"}
        assert [len(held[modality]["Instances"]) for modality in ("SEG", "RTSTRUCT", "SR")] == [1, 1, 1]
        (tmp_path / "with_results.zip").write_bytes(orthanc.get(f"/studies/{study}/archive"))
    assert uids[0] == uids[1]
    assert len(orthanc.ask("/studies")) == len({each["ID"] for each in orthanc.ask("/studies?expand")})

    tags = orthanc.ask(f"/instances/{held['SEG']['Instances'][0]}/simplified-tags")
    assert (tags["PatientName"], tags["PatientID"], tags["AccessionNumber"]) == ("P1^Test", "P1", "A1")
    assert tags["ReferencedSeriesSequence"][0]["SeriesInstanceUID"] == "1.2.840.99999.1"
    assert orthanc.ask(f"/studies/{study}")["MainDicomTags"]["StudyInstanceUID"] == "1.2.840.99999.1.1"
    report = pydicom.dcmread(orthanc.file(held["SR"], tmp_path / "sr.dcm"))
    (named,) = report.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence[0].ReferencedSOPSequence
    assert named.ReferencedSOPInstanceUID == tags["SOPInstanceUID"]

    masks = masks_of(orthanc.file(held["SEG"], tmp_path / "seg.dcm"))
    image = nibabel.as_closest_canonical(nibabel.load(tmp_path / "first" / "o.nii.gz"))
    labels = np.asarray(image.dataobj).T
    labels = labels[labels.any(axis=(1, 2))]
    assert set(masks) == {"liver", "right kidney", "spleen", "pancreas", "left kidney"}
    for value, name in enumerate(("liver", "right kidney", "spleen", "pancreas", "left kidney"), 1):
        assert np.array_equal(masks[name], labels == value)


def test_the_archive_takes_labelmaps(orthanc: Orthanc, tmp_path: Path) -> None:
    series = segmented(tmp_path / "series", affine_ras())
    made = segmentation_object(series, labelmap=True)
    made.save_as(tmp_path / "seg.dcm")
    orthanc.store(*sorted((tmp_path / "series").iterdir()))
    orthanc.post((tmp_path / "seg.dcm").read_bytes())  # storescu of DCMTK 3.6.7 does not know their class
    held = orthanc.series(study_of(orthanc, "42"))
    assert set(held) == {"CT", "SEG"}
    assert pydicom.dcmread(orthanc.file(held["SEG"], tmp_path / "back.dcm")).PixelData == made.PixelData


def test_the_archive_keeps_a_contour_of_more_than_64_kilobytes(orthanc: Orthanc, tmp_path: Path) -> None:
    """With an explicit transfer syntax `storescu` and the archive would keep it as unknown."""
    made = structure_set(segmented(tmp_path / "series", affine_ras(), comb()))
    made.save_as(tmp_path / "rt.dcm", enforce_file_format=True)
    orthanc.store(tmp_path / "rt.dcm")
    uid = made.SOPInstanceUID
    (instance,) = (each for each in orthanc.ask("/instances?expand") if each["MainDicomTags"]["SOPInstanceUID"] == uid)
    back = pydicom.dcmread(BytesIO(orthanc.get(f"/instances/{instance['ID']}/file")))
    for contour, sent in zip(
        back.ROIContourSequence[0].ContourSequence, made.ROIContourSequence[0].ContourSequence, strict=True
    ):
        assert contour["ContourData"].VR == "DS"
        assert [str(value) for value in contour.ContourData] == [str(value) for value in sent.ContourData]


def test_the_example_watches_a_folder(orthanc: Orthanc, tmp_path: Path) -> None:
    write_phantom(tmp_path / "incoming" / "ct", "1.2.840.99999.2", "P2")
    orthanc.store(*sorted((tmp_path / "incoming" / "ct").iterdir()))
    study = study_of(orthanc, "P2")
    (tmp_path / "incoming" / "study.zip").write_bytes(orthanc.get(f"/studies/{study}/archive"))
    (tmp_path / "incoming" / "damaged.zip").write_bytes(b"PK\x03\x04 no archive")
    (tmp_path / "incoming" / "growing").mkdir()
    ahead = time.time() + 3600
    os.utime(tmp_path / "incoming" / "growing", (ahead, ahead))
    command = (
        ROOT / "examples" / "watch_folder.py", tmp_path / "incoming", tmp_path / "results",
        "--store", f"127.0.0.1:{orthanc.dicom}", "--called", _CALLED, "--settle", "0", "--once",
    )  # fmt: skip
    printed = python(*command)
    assert printed.count(": done") == 2
    names = {path.name for path in (tmp_path / "results").iterdir()}
    assert {"ct.dcm", "ct.rtstruct.dcm", "ct.sr.dcm", "ct.json", "ct.stored", "damaged.zip.failed"} <= names
    assert not any(name.startswith("growing") for name in names)
    (other,) = (name for name in names if name.startswith("study_series") and name.endswith(".stored"))
    held = orthanc.series(study)
    assert set(held) == {"CT", "SEG", "RTSTRUCT", "SR"}
    assert all(len(held[modality]["Instances"]) == 1 for modality in ("SEG", "RTSTRUCT", "SR"))
    assert python(*command) == ""
    (tmp_path / "results" / "ct.stored").unlink()
    (tmp_path / "results" / other).unlink()
    shutil.rmtree(tmp_path / "incoming" / "ct")
    assert python(*command).count(": done") == 1
