"""DICOMDIRs: the files they name are found whatever the case of letters, and missing ones are named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from flarecli.dicom import find_series
from flarecli.dicom.collection.detection import is_collection
from flarecli.dicom.collection.opening import catalogue_of
from flarecli.dicom.collection.series_reading import find_series_of
from flarecli.errors import InputError
from flarecli.volume import read_volume
from tests.dicom.collection.trees import put_series, zipped

pydicom = pytest.importorskip("pydicom", reason="needs the extra io: pip install 'flarecli[io]'")

from pydicom.fileset import FileSet  # noqa: E402


def _complete(dataset: object, k: int) -> None:
    """What a DICOMDIR asks of each file."""
    dataset.StudyDate, dataset.StudyTime, dataset.StudyID, dataset.AccessionNumber = "20200101", "101010", "1", "1"


@pytest.fixture
def medium(tmp_path: Path) -> tuple[Path, dict[str, np.ndarray]]:
    scans = {
        "1.2.1.4": put_series(tmp_path / "made", change=_complete),
        "1.2.1.5": put_series(tmp_path / "made 2", series="1.2.1.5", number=5, seed=1, change=_complete),
    }
    files = FileSet()
    for path in [*sorted((tmp_path / "made").iterdir()), *sorted((tmp_path / "made 2").iterdir())]:
        files.add(path)
    files.write(tmp_path / "cd")
    files._stage["t"].cleanup()  # or its end is a ResourceWarning
    return tmp_path / "cd", scans


@pytest.mark.parametrize("kind", ["file", "folder", "zip"])
def test_a_directory_gives_its_series(medium: tuple[Path, dict[str, np.ndarray]], tmp_path: Path, kind: str) -> None:
    folder, scans = medium
    source = {"file": folder / "DICOMDIR", "folder": folder}.get(kind) or zipped(folder, tmp_path / "cd.zip")

    assert is_collection(source)
    found = catalogue_of(source)

    assert {entry.uid for entry in found.scans} == set(scans)
    for entry in found.scans:
        np.testing.assert_array_equal(find_series_of(entry.files).read()[0], scans[entry.uid])
    assert found.warnings() == ()


def test_names_in_small_letters_are_found(medium: tuple[Path, dict[str, np.ndarray]]) -> None:
    folder, scans = medium
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.name != "DICOMDIR":
            path.rename(path.with_name(path.name.lower()))

    assert len(catalogue_of(folder / "DICOMDIR").scans) == len(scans)


def test_missing_files_are_named_and_their_series_fails(medium: tuple[Path, dict[str, np.ndarray]]) -> None:
    folder, _ = medium
    found = {entry.uid: entry for entry in catalogue_of(folder).scans}
    last = sorted(found["1.2.1.4"].files.files)[-1]
    (folder / last).unlink()

    for source in (folder, folder / "DICOMDIR"):
        entries = {entry.uid: entry for entry in catalogue_of(source).scans}
        problem = entries["1.2.1.4"].problem
        assert problem is not None
        assert problem.problem == "files of this series that the DICOMDIR names are missing"
        assert last in str(problem.seen)
        with pytest.raises(InputError, match="that the DICOMDIR names are missing"):
            read_volume(entries["1.2.1.4"].files)
        read_volume(entries["1.2.1.5"].files)
        assert entries["1.2.1.5"].problem is None


def test_a_series_of_which_every_file_is_missing_is_a_warning(medium: tuple[Path, dict[str, np.ndarray]]) -> None:
    folder, _ = medium
    for name in {entry.uid: entry for entry in catalogue_of(folder).scans}["1.2.1.4"].files.files:
        (folder / name).unlink()

    found = catalogue_of(folder)

    assert [entry.uid for entry in found.scans] == ["1.2.1.5"]
    assert "9 files that the DICOMDIR names are missing" in found.warnings()[0]


def test_a_directory_of_other_files_does_not_matter(medium: tuple[Path, dict[str, np.ndarray]], tmp_path: Path) -> None:
    folder, _ = medium
    put_series(tmp_path / "flat" / "a")
    (tmp_path / "flat" / "DICOMDIR").write_bytes((folder / "DICOMDIR").read_bytes())

    found = catalogue_of(tmp_path / "flat")

    assert [entry.problem for entry in found.scans] == [None]
    assert "DICOMDIR of other files" in found.left_out
    (tmp_path / "flat" / "DICOMDIR").rename(tmp_path / "flat" / "a" / "DICOMDIR")
    assert "1 × DICOMDIR" in find_series(tmp_path / "flat" / "a").warnings[0]


def test_references_never_lead_out_of_the_folder(tmp_path: Path) -> None:
    put_series(tmp_path / "secret")
    medium = tmp_path / "cd"
    medium.mkdir()
    dataset = pydicom.Dataset()
    dataset.file_meta = pydicom.dataset.FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1"
    dataset.file_meta.MediaStorageSOPClassUID, dataset.file_meta.MediaStorageSOPInstanceUID = (
        "1.2.840.10008.1.3.10",
        "1.2.3",
    )
    items = []
    for parts in (["..", "secret", "IM000.dcm"], ["/", "secret"], ["a/../../secret", "IM001.dcm"]):
        item = pydicom.Dataset()
        with pydicom.config.disable_value_validation():
            item.DirectoryRecordType, item.ReferencedFileID = "IMAGE", parts
        items.append(item)
    dataset.DirectoryRecordSequence = items
    with pydicom.config.disable_value_validation():
        dataset.save_as(medium / "DICOMDIR", enforce_file_format=True)

    with pytest.raises(InputError, match="no CT series"):
        read_volume(medium / "DICOMDIR")


def test_a_damaged_directory_is_refused_and_does_not_hide_the_slices(
    medium: tuple[Path, dict[str, np.ndarray]],
) -> None:
    folder, scans = medium
    path = folder / "DICOMDIR"
    path.write_bytes(path.read_bytes()[:600])

    with pytest.raises(InputError, match="cannot be read as a DICOMDIR") as caught:
        catalogue_of(path)
    assert "Give the folder" in caught.value.remedy
    assert len(catalogue_of(folder).scans) == len(scans)
