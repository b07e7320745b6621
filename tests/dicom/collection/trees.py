"""Trees of DICOM files with several patients, studies and series."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from flarecli.dicom.collection.catalogue import Catalogue
from flarecli.dicom.collection.series_reading import find_series_of
from tests.dicom.series_writer import SHAPE, header, put_pixels, write_series
from tests.synthetic_ct import ct_voxels

Change = Callable[[Any, int], None]


def put_series(
    folder: Path,
    *,
    patient: str = "P1",
    study: str = "1.2.1",
    series: str = "1.2.1.4",
    number: int = 4,
    seed: int = 0,
    change: Change | None = None,
    **options: Any,
) -> np.ndarray:
    """A CT series of a patient; returns its HU."""

    def each(dataset: Any, k: int) -> None:
        dataset.PatientID, dataset.PatientName = patient, f"{patient}^Name"
        dataset.StudyInstanceUID, dataset.SeriesNumber = study, number
        dataset.FrameOfReferenceUID = f"{study}.9"
        dataset.ConvolutionKernel, dataset.SliceThickness = "B30f", "5"
        if change is not None:
            change(dataset, k)

    return write_series(folder, ct_voxels(SHAPE, seed), uid=series, each=each, **options)


def put_localizer(folder: Path, *, study: str = "1.2.1", name: str = "SCOUT.dcm") -> None:
    """A localizer of one picture."""
    folder.mkdir(parents=True, exist_ok=True)
    dataset = header(f"{study}.1", 0)
    dataset.ImageType, dataset.StudyInstanceUID = ["ORIGINAL", "PRIMARY", "LOCALIZER"], study
    dataset.SeriesDescription, dataset.SeriesNumber = "Topogram", 1
    put_pixels(dataset, np.zeros((8, 8), np.uint16))
    dataset.save_as(folder / name, enforce_file_format=True)


def put_tree(folder: Path) -> dict[str, np.ndarray]:
    """Two patients, three studies, four scans in a layout of their own each; and what is no scan."""
    scans = {
        "P1 portal": put_series(folder / "p1" / "study 1" / "series 4"),
        "P1 late": put_series(folder / "p1" / "study 1" / "series 5", series="1.2.1.5", number=5, seed=1),
        "P1 second": put_series(folder / "p1" / "x", study="1.2.2", series="1.2.2.4", seed=2, name=lambda k: f"I{k}"),
        "P2": put_series(folder / "p2", patient="P2", study="1.2.3", series="1.2.3.4", seed=3),
    }
    put_localizer(folder / "p1" / "study 1")
    put_series(
        folder / "p1" / "study 1" / "mpr",
        series="1.2.1.6",
        number=6,
        change=lambda dataset, _: setattr(dataset, "ImageType", ["DERIVED", "SECONDARY", "MPR"]),
    )
    (folder / "p2" / "report.pdf").write_bytes(b"%PDF-1.4")
    return scans


def zipped(folder: Path, archive: Path) -> Path:
    """A zip archive of a folder, the folder's own name within."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                file.write(path, path.relative_to(folder.parent))
    return archive


def voxels_of(found: Catalogue) -> dict[str, np.ndarray]:
    """HU of every scan that was found, by its name."""
    return {entry.name: find_series_of(entry.files).read()[0] for entry in found.scans}
