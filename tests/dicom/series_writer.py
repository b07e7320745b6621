"""Small DICOM series, written with pydicom: sound ones, to be spoilt by the tests."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.synthetic_ct import ct_voxels

pydicom = pytest.importorskip("pydicom", reason="needs the extra io: pip install 'flarecli[io]'")

from pydicom.dataset import Dataset, FileMetaDataset  # noqa: E402
from pydicom.sequence import Sequence as Items  # noqa: E402
from pydicom.uid import ExplicitVRLittleEndian, generate_uid  # noqa: E402

CT = "1.2.840.10008.5.1.4.1.1.2"
ENHANCED_CT = f"{CT}.1"
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
SHAPE = (9, 11, 13)
SPACING_MM = (4.5, 4.0)  # between rows, between columns
STEP_MM = 5.0
ORIGIN_LPS = (-10.0, -20.0, 100.0)
AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)

Each = Callable[[Any, int], None]


def numbers(values: Iterable[float]) -> list[str]:
    """Decimal strings of at most 16 characters."""
    return [f"{value:.10g}" for value in values]


def header(uid: str, k: int, *, sop_class: str = CT) -> Any:
    """What every object of these tests holds."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = sop_class
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=[uid, str(k)])
    dataset.Modality, dataset.ImageType = "CT", ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.PatientName, dataset.PatientID, dataset.PatientBirthDate = "Secret^Person", "SECRET-ID", "19700101"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.FrameOfReferenceUID = "1.2.3", uid, "1.2.3.9"
    dataset.SeriesDescription, dataset.SeriesNumber = "Abdomen", 2
    dataset.InstanceNumber, dataset.AcquisitionNumber = k + 1, 1
    return dataset


def put_pixels(dataset: Any, stored: np.ndarray, *, bits: int = 16) -> None:
    """Stored values of one slice or of several frames."""
    dataset.Rows, dataset.Columns = stored.shape[-2:]
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated = stored.dtype.itemsize * 8
    dataset.BitsStored, dataset.HighBit = bits, bits - 1
    dataset.PixelRepresentation = int(stored.dtype.kind == "i")
    dataset.PixelData = np.ascontiguousarray(stored).tobytes()
    dataset["PixelData"].VR = "OW"


def write_series(
    folder: Path,
    voxels: np.ndarray | None = None,
    *,
    uid: str = "1.2.3.4",
    orientation: Sequence[float] = AXIAL,
    step_lps: Sequence[float] | None = None,
    spacing_mm: Sequence[float] = SPACING_MM,
    slices: Iterable[int] | None = None,
    name: Callable[[int], str] = lambda k: f"IM{k:03d}.dcm",
    signed: bool = False,
    slope: Callable[[int], float] = lambda k: 1.0,
    intercept: Callable[[int], float] = lambda k: -1024.0,
    each: Each | None = None,
    syntax: str = ExplicitVRLittleEndian,
    compress: str | None = None,
) -> np.ndarray:
    """Write slices in the order of their positions; returns the HU, shape (slices, rows, columns)."""
    folder.mkdir(parents=True, exist_ok=True)
    voxels = np.maximum(ct_voxels(SHAPE) if voxels is None else voxels, -1024)
    row, column = np.array(orientation[:3]), np.array(orientation[3:])
    step = STEP_MM * np.cross(row, column) if step_lps is None else np.array(step_lps)
    for k in range(len(voxels)) if slices is None else slices:
        dataset = header(uid, k)
        dataset.ImagePositionPatient = numbers(np.array(ORIGIN_LPS) + k * step)
        dataset.ImageOrientationPatient = numbers(orientation)
        dataset.PixelSpacing = numbers(spacing_mm)
        dataset.SliceThickness = "5"
        dataset.RescaleSlope, dataset.RescaleIntercept = numbers([slope(k), intercept(k)])
        dataset.RescaleType = "HU"
        stored = np.rint((voxels[k] - intercept(k)) / slope(k)).astype(np.int16 if signed else np.uint16)
        put_pixels(dataset, stored)
        dataset.file_meta.TransferSyntaxUID = syntax
        if each is not None:
            each(dataset, k)
        if compress is not None:
            dataset.compress(compress, generate_instance_uid=False)
        dataset.save_as(folder / name(k), enforce_file_format=True)
    return voxels


def item(**values: Any) -> Any:
    """An item of a sequence."""
    made = Dataset()
    for keyword, value in values.items():
        setattr(made, keyword, value)
    return made


def write_multi_frame(
    path: Path,
    voxels: np.ndarray | None = None,
    *,
    positions_lps: np.ndarray | None = None,
    intercept: Callable[[int], float] | None = None,
    each_frame: Each | None = None,
    change: Callable[[Any], None] | None = None,
    compress: str | None = None,
) -> np.ndarray:
    """Write an enhanced CT image; returns its HU. With `intercept` each frame has a rescale of its own."""
    path.parent.mkdir(parents=True, exist_ok=True)
    voxels = np.maximum(ct_voxels(SHAPE) if voxels is None else voxels, -1024)
    if positions_lps is None:
        positions_lps = np.array([np.add(ORIGIN_LPS, (0, 0, k * STEP_MM)) for k in range(len(voxels))])
    dataset = header("1.2.3.4", 0, sop_class=ENHANCED_CT)
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]
    dataset.NumberOfFrames = len(voxels)
    shared = item(
        PixelMeasuresSequence=Items([item(PixelSpacing=numbers(SPACING_MM), SliceThickness="5")]),
        PlaneOrientationSequence=Items([item(ImageOrientationPatient=numbers(AXIAL))]),
    )
    if intercept is None:
        shared.PixelValueTransformationSequence = Items([_rescale(-1024)])
    dataset.SharedFunctionalGroupsSequence = Items([shared])
    frames = []
    for k, position in enumerate(positions_lps):
        frame = item(
            PlanePositionSequence=Items([item(ImagePositionPatient=numbers(position))]),
            FrameContentSequence=Items([item(StackID="1", InStackPositionNumber=k + 1)]),
        )
        if intercept is not None:
            frame.PixelValueTransformationSequence = Items([_rescale(intercept(k))])
        if each_frame is not None:
            each_frame(frame, k)
        frames.append(frame)
    dataset.PerFrameFunctionalGroupsSequence = Items(frames)
    offsets = np.array([-1024 if intercept is None else intercept(k) for k in range(len(voxels))])
    put_pixels(dataset, (voxels - offsets[:, None, None]).astype(np.uint16))
    if change is not None:
        change(dataset)
    if compress is not None:
        dataset.compress(compress, generate_instance_uid=False)
    dataset.save_as(path, enforce_file_format=True)
    return voxels


def _rescale(intercept: float) -> Any:
    return item(RescaleIntercept=f"{intercept:g}", RescaleSlope="1", RescaleType="HU")
