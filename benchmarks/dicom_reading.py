"""How long a DICOM series takes to be read, against NIfTI files of the same voxels.

Usage:
    python -m benchmarks.dicom_reading [--scan scan.nii.gz] [--slices 130] [--rounds 7] [--table FILE]

Slices have headers as scanners write them: about 150 elements, sequences, and private elements of 8 kB. The scan is
read in turns as a series, as NIfTI without compression and as NIfTI with gzip, all with the same axes; each time
`read_volume` with all its checks. Medians over the rounds. A scan of fewer slices is repeated to and fro.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from flarecli.files.atomic import write_json
from flarecli.phantom import make_phantom
from flarecli.volume import read_volume
from flarecli.volume.nifti import write_nifti
from flarecli.volume.source import SourceGeometry

SIZE = 512
SPACING_MM = 0.78
STEP_MM = 2.5


def main() -> None:
    """Run the measurement."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scan", type=Path, help="a scan; a phantom of 512 × 512 where none is given")
    parser.add_argument("--slices", type=int, default=130)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--table", type=Path, help="JSON file to write")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="flare-reading-") as folder:
        sources = _written(Path(folder), _voxels(arguments.scan, arguments.slices))
        times = _measured(sources, arguments.rounds)
    medians = {name: statistics.median(seconds) for name, seconds in times.items()}
    for name, seconds in medians.items():
        others = ", ".join(f"{seconds / other:.2f} × {kind}" for kind, other in medians.items() if kind != name)
        print(f"{name:8} {seconds:6.3f} s  ({others})")
    if arguments.table is not None:
        write_json(arguments.table, {"slices": arguments.slices, "seconds": times, "medians": medians})


def _voxels(scan: Path | None, slices: int) -> np.ndarray:
    if scan is None:
        made = make_phantom(0, shape_zyx=(slices, SIZE, SIZE), spacing_mm=(STEP_MM, SPACING_MM, SPACING_MM))
        return np.maximum(made.voxels, -1024)
    voxels = read_volume(scan).voxels
    there_and_back = np.concatenate([voxels, voxels[::-1]])
    return np.maximum(there_and_back[np.arange(slices) % len(there_and_back)], -1024)


def _written(folder: Path, voxels: np.ndarray) -> dict[str, Path]:
    planes = np.ascontiguousarray(voxels[:, ::-1, ::-1])
    stored = planes.transpose(2, 1, 0)
    source = SourceGeometry.of_affine(stored.shape, np.diag([-SPACING_MM, -SPACING_MM, STEP_MM, 1.0]))
    sources = {"series": folder / "series", "nii": folder / "scan.nii", "nii.gz": folder / "scan.nii.gz"}
    for name in ("nii", "nii.gz"):
        write_nifti(sources[name], source.nifti_header, stored)
    sources["series"].mkdir()
    for k, plane in enumerate(planes):
        _slice(plane, k).save_as(sources["series"] / f"IM{k:04d}.dcm", enforce_file_format=True)
    return sources


def _measured(sources: dict[str, Path], rounds: int) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {name: [] for name in sources}
    for path in sources.values():
        read_volume(path)  # imports, and the files into memory
    for _ in range(rounds):
        for name, path in sources.items():
            started = time.perf_counter()
            read_volume(path)
            times[name].append(time.perf_counter() - started)
    return times


def _slice(plane: np.ndarray, k: int) -> Any:
    """A slice with the elements of a scanner's."""
    from pydicom import Dataset
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian

    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    uid = "1.3.12.2.1107.5.1.4.50025.30000005060106560000000"
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = f"{uid}{k:05d}"
    for keyword, value in _TEXTS.items():
        setattr(dataset, keyword, value)
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = f"{uid}1", f"{uid}2"
    dataset.FrameOfReferenceUID = f"{uid}3"
    dataset.InstanceNumber, dataset.SeriesNumber, dataset.AcquisitionNumber = k + 1, 4, 2
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL", "CT_SOM5 SPI"]
    dataset.PixelSpacing, dataset.SliceThickness = [SPACING_MM, SPACING_MM], str(STEP_MM)
    dataset.ImagePositionPatient = ["-199.61", "-199.61", f"{-325 + k * STEP_MM:g}"]
    dataset.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    dataset.SliceLocation = f"{-325 + k * STEP_MM:g}"
    dataset.RescaleIntercept, dataset.RescaleSlope, dataset.RescaleType = "-1024", "1", "HU"
    dataset.WindowCenter, dataset.WindowWidth = [60, -500], [400, 1500]
    dataset.WindowCenterWidthExplanation = ["WINDOW1", "WINDOW2"]
    dataset.SourceImageSequence = [_reference(f"{uid}9{k:04d}{n}") for n in range(3)]
    dataset.ReferencedStudySequence = [_reference(f"{uid}8")]
    dataset.ProcedureCodeSequence = [_code("CTABDPEL", "99LOCAL", "CT abdomen and pelvis")]
    dataset.RequestAttributesSequence = [_request()]
    for group in (0x0019, 0x0029):
        block = dataset.private_block(group, "SIEMENS CT VA0  COAD", create=True)
        for element in range(0x10, 0x28):
            block.add_new(element, "DS", ["12.5", "0.33", str(k)])
    dataset.private_block(0x0029, "SIEMENS CSA HEADER", create=True).add_new(0x10, "OB", bytes(range(256)) * 32)
    dataset.Rows, dataset.Columns = plane.shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 12, 11, 0
    dataset.SmallestImagePixelValue = dataset.LargestImagePixelValue = None
    dataset.PixelData = np.clip(plane + 1024, 0, 4095).astype("<u2").tobytes()
    dataset["PixelData"].VR = "OW"
    return dataset


def _reference(uid: str) -> Any:
    from pydicom import Dataset

    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", uid
    return item


def _code(value: str, scheme: str, meaning: str) -> Any:
    from pydicom import Dataset

    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


def _request() -> Any:
    from pydicom import Dataset

    item = Dataset()
    item.RequestedProcedureDescription, item.ScheduledProcedureStepID = "CT abdomen", "SPS1"
    item.RequestedProcedureID = "RP1"
    item.ScheduledProtocolCodeSequence = [_code("P1", "99LOCAL", "Abdomen routine")]
    return item


_TEXTS: dict[str, Any] = {
    "SpecificCharacterSet": "ISO_IR 100",
    **dict.fromkeys(("InstanceCreationDate", "StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate"), "20200102"),
    **dict.fromkeys(("InstanceCreationTime", "StudyTime", "SeriesTime", "AcquisitionTime", "ContentTime"), "101112.5"),
    "AccessionNumber": "A1",
    "Modality": "CT",
    "Manufacturer": "SIEMENS",
    "InstitutionName": "Hospital",
    "InstitutionAddress": "Street 1, Town",
    "ReferringPhysicianName": "Doctor^A",
    "StationName": "CT1",
    "StudyDescription": "Abdomen^Routine",
    "SeriesDescription": "Abdomen 2.5 B30f",
    "InstitutionalDepartmentName": "Radiology",
    "PhysiciansOfRecord": "Doctor^B",
    "PerformingPhysicianName": "Doctor^C",
    "OperatorsName": "Operator",
    "ManufacturerModelName": "Sensation 64",
    "PatientName": "Example^Patient",
    "PatientID": "1",
    "PatientBirthDate": "19700101",
    "PatientSex": "F",
    "PatientAge": "050Y",
    "PatientWeight": "70",
    "BodyPartExamined": "ABDOMEN",
    "ContrastBolusAgent": "Contrast",
    "ScanOptions": "SPI",
    "KVP": "120",
    "DataCollectionDiameter": "500",
    "DeviceSerialNumber": "50025",
    "SoftwareVersions": "syngo CT 2007A",
    "ProtocolName": "AbdomenRoutine",
    "ReconstructionDiameter": "400",
    "DistanceSourceToDetector": "1040",
    "DistanceSourceToPatient": "570",
    "GantryDetectorTilt": "0",
    "TableHeight": "150",
    "RotationDirection": "CW",
    "ExposureTime": "500",
    "XRayTubeCurrent": "220",
    "Exposure": "110",
    "FilterType": "0",
    "GeneratorPower": "40",
    "FocalSpots": "1.2",
    "DateOfLastCalibration": "20200101",
    "TimeOfLastCalibration": "050000.5",
    "ConvolutionKernel": "B30f",
    "PatientPosition": "HFS",
    "StudyID": "1",
    "ImageComments": "",
    "PositionReferenceIndicator": "",
}


if __name__ == "__main__":
    main()
