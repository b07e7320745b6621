"""Odd DICOM folders and files, as `flare predict` meets them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.dicom.series_writer import (
    CT,
    ENHANCED_CT,
    ORIGIN_LPS,
    SECONDARY_CAPTURE,
    STEP_MM,
    numbers,
    pydicom,
    write_multi_frame,
    write_series,
)
from tests.hostile.corpus import OddInput, check, names

Make = Callable[[Path], Sequence[str | Path]]
_LABELS = ("labels.json", "labels.nii.gz")
_BIG_ENDIAN = "1.2.840.10008.1.2.2"
_DEFLATED = "1.2.840.10008.1.2.1.99"
_RLE = "1.2.840.10008.1.2.5"


def predict(folder: Path, scan: str = "s") -> Sequence[str | Path]:
    return "predict", folder / scan, folder / "out" / "labels.nii.gz"


def series(change: Callable[[Path], object] | None = None, **options: Any) -> Make:
    """A series written with options; then its folder is changed."""

    def make(folder: Path) -> Sequence[str | Path]:
        write_series(folder / "s", **options)
        if change is not None:
            change(folder / "s")
        return predict(folder)

    return make


def each(keyword: str, value: Any, only: range = range(100)) -> Make:
    """A series with another value of a tag (None: without it) in some slices."""

    def change(dataset: Any, k: int) -> None:
        if k in only:
            if value is None:
                delattr(dataset, keyword)
            else:
                setattr(dataset, keyword, value)

    return series(each=change)


def spoilt(index: int, change: Callable[[bytes], bytes], **options: Any) -> Make:
    """A series whose slice of that index has other bytes."""

    def spoil(folder: Path) -> None:
        path = folder / f"IM{index:03d}.dcm"
        path.write_bytes(change(path.read_bytes()))

    return series(spoil, **options)


def beside(sop_class: str, image_type: str, modality: str = "CT", *, uid: str = "1.2.3.5", place: bool = True) -> Make:
    """A series with two other objects."""

    def other(dataset: Any, k: int) -> None:
        dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = sop_class
        dataset.ImageType, dataset.Modality = image_type.split("\\"), modality
        if not place:
            del dataset.ImagePositionPatient

    return series(
        lambda folder: write_series(folder, uid=uid, slices=range(2), name=lambda k: f"other{k}.dcm", each=other)
    )


def frames(**options: Any) -> Make:
    def make(folder: Path) -> Sequence[str | Path]:
        write_multi_frame(folder / "s" / "volume.dcm", **options)
        return predict(folder, "s/volume.dcm")

    return make


def place(position: Callable[[int], Sequence[float]]) -> Make:
    """A series whose slices lie elsewhere."""
    return series(each=lambda dataset, k: setattr(dataset, "ImagePositionPatient", numbers(position(k))))


def phases(folder: Path) -> None:
    write_series(
        folder,
        name=lambda k: f"second{k}.dcm",
        each=lambda dataset, k: (
            setattr(dataset, "AcquisitionNumber", 2),
            setattr(dataset, "PixelData", bytes(reversed(dataset.PixelData))),
        ),
    )


def tilted(degrees: float) -> dict[str, Any]:
    angle = np.radians(degrees)
    return {"orientation": (1, 0, 0, 0, np.cos(angle), np.sin(angle)), "step_lps": (0, 0, STEP_MM)}


def huge(dataset: Any, k: int) -> None:
    dataset.Rows = dataset.Columns = 65535


def enhanced_bomb(dataset: Any) -> None:
    dataset.Rows = dataset.Columns = 65535


def links(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()
        path.symlink_to("/nonexistent/annex")


def unknown_letters(folder: Path) -> None:
    for path in folder.iterdir():
        path.write_bytes(path.read_bytes().replace(b"ISO_IR 192", b"ISO_IR 999"))


def dicomdir(folder: Path) -> None:
    dataset = pydicom.Dataset()
    dataset.file_meta = pydicom.dataset.FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.1.3.10"
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = "1.2.3.99"
    dataset.save_as(folder / "DICOMDIR", enforce_file_format=True)


def second_run(folder: Path) -> Sequence[str | Path]:
    """Results of a first run lie beside the slices."""
    from typer.testing import CliRunner

    from flarecli.cli.main import app

    write_series(folder / "s")
    arguments = ["predict", str(folder / "s"), str(folder / "s" / "organs.nii.gz")]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    return *arguments, "--overwrite"


def single(folder: Path) -> Sequence[str | Path]:
    write_series(folder / "s")
    return predict(folder, "s/IM003.dcm")


def empty(folder: Path) -> Sequence[str | Path]:
    (folder / "s").mkdir()
    return predict(folder)


def only(path_in_series: str) -> Make:
    def make(folder: Path) -> Sequence[str | Path]:
        write_series(folder / "unused")
        (folder / "s").mkdir()
        (folder / "s" / path_in_series).write_bytes(b"no picture")
        return predict(folder)

    return make


_HEADER_ERROR = "Export the series again"

CORPUS = [
    # Stored soundly, however oddly.
    OddInput("as written", series(), 0, (), _LABELS),
    OddInput("big endian", series(syntax=_BIG_ENDIAN, each=lambda dataset, k: _swap(dataset)), 0, (), _LABELS),
    OddInput("deflated", series(syntax=_DEFLATED), 0, (), _LABELS),
    OddInput("run-length encoded", series(compress=_RLE), 0, (), _LABELS),
    OddInput("without suffixes", series(name=lambda k: f"{k:08d}"), 0, (), _LABELS),
    OddInput("names are UIDs", series(name=lambda k: f"1.2.840.{k * 17}.{k}"), 0, (), _LABELS),
    OddInput("two patients", each("PatientID", "SECRET-2", range(4)), 0, ("2 different Patient IDs",), _LABELS),
    OddInput("without series UID", each("SeriesInstanceUID", None), 0, (), _LABELS),
    OddInput("without instance numbers", each("InstanceNumber", None), 0, (), _LABELS),
    OddInput("one instance UID for all", each("SOPInstanceUID", "1.2.3"), 0, (), _LABELS),
    OddInput("wrong thickness", each("SliceThickness", "50"), 0, (), _LABELS),
    OddInput(
        "unknown character set",
        series(unknown_letters, each=lambda dataset, k: setattr(dataset, "SpecificCharacterSet", "ISO_IR 192")),
        0,
        (),
        _LABELS,
    ),
    OddInput("intercept changes", series(intercept=lambda k: -1024.0 - k), 0, (), _LABELS),
    OddInput("slope in fractions", series(slope=lambda k: 0.5), 0, (), _LABELS),
    OddInput("positions rounded", place(lambda k: (-10, -20, round(100 + 4.9375 * k, 1))), 0, (), _LABELS),
    OddInput("feet first", series(orientation=(-1, 0, 0, 0, 1, 0)), 0, (), _LABELS),
    OddInput("coronal", series(orientation=(1, 0, 0, 0, 0, -1)), 0, (), _LABELS),
    OddInput("gantry tilted", series(**tilted(12)), 0, ("tilted by 12.0°", "rectangular grid"), _LABELS),
    OddInput("enhanced CT as a file", frames(), 0, (), _LABELS),
    OddInput("enhanced CT compressed", frames(compress=_RLE), 0, (), _LABELS),
    # Beside the scan.
    OddInput(
        "localizer in the series",
        beside(CT, "ORIGINAL\\PRIMARY\\LOCALIZER", uid="1.2.3.4"),
        0,
        ("2 × localizer",),
        _LABELS,
    ),
    OddInput(
        "screen captures",
        beside(SECONDARY_CAPTURE, "DERIVED\\SECONDARY\\SCREEN SAVE", place=False),
        0,
        ("2 × Secondary Capture",),
        _LABELS,
    ),
    OddInput("MPR", beside(CT, "DERIVED\\SECONDARY\\MPR"), 0, ("2 × reformatted slice",), _LABELS),
    OddInput("PET", beside("1.2.840.10008.5.1.4.1.1.128", "ORIGINAL\\PRIMARY", "PT"), 0, ("Positron",), _LABELS),
    OddInput("DICOMDIR", series(dicomdir), 0, ("1 × DICOMDIR",), _LABELS),
    OddInput("notes", series(lambda folder: (folder / "notes.txt").write_bytes(b"x")), 0, ("notes.txt",), _LABELS),
    OddInput("empty notes", series(lambda folder: (folder / "notes.txt").touch()), 0, ("notes.txt",), _LABELS),
    OddInput("subfolder", series(lambda folder: (folder / "deeper").mkdir()), 0, ("subfolder", "deeper"), _LABELS),
    OddInput("FIFO", series(lambda folder: os.mkfifo(folder / "pipe.dcm")), 0, ("pipe.dcm",), _LABELS),
    OddInput(
        "copies",
        series(lambda folder: shutil.copy(folder / "IM003.dcm", folder / "copy.dcm")),
        0,
        ("1 duplicate slice was",),
        _LABELS,
    ),
    OddInput("results beside the slices", second_run, 0, ("organs.nii.gz",)),
    # No scan.
    OddInput("empty folder", empty, 3),
    OddInput("folder without DICOM", only("notes.txt"), 3),
    OddInput("suffix of DICOM, nothing else", only("x.dcm"), 3, ("x.dcm",)),
    OddInput("single slice of a folder", single, 3, ("single DICOM file",)),
    OddInput("single slice in a folder", series(slices=[4]), 3, ("single slice",)),
    OddInput("only MR", each("Modality", "MR"), 3, ("no CT scan", "modality MR")),
    OddInput("only links to nothing", series(links), 3, ("link to a file that is not there",)),
    OddInput("two phases", series(phases), 3, ("several acquisitions or phases", "Acquisition Number")),
    # Damaged.
    *(
        OddInput(f"{what} slice, {where}", spoilt(index, change), 3, (f"IM{index:03d}.dcm", "cannot be read"))
        for what, change in {
            "cut": lambda content: content[:-40],
            "empty": lambda content: b"",
            "zeroed": lambda content: bytes(len(content)),
            "headless": lambda content: content[500:],
        }.items()
        for where, index in {"first": 0, "last": 8}.items()
    ),
    OddInput("deflated data damaged", spoilt(4, lambda content: content[:-60], syntax=_DEFLATED), 3, ("IM004.dcm",)),
    OddInput("run lengths damaged", spoilt(4, lambda content: content[:-60], compress=_RLE), 3, ("IM004.dcm",)),
    OddInput("enhanced CT cut", frames(change=lambda dataset: setattr(dataset, "PixelData", b"\0\0")), 3, ("length",)),
    # Geometry and values.
    *(
        OddInput(f"{keyword} missing", each(keyword, None), 3, (tag, "is missing", _HEADER_ERROR))
        for keyword, tag in {
            "PixelSpacing": "0028,0030",
            "ImageOrientationPatient": "0020,0037",
            "ImagePositionPatient": "0020,0032",
            "RescaleSlope": "0028,1053",
            "RescaleIntercept": "0028,1052",
            "PixelRepresentation": "0028,0103",
        }.items()
    ),
    OddInput("pixel spacing 0", each("PixelSpacing", ["0", "0"]), 3, ("0028,0030", "is invalid")),
    OddInput("pixel spacing 0.001", each("PixelSpacing", ["0.001", "0.001"]), 3, ("voxel size",)),
    OddInput("orientation 0", each("ImageOrientationPatient", ["0"] * 6), 3, ("0020,0037", "is invalid")),
    OddInput("spacing changes", each("PixelSpacing", ["2", "2"], range(5, 9)), 3, ("differ", "0028,0030", "IM005")),
    OddInput(
        "orientation changes",
        each("ImageOrientationPatient", ["-1", "0", "0", "0", "-1", "0"], range(5, 9)),
        3,
        ("differ", "0020,0037"),
    ),
    OddInput("slope 0", each("RescaleSlope", "0"), 3, ("0028,1053",)),
    OddInput("colours", each("PhotometricInterpretation", "RGB"), 3, ("0028,0004",)),
    OddInput("not in HU", each("RescaleType", "MGML"), 3, ("0028,1054", "MGML")),
    OddInput("offset left out", each("RescaleIntercept", "0"), 3, ("HU",)),
    OddInput("slice missing", series(slices=[0, 1, 2, 4, 5, 6, 7, 8]), 3, ("slices are missing", "10.00 mm")),
    OddInput("slices doubled", place(lambda k: (-10, -20, 100 + k // 2 * 5)), 3, ("lie at the same position",)),
    OddInput("all at one place", place(lambda k: ORIGIN_LPS), 3, ("lie at the same position",)),
    OddInput("steps grow", place(lambda k: (-10, -20, 100 + 5 * k + k * k / 4)), 3, ("unevenly spaced",)),
    OddInput("tilted by 40 degrees", series(**tilted(40)), 3, ("40.0°", "more than a gantry tilt")),
    # More than the file holds, or the machine.
    OddInput("rows and columns of 65535", series(each=huge), 3, ("7fe0,0010", "286 bytes")),
    OddInput("frames of 65535 squared", frames(change=enhanced_bomb), 3, ("length",)),
    OddInput(
        "two thousand million frames",
        frames(change=lambda d: setattr(d, "NumberOfFrames", 2**31 - 1)),
        3,
        ("(5200,9230) has 9",),
    ),
    OddInput(
        "enhanced without frames",
        series(slices=[0], each=lambda d, k: setattr(d, "SOPClassUID", ENHANCED_CT)),
        3,
        ("single slice",),
    ),
]


def _swap(dataset: Any) -> None:
    dataset.PixelData = np.frombuffer(dataset.PixelData, "<u2").astype(">u2").tobytes()


@pytest.mark.filterwarnings("ignore:Unknown encoding")  # of pydicom; the command filters it
@pytest.mark.usefixtures("threshold_system")
@pytest.mark.parametrize("entry", CORPUS, ids=names(CORPUS))
def test_odd_dicom(tmp_path: Path, entry: OddInput) -> None:
    check(entry, tmp_path)
