"""Headers of a small CT series, as results refer to them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

from flarecli.dicom.results.origin import Origin
from flarecli.dicom.results.segmented_series import SegmentedSeries
from flarecli.dicom.results.sources import source_series

ORIGIN = Origin("flarelite", "0.2.0", {"locate": "a" * 64, "refine": "b" * 64})

SHAPE = (7, 24, 30)
"""Slices, rows, columns."""


def affine_ras(directions: np.ndarray | None = None) -> np.ndarray:
    """Index (column, row, slice) to world mm; axial and LPS unless turned."""
    matrix = np.eye(4)
    matrix[:3, :3] = (np.diag([-1.0, -1.0, 1.0]) if directions is None else directions) * (1.5, 1.25, 4.0)
    matrix[:3, 3] = (20.0, 15.0, -40.0)
    return matrix


def headers(placed: np.ndarray, shape: tuple[int, ...] = SHAPE) -> list[pydicom.Dataset]:
    """A header for each slice, without pixels."""
    lps = np.diag([-1.0, -1.0, 1.0, 1.0]) @ placed
    steps = np.linalg.norm(lps[:3, :3], axis=0)
    study, series, frame = generate_uid(), generate_uid(), generate_uid()
    slices = []
    for k in range(shape[0]):
        header = pydicom.Dataset()
        header.SOPClassUID, header.SOPInstanceUID = CTImageStorage, generate_uid()
        header.StudyInstanceUID, header.SeriesInstanceUID, header.FrameOfReferenceUID = study, series, frame
        header.PatientName, header.PatientID, header.PatientBirthDate, header.PatientSex = "Doe^Jane", "42", "", "F"
        header.StudyDate, header.StudyTime, header.StudyID, header.AccessionNumber = "20200102", "101112", "1", ""
        header.ReferringPhysicianName = header.PositionReferenceIndicator = ""
        header.Modality, header.SeriesNumber, header.InstanceNumber = "CT", 3, k + 1
        header.Rows, header.Columns = shape[1:]
        header.PixelSpacing = [float(steps[1]), float(steps[0])]
        header.SliceThickness = float(steps[2])
        header.ImageOrientationPatient = [*(lps[:3, 0] / steps[0]), *(lps[:3, 1] / steps[1])]
        header.ImagePositionPatient = [float(value) for value in (lps @ [0, 0, k, 1])[:3]]
        header.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
        slices.append(header)
    return slices


def labels() -> np.ndarray:
    """Organs with a hole, an island, a single voxel, and voxels in the first and last slice; no pancreas."""
    found = np.zeros(SHAPE, np.uint8)
    found[0:4, 4:16, 3:15] = 1
    found[1:3, 8:11, 7:10] = 0
    found[6, 20:23, 2:5] = 1
    found[2:5, 5:10, 20:26] = 2
    found[2:5, 14:19, 20:26] = 5
    found[3, 21, 27] = 3
    return found


def comb() -> np.ndarray:
    """A liver whose contour in the middle one of three slices has more than 64 kB of Contour Data."""
    found = np.zeros((3, 64, 300), np.uint8)
    found[:, 2:5, 2:299] = 1
    found[1, 5:62, 2:299:2] = 1
    return found


def written(folder: Path, headers: list[pydicom.Dataset]) -> list[Path]:
    """The headers as files, in their order."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{k:03d}.dcm" for k in range(len(headers))]
    for path, header in zip(paths, headers, strict=True):
        header.file_meta = pydicom.dataset.FileMetaDataset()
        header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        header.file_meta.MediaStorageSOPClassUID = CTImageStorage
        header.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        header.save_as(path, enforce_file_format=True)
    return paths


def segmented(
    folder: Path, placed: np.ndarray, found: np.ndarray | None = None, *, are_kidneys_fused: bool = False
) -> SegmentedSeries:
    """A label map on such a series."""
    label_map = labels() if found is None else found
    files = sorted(folder.glob("*.dcm")) or written(folder, headers(placed, label_map.shape))
    source = source_series(files)
    return SegmentedSeries(label_map, placed, source, ORIGIN, are_kidneys_fused=are_kidneys_fused)
