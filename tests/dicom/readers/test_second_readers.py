"""Other programs read back from the DICOM results what went in: masks, contours, numbers."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

pytest.importorskip("highdicom", reason="needs highdicom (pip install 'flarecli[dicom]')")
pydicom = pytest.importorskip("pydicom")
sitk = pytest.importorskip("SimpleITK")

from flarecli.dicom.results.report import measurement_report  # noqa: E402
from flarecli.dicom.results.segmentation_object import segmentation_object  # noqa: E402
from flarecli.dicom.results.segmented_series import SegmentedSeries  # noqa: E402
from flarecli.dicom.results.segments import SEGMENTS  # noqa: E402
from flarecli.dicom.results.structure_set import structure_set  # noqa: E402
from tests.dicom.readers.programs import path_of, run  # noqa: E402
from tests.dicom.results.series import SHAPE, affine_ras, comb, labels, segmented  # noqa: E402
from tests.dicom.series_writer import put_pixels, write_series  # noqa: E402
from tests.synthetic_ct import rotation  # noqa: E402

PLACES = {
    "axial": affine_ras(),
    "head last, prone": affine_ras(np.diag([1.0, 1.0, -1.0])),
    "oblique": affine_ras(rotation((9, 4, 3)) @ np.diag([-1.0, -1.0, 1.0])),
}
NAMES = ["liver", "right kidney", "spleen", "left kidney"]
PRESENT = [segment for segment in SEGMENTS if segment.label in NAMES]


def on_series(image: Any, placed: np.ndarray) -> np.ndarray:
    """An image of SimpleITK on the voxels of the series, shape (slices, rows, columns)."""
    lps = np.diag([-1.0, -1.0, 1.0, 1.0]) @ placed
    steps = np.linalg.norm(lps[:3, :3], axis=0)
    grid = sitk.Image([SHAPE[2], SHAPE[1], SHAPE[0]], sitk.sitkUInt8)
    grid.SetSpacing(steps.tolist())
    grid.SetOrigin(lps[:3, 3].tolist())
    grid.SetDirection((lps[:3, :3] / steps).ravel().tolist())
    return np.asarray(sitk.GetArrayFromImage(sitk.Resample(image, grid, sitk.Transform(), sitk.sitkNearestNeighbor, 0)))


def series_in(folder: Path, place: str = "axial") -> SegmentedSeries:
    return segmented(folder / "series", PLACES[place])


def saved(path: Path, dataset: Any) -> Path:
    dataset.save_as(path, enforce_file_format=True)
    return path


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("labelmap", [False, True])
def test_dcmqi_reads_the_segments(tmp_path: Path, place: str, labelmap: bool) -> None:
    path = saved(tmp_path / "seg.dcm", segmentation_object(series_in(tmp_path, place), labelmap=labelmap))
    (tmp_path / "read").mkdir()
    run("segimage2itkimage", "--inputDICOM", path, "--outputDirectory", tmp_path / "read", "-t", "nrrd")
    back = np.zeros(SHAPE, np.uint8)
    described = json.loads((tmp_path / "read" / "meta.json").read_text())["segmentAttributes"]
    for number, image in enumerate(sorted((tmp_path / "read").glob("*.nrrd"), key=lambda file: int(file.stem))):
        found = on_series(sitk.ReadImage(str(image)), PLACES[place])
        for facts in described[number]:
            (segment,) = (each for each in SEGMENTS if each.label == facts["SegmentLabel"])
            value = facts["labelID"] if len(described[number]) > 1 or labelmap else found.max()
            back[found == value] = segment.number
            code = facts["SegmentedPropertyTypeCodeSequence"]
            assert code["CodeValue"] == segment.property_type.value
            if segment.laterality is not None:
                modifier = facts["SegmentedPropertyTypeModifierCodeSequence"]
                assert modifier["CodeValue"] == segment.laterality.value
    assert np.array_equal(back, labels())


def test_dcmqi_reads_the_report(tmp_path: Path) -> None:
    measured = {segment.number: (100.0 + segment.number, 40.5) for segment in SEGMENTS}
    path = saved(tmp_path / "sr.dcm", measurement_report(series_in(tmp_path), measured, {1: "good"}))
    run("tid1500reader", "--inputDICOM", path, "--outputMetadata", tmp_path / "read.json")
    groups = json.loads((tmp_path / "read.json").read_text())["Measurements"]
    found = {
        group["TrackingIdentifier"]: {
            item["quantity"]["CodeMeaning"]: (float(item["value"]), item["units"]["CodeValue"])
            for item in group["measurementItems"]
        }
        for group in groups
    }
    assert found == {
        segment.label: {
            "Volume": (100.0 + segment.number, "mL"),
            "Attenuation Coefficient": (40.5, "[hnsf'U]"),
        }
        for segment in PRESENT
    }
    assert groups[1]["FindingSite"]["CodeMeaning"] == "Kidney"


@pytest.mark.parametrize("place", PLACES)
def test_dcm2niix_reads_a_labelmap_as_a_volume(tmp_path: Path, place: str) -> None:
    """It knows nothing of segmentations: of BINARY ones it makes a stack of all segments' frames."""
    series = series_in(tmp_path, place)
    (tmp_path / "only").mkdir()
    saved(tmp_path / "only" / "seg.dcm", segmentation_object(series, labelmap=True))
    run("dcm2niix", "-f", "read", "-o", tmp_path, tmp_path / "only")
    (path,) = tmp_path.glob("read*.nii")
    found = on_series(sitk.ReadImage(str(path)), PLACES[place])
    back = np.zeros(SHAPE, np.uint8)
    for number, segment in enumerate(PRESENT, 1):
        back[found == number] = segment.number
    assert np.array_equal(back, labels())


def test_gdcm_reads_the_frames_of_a_segmentation(tmp_path: Path) -> None:
    """SimpleITK reads BINARY as a stack of all frames; each lies where its header says."""
    series = series_in(tmp_path)
    path = saved(tmp_path / "seg.dcm", segmentation_object(series))
    frames = sitk.GetArrayFromImage(sitk.ReadImage(str(path)))
    read = pydicom.dcmread(path)
    instances = [str(header.SOPInstanceUID) for header in series.source.headers]
    numbers = {item.SegmentNumber: item.SegmentLabel for item in read.SegmentSequence}
    back = np.zeros(SHAPE, np.uint8)
    for frame, group in zip(frames, read.PerFrameFunctionalGroupsSequence, strict=True):
        label = numbers[group.SegmentIdentificationSequence[0].ReferencedSegmentNumber]
        (segment,) = (each for each in SEGMENTS if each.label == label)
        (image,) = group.DerivationImageSequence[0].SourceImageSequence
        back[instances.index(str(image.ReferencedSOPInstanceUID))][frame > 0] = segment.number
    assert np.array_equal(back, labels())


@pytest.mark.parametrize("place", ["axial", "head last, prone"])
def test_plastimatch_fills_the_contours(tmp_path: Path, place: str) -> None:
    """It fills every contour; holes stay open, because they are connected with the outer contour."""
    series = series_in(tmp_path, place)
    masks = masks_of_plastimatch(tmp_path, series)
    for segment in PRESENT:
        found = on_series(sitk.ReadImage(str(masks / f"{segment.label}.nrrd")), PLACES[place])
        wanted = labels() == segment.number
        assert np.array_equal(found > 0, wanted), segment.label


def masks_of_plastimatch(folder: Path, series: SegmentedSeries) -> Path:
    """The folder with what it makes of the contours."""
    path = saved(folder / "rtstruct.dcm", structure_set(series))
    for number, file in enumerate(sorted((folder / "series").iterdir())):  # it reads pixels, too
        whole = pydicom.dcmread(file)
        put_pixels(whole, np.full(series.labels_kji.shape[1:], number, np.int16))
        whole.RescaleSlope, whole.RescaleIntercept = 1, 0
        whole.save_as(file)
    run(
        "plastimatch", "convert", "--input", path, "--referenced-ct", folder / "series",
        "--output-prefix", folder / "masks", "--prefix-format", "nrrd",
    )  # fmt: skip
    return folder / "masks"


def test_programs_read_a_contour_of_more_than_64_kilobytes(tmp_path: Path) -> None:
    series = segmented(tmp_path / "series", affine_ras(), comb())
    masks = masks_of_plastimatch(tmp_path, series)
    assert np.array_equal(sitk.GetArrayFromImage(sitk.ReadImage(str(masks / "liver.nrrd"))) > 0, comb() == 1)
    printed = run("dcmdump", "--print-all", tmp_path / "rtstruct.dcm")
    assert printed.count("(3006,0050) DS") == 3
    assert "ContourData absent" not in run("drtdump", tmp_path / "rtstruct.dcm")


def test_dcmtk_reads_everything(tmp_path: Path) -> None:
    series = series_in(tmp_path)
    measured = {segment.number: (100.0, 40.5) for segment in SEGMENTS}
    made = {
        "seg": segmentation_object(series),
        "labelmap": segmentation_object(series, labelmap=True),
        "rtstruct": structure_set(series),
        "sr": measurement_report(series, measured, {1: "good"}),
    }
    paths = {name: saved(tmp_path / f"{name}.dcm", dataset) for name, dataset in made.items()}
    for name, path in paths.items():
        printed = run("dcmdump", "--print-all", path)
        assert str(made[name].SOPInstanceUID) in printed
        assert "W:" not in printed
        assert "E:" not in printed
    assert "flare flarelite structures" in run("drtdump", paths["rtstruct"])
    report = run("dsrdump", paths["sr"])
    assert all(f'"{name}"' in report for name in NAMES)
    assert '"Good"' in report


def test_the_validator_does_not_know_labelmaps_and_finds_nothing_else(tmp_path: Path) -> None:
    """Its version of 2022 is older than Label Map Segmentation Storage (2024)."""
    path = saved(tmp_path / "seg.dcm", segmentation_object(series_in(tmp_path), labelmap=True))
    ended = subprocess.run([path_of("dciodvfy"), "-new", path], capture_output=True, text=True, check=False)
    errors = [line for line in (ended.stdout + ended.stderr).splitlines() if line.startswith("Error")]
    if not any("Information Object Not found" in line for line in errors):
        assert errors == []
        return
    assert all("Information Object Not found" in line or "SegmentNumber of 0" in line for line in errors), errors


def test_dcm2niix_converts_a_series_for_a_reference(tmp_path: Path) -> None:
    """Scans that dcm2niix made of a series lie where the series lies."""
    from flarecli.prediction.dicom.study import study_of
    from flarecli.volume import read_volume

    directions = rotation((9, 4, 3)) @ np.diag([1.0, 1.0, 1.0])
    for name, orientation in {
        "axial": (1.0, 0.0, 0.0, 0.0, 1.0, 0.0),
        "coronal": (1.0, 0.0, 0.0, 0.0, 0.0, -1.0),
        "oblique": (*directions[:, 0].tolist(), *directions[:, 1].tolist()),
    }.items():
        voxels = write_series(tmp_path / name, orientation=orientation)
        run("dcm2niix", "-f", name, "-o", tmp_path, tmp_path / name)
        volume = read_volume(tmp_path / f"{name}.nii")
        study = study_of(volume, tmp_path / name)
        stored = study.geometry.orientation.stored_view(volume.voxels).T
        assert np.array_equal(stored, voxels), name
        assert nibabel.load(tmp_path / f"{name}.nii").shape == volume.source.shape_ijk
