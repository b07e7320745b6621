"""Every file of a folder is a slice, named as something else, or an error; and nothing of the patient is said."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flarecli.dicom import find_series, find_series_of_file, is_dicom_file
from flarecli.errors import Blame, FlareError, InputError
from tests.dicom.series_writer import CT, ENHANCED_CT, SECONDARY_CAPTURE, write_series


def _as(
    sop_class: str, image_type: str, *, modality: str = "CT", without_place: bool = False
) -> Callable[[Any, int], None]:
    def change(dataset: Any, k: int) -> None:
        dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = sop_class
        dataset.ImageType, dataset.Modality = image_type.split("\\"), modality
        dataset.SeriesDescription = "Beside it"
        if without_place:
            del dataset.ImagePositionPatient, dataset.ImageOrientationPatient

    return change


OTHERS = {
    "localizer": (_as(CT, "ORIGINAL\\PRIMARY\\LOCALIZER"), "2 × localizer ('Beside it')"),
    "screen capture": (
        _as(SECONDARY_CAPTURE, "DERIVED\\SECONDARY\\SCREEN SAVE", without_place=True),
        "2 × Secondary Capture Image ('Beside it')",
    ),
    "projection": (_as(CT, "DERIVED\\SECONDARY\\MIP"), "2 × projection or rendering"),
    "reformat": (_as(CT, "DERIVED\\SECONDARY\\MPR"), "2 × reformatted slice"),
    "SEG": (_as("1.2.840.10008.5.1.4.1.1.66.4", "DERIVED\\PRIMARY", modality="SEG"), "2 × Segmentation"),
    "RTSTRUCT": (_as("1.2.840.10008.5.1.4.1.1.481.3", "DERIVED\\PRIMARY", modality="RTSTRUCT"), "2 × RT Structure Set"),
    "dose report": (_as("1.2.840.10008.5.1.4.1.1.88.67", "DERIVED", modality="SR"), "2 × X-Ray Radiation Dose SR"),
    "PET": (
        _as("1.2.840.10008.5.1.4.1.1.128", "ORIGINAL\\PRIMARY", modality="PT"),
        "2 × Positron Emission Tomography Image",
    ),
    "private": (_as("1.3.12.2.1107.5.9.1", "DERIVED", modality="OT"), "2 × private object of modality OT"),
}


@pytest.mark.parametrize("same_series", [False, True], ids=["series of its own", "same series"])
@pytest.mark.parametrize("name", list(OTHERS))
def test_other_objects_are_left_out_and_counted(tmp_path: Path, name: str, same_series: bool) -> None:
    change, phrase = OTHERS[name]
    expected = write_series(tmp_path)
    write_series(
        tmp_path,
        uid="1.2.3.4" if same_series else "1.2.3.5",
        slices=range(2),
        name=lambda k: f"other{k}.dcm",
        each=change,
    )
    series = find_series(tmp_path)
    np.testing.assert_array_equal(series.read()[0], expected)
    (warning,) = series.warnings
    assert "'Abdomen' (CT, 9 slices, series 2, 5 mm thick) was used" in warning
    assert phrase in warning


def test_all_that_is_beside_is_said_in_one_warning(tmp_path: Path) -> None:
    write_series(tmp_path)
    for name in ("organs.nii.gz", "organs.json", "notes.txt"):
        (tmp_path / name).write_bytes(b"not a picture")
    (tmp_path / "nothing.txt").write_bytes(b"")
    (tmp_path / "deeper").mkdir()
    (tmp_path / ".DS_Store").write_bytes(b"hidden")
    os.mkfifo(tmp_path / "pipe")
    (warning,) = find_series(tmp_path).warnings
    for phrase in (
        "3 × file that is not DICOM (does not begin as DICOM does): notes.txt, organs.json, organs.nii.gz",
        "1 × file that is not DICOM (empty): nothing.txt",
        "1 × subfolder, not searched: deeper",
        "1 × hidden file: .DS_Store",
        "1 × FIFO, device or socket: pipe",
    ):
        assert phrase in warning


def _cut(path: Path, share: float) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])


DAMAGES: dict[str, Callable[[Path], None]] = {
    "cut within its pixels": lambda path: _cut(path, 0.8),
    "cut by one byte": lambda path: path.write_bytes(path.read_bytes()[:-1]),
    "cut within its header": lambda path: _cut(path, 0.4),
    "cut to its first bytes": lambda path: path.write_bytes(path.read_bytes()[:140]),
    "empty": lambda path: path.write_bytes(b""),
    "zeros": lambda path: path.write_bytes(bytes(8192)),
    "text": lambda path: path.write_bytes(b"404 not found"),
    "link to nothing": lambda path: (path.unlink(), path.symlink_to("/nonexistent/annex"))[0],
}


@pytest.mark.parametrize("where", [0, 4, 8])
@pytest.mark.parametrize("name", list(DAMAGES))
def test_a_damaged_slice_is_an_error_that_names_it(tmp_path: Path, name: str, where: int) -> None:
    write_series(tmp_path)
    DAMAGES[name](tmp_path / f"IM{where:03d}.dcm")
    with pytest.raises(InputError, match="1 of its files cannot be read") as caught:
        find_series(tmp_path)
    assert f"IM{where:03d}.dcm: " in str(caught.value.seen)
    assert caught.value.blame is (Blame.ACCESS if name == "link to nothing" else Blame.INPUT)


@pytest.mark.parametrize("refused", [errno.EIO, errno.ESTALE, errno.EACCES])
def test_a_slice_that_this_host_does_not_show_is_its_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: int
) -> None:
    write_series(tmp_path)
    open_file = Path.open

    def refusing(path: Path, *arguments: Any, **options: Any) -> Any:
        if path.name == "IM004.dcm":
            raise OSError(refused, os.strerror(refused), str(path))
        return open_file(path, *arguments, **options)

    monkeypatch.setattr(Path, "open", refusing)
    with pytest.raises(InputError, match="1 of its files cannot be read") as caught:
        find_series(tmp_path)
    assert caught.value.blame is Blame.ACCESS


def test_a_damaged_slice_without_suffix_is_known_by_its_name(tmp_path: Path) -> None:
    write_series(tmp_path, name=lambda k: f"{k:08d}")
    (tmp_path / "00000008").write_bytes(b"")
    (tmp_path / "LOCKFILE").write_bytes(b"")
    with pytest.raises(InputError, match="1 of its files") as caught:
        find_series(tmp_path)
    assert "00000008: empty" in str(caught.value.seen)


def test_damaged_objects_that_are_no_slices_do_no_harm(tmp_path: Path) -> None:
    write_series(tmp_path)
    write_series(tmp_path, uid="1.2.3.5", slices=[0], name=lambda k: "seg.dcm", each=OTHERS["SEG"][0])
    _cut(tmp_path / "seg.dcm", 0.9)
    assert "1 × Segmentation" in find_series(tmp_path).warnings[0]


@pytest.mark.parametrize("content", [None, b"notes"])
def test_folders_without_slices_are_refused(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "notes.txt").write_bytes(content)
    with pytest.raises(InputError, match="holds no DICOM slices") as caught:
        find_series(tmp_path)
    assert caught.value.seen == (
        "nothing" if content is None else "1 × file that is not DICOM (does not begin as DICOM does): notes.txt"
    )


def test_a_folder_of_links_to_nothing_is_refused(tmp_path: Path) -> None:
    for k in range(7):
        (tmp_path / f"IM{k}.dcm").symlink_to("/nonexistent/annex")
    with pytest.raises(InputError, match="7 of its files cannot be read") as caught:
        find_series(tmp_path)
    assert "IM0.dcm: a link to a file that is not there" in str(caught.value.seen)


def test_only_other_objects_are_listed(tmp_path: Path) -> None:
    write_series(tmp_path, each=OTHERS["PET"][0])
    with pytest.raises(InputError, match="holds no CT scan") as caught:
        find_series(tmp_path)
    assert caught.value.seen == "9 × Positron Emission Tomography Image ('Beside it')"


def test_a_single_slice_is_refused(tmp_path: Path) -> None:
    write_series(tmp_path, slices=[3])
    with pytest.raises(InputError, match="has a single slice"):
        find_series(tmp_path)


def test_only_reformatted_slices_are_taken(tmp_path: Path) -> None:
    expected = write_series(tmp_path, each=OTHERS["reformat"][0])
    np.testing.assert_array_equal(find_series(tmp_path).read()[0], expected)


def test_a_scan_stored_as_secondary_capture_is_taken_where_it_lies_somewhere(tmp_path: Path) -> None:
    expected = write_series(tmp_path, each=_as(SECONDARY_CAPTURE, "DERIVED\\SECONDARY\\AXIAL"))
    np.testing.assert_array_equal(find_series(tmp_path).read()[0], expected)


def test_another_object_as_a_file_is_named(tmp_path: Path) -> None:
    write_series(tmp_path, slices=[0], each=OTHERS["SEG"][0])
    with pytest.raises(InputError, match="holds no CT scan") as caught:
        find_series_of_file(tmp_path / "IM000.dcm")
    assert "Segmentation" in str(caught.value.seen)


def test_a_single_slice_as_a_file_is_sent_to_its_folder(tmp_path: Path) -> None:
    write_series(tmp_path)
    with pytest.raises(InputError, match="single DICOM file"):
        find_series_of_file(tmp_path / "IM000.dcm")


def test_an_enhanced_image_without_frames_is_damaged(tmp_path: Path) -> None:
    def enhanced(dataset: Any, k: int) -> None:
        dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = ENHANCED_CT
        dataset.NumberOfFrames = 5

    write_series(tmp_path, slices=[0], each=enhanced)
    with pytest.raises(InputError, match="is damaged") as caught:
        find_series_of_file(tmp_path / "IM000.dcm")
    assert "its Number of Frames is 5, but Per-Frame Functional Groups (5200,9230) has 0" in str(caught.value.seen)


def test_files_that_hold_no_preamble_are_read(tmp_path: Path) -> None:
    pydicom = pytest.importorskip("pydicom")
    expected = write_series(tmp_path)
    for path in tmp_path.iterdir():
        dataset = pydicom.dcmread(path)
        del dataset.file_meta
        dataset.save_as(path, implicit_vr=True, little_endian=True, enforce_file_format=False)
        assert is_dicom_file(path)
    np.testing.assert_array_equal(find_series(tmp_path).read()[0], expected)


def test_fifos_are_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.dcm")
    assert not is_dicom_file(tmp_path / "pipe.dcm")
    write_series(tmp_path)
    assert "pipe.dcm" in find_series(tmp_path).warnings[0]


def test_nothing_of_the_patient_is_said(tmp_path: Path) -> None:
    """Neither in warnings nor in errors, whatever is wrong."""
    said: list[str] = []
    for number, (change, _) in enumerate(OTHERS.values()):
        folder = tmp_path / str(number)
        write_series(folder, each=change)
        write_series(folder, uid="1.2.3.9", name=lambda k: f"x{k}.dcm", slices=range(5))
        write_series(folder, uid="1.2.3.9", name=lambda k: f"y{k}.dcm", slices=range(5), each=_other_time)
        try:
            said += find_series(folder).warnings
        except FlareError as error:
            said.append(str(error))
    assert said
    for sentence in said:
        assert not re.search(r"secret|1970|1\.2\.3|112233", sentence.lower()), sentence


def _other_time(dataset: Any, k: int) -> None:
    dataset.AcquisitionTime = "112233"
    dataset.PixelData = bytes(reversed(dataset.PixelData))


def test_bytes_behind_the_pixels_are_said(tmp_path: Path) -> None:
    expected = write_series(tmp_path)
    path = tmp_path / "IM004.dcm"
    path.write_bytes(path.read_bytes() + b"abc")
    (tmp_path / "IM005.dcm").write_bytes((tmp_path / "IM005.dcm").read_bytes() + bytes(512))  # padding of tapes
    series = find_series(tmp_path)
    np.testing.assert_array_equal(series.read()[0], expected)
    (warning,) = series.warnings
    assert "1 file has bytes that are not DICOM after its pixel data (3 in IM004.dcm): it may be damaged" in warning


def test_elements_behind_the_pixels_are_no_oddity(tmp_path: Path) -> None:
    write_series(tmp_path, each=lambda dataset, k: dataset.add_new(0xFFFCFFFC, "OB", bytes(64)))
    assert find_series(tmp_path).warnings == ()


@pytest.mark.parametrize("tag", [b"\x08\x00\x16\x00", b"\x20\x00\x0e\x00", b"\x08\x00\x60\x00"])
def test_a_header_cut_within_what_names_the_slice_is_damage(tmp_path: Path, tag: bytes) -> None:
    """What is left of a UID or a modality must not pass for another object."""
    write_series(tmp_path)
    path = tmp_path / "IM008.dcm"
    content = path.read_bytes()
    path.write_bytes(content[: content.index(tag) + 9])
    with pytest.raises(InputError, match="1 of its files cannot be read"):
        find_series(tmp_path)
