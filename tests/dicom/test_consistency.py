"""Attributes that determine mm or HU are there, valid and equal, or refused; pixel data are what they say."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flarecli.dicom import find_series
from flarecli.errors import InputError
from tests.dicom.series_writer import write_series

pydicom = pytest.importorskip("pydicom", reason="needs the extra io: pip install 'flarecli[io]'")


def _with(keyword: str, value: Any, only: int | None = None) -> Callable[[Any, int], None]:
    def change(dataset: Any, k: int) -> None:
        if only is not None and k != only:
            return
        if value is None:
            delattr(dataset, keyword)
        else:
            tag = dataset[keyword]
            tag._value = value  # no validation by pydicom

    return change


REQUIRED = {
    "PixelSpacing": "Pixel Spacing (0028,0030)",
    "ImageOrientationPatient": "Image Orientation (Patient) (0020,0037)",
    "ImagePositionPatient": "Image Position (Patient) (0020,0032)",
    "Rows": "Rows (0028,0010)",
    "Columns": "Columns (0028,0011)",
    "SamplesPerPixel": "Samples per Pixel (0028,0002)",
    "BitsAllocated": "Bits Allocated (0028,0100)",
    "BitsStored": "Bits Stored (0028,0101)",
    "HighBit": "High Bit (0028,0102)",
    "PixelRepresentation": "Pixel Representation (0028,0103)",
    "PhotometricInterpretation": "Photometric Interpretation (0028,0004)",
    "RescaleSlope": "Rescale Slope (0028,1053)",
    "RescaleIntercept": "Rescale Intercept (0028,1052)",
}


@pytest.mark.parametrize("only", [None, 0, 5], ids=["all", "the first", "another"])
@pytest.mark.parametrize("keyword", list(REQUIRED))
def test_a_missing_tag_is_named(tmp_path: Path, keyword: str, only: int | None) -> None:
    write_series(tmp_path, each=_with(keyword, None, only))
    with pytest.raises(InputError) as caught:
        find_series(tmp_path)
    assert REQUIRED[keyword] in caught.value.problem
    assert f"IM{only or 0:03d}.dcm" in str(caught.value.seen)


INVALID = [
    ("PixelSpacing", ["0", "0"]),
    ("PixelSpacing", ["4", "-4"]),
    ("PixelSpacing", "4"),
    ("PixelSpacing", ["4", "4", "4"]),
    ("PixelSpacing", "four\\four"),
    ("PixelSpacing", "nan\\4"),
    ("PixelSpacing", ""),
    ("ImageOrientationPatient", ["0"] * 6),
    ("ImageOrientationPatient", ["1", "0", "0", "1", "0", "0"]),
    ("ImageOrientationPatient", ["2", "0", "0", "0", "2", "0"]),
    ("ImageOrientationPatient", "R\\A\\F\\H\\L\\P"),
    ("ImageOrientationPatient", ["1", "0", "0"]),
    ("ImagePositionPatient", ["1", "2"]),
    ("ImagePositionPatient", "a\\b\\c"),
    ("ImagePositionPatient", "inf\\0\\0"),
    ("RescaleSlope", "0"),
    ("RescaleSlope", "one"),
    ("RescaleIntercept", "-1e30"),
    ("RescaleIntercept", "1\\2"),
    ("Rows", 0),
    ("Columns", 0),
    ("SamplesPerPixel", 3),
    ("BitsAllocated", 12),
    ("PixelRepresentation", 2),
    ("PhotometricInterpretation", "RGB"),
]


@pytest.mark.parametrize(("keyword", "value"), INVALID)
def test_an_invalid_tag_is_named(tmp_path: Path, keyword: str, value: Any) -> None:
    write_series(tmp_path, each=_with(keyword, value))
    with pytest.raises(InputError) as caught:
        find_series(tmp_path)
    assert REQUIRED[keyword] in caught.value.problem


DIFFERENT = [
    ("PixelSpacing", ["2", "2"]),
    ("ImageOrientationPatient", ["-1", "0", "0", "0", "-1", "0"]),
    ("Rows", 13),
    ("BitsStored", 12),
    ("PixelRepresentation", 1),
    ("PhotometricInterpretation", "MONOCHROME1"),
]


@pytest.mark.parametrize("only", [0, 5])
@pytest.mark.parametrize(("keyword", "value"), DIFFERENT)
def test_a_tag_that_changes_is_named_with_both_values(tmp_path: Path, keyword: str, value: Any, only: int) -> None:
    write_series(tmp_path, each=_with(keyword, value, only))
    with pytest.raises(InputError, match="the slices of one series differ") as caught:
        find_series(tmp_path)
    assert REQUIRED[keyword] in caught.value.problem
    assert f"in 1 slice (IM{only:03d}.dcm)" in str(caught.value.seen)
    assert "in 8 slices" in str(caught.value.seen)


def test_padding_values_that_differ_are_named(tmp_path: Path) -> None:
    write_series(tmp_path, each=lambda dataset, k: setattr(dataset, "PixelPaddingValue", k % 2))
    with pytest.raises(InputError, match=r"differ in Pixel Padding Value \(0028,0120\)"):
        find_series(tmp_path)


def test_rounding_of_spacing_and_orientation_is_no_difference(tmp_path: Path) -> None:
    def rounded(dataset: Any, k: int) -> None:
        if k % 2:
            dataset.PixelSpacing = ["4.5001", "4.0001"]
            dataset.ImageOrientationPatient = ["1", "0.0001", "0", "-0.0001", "1", "0"]

    write_series(tmp_path, each=rounded)
    assert find_series(tmp_path).warnings == ()


@pytest.mark.parametrize("unit", ["MGML", "Z_EFF", "PCT"])
def test_values_that_are_no_hu_by_their_unit_are_refused(tmp_path: Path, unit: str) -> None:
    write_series(tmp_path, each=lambda dataset, k: setattr(dataset, "RescaleType", unit))
    with pytest.raises(InputError, match="Rescale Type") as caught:
        find_series(tmp_path)
    assert unit in str(caught.value.seen)


def test_a_modality_table_is_refused(tmp_path: Path) -> None:
    item = pytest.importorskip("pydicom.dataset").Dataset()
    item.LUTExplanation = "table"
    write_series(tmp_path, each=lambda dataset, k: setattr(dataset, "ModalityLUTSequence", [item]))
    with pytest.raises(InputError, match="Modality LUT"):
        find_series(tmp_path)


def test_pixel_data_of_another_length_are_refused(tmp_path: Path) -> None:
    write_series(tmp_path, each=lambda dataset, k: setattr(dataset, "PixelData", dataset.PixelData * 2))
    with pytest.raises(InputError, match="do not have the length") as caught:
        find_series(tmp_path)
    assert caught.value.seen == "572 bytes in IM000.dcm"
    assert caught.value.expected == "286 bytes"


def test_compressed_pixel_data_under_an_uncompressed_transfer_syntax_are_refused(tmp_path: Path) -> None:
    """As programs write that copy the pixel data of a compressed file and not its transfer syntax."""
    jpeg, plain = b"1.2.840.10008.1.2.4.90", b"1.2.840.10008.1.2.1"
    encapsulate = pytest.importorskip("pydicom.encaps").encapsulate
    write_series(
        tmp_path,
        syntax=jpeg.decode(),
        each=lambda dataset, k: setattr(dataset, "PixelData", encapsulate([dataset.PixelData])),
    )
    for file in tmp_path.iterdir():
        file.write_bytes(file.read_bytes().replace(jpeg, plain.ljust(len(jpeg), b"\0")))
    with pytest.raises(InputError, match="the transfer syntax says that they are not") as caught:
        find_series(tmp_path)
    assert "transfer syntax 1.2.840.10008.1.2.1 in IM000.dcm" in str(caught.value.seen)


@pytest.mark.filterwarnings(r"ignore::UserWarning:pydicom(\.|$)")  # as the files are written
@pytest.mark.parametrize("text", [b"1.0 ", b"1. "])
def test_a_number_of_frames_with_a_point_is_read(tmp_path: Path, text: bytes) -> None:
    def change(dataset: Any, _: int) -> None:
        tag = pydicom.tag.Tag("NumberOfFrames")
        dataset[tag] = pydicom.dataelem.RawDataElement(tag, "IS", len(text), text, 0, False, True)

    voxels = write_series(tmp_path, each=change)
    write_series(tmp_path, each=change, name=lambda k: f"again{k}.dcm")

    series = find_series(tmp_path)

    np.testing.assert_array_equal(series.read()[0], voxels)
    assert "9 duplicate slices were left out" in series.warnings[0]


def test_modified_hu_are_warned_of(tmp_path: Path) -> None:
    write_series(tmp_path, each=lambda dataset, k: setattr(dataset, "RescaleType", "HU_MOD"))
    assert find_series(tmp_path).warnings == ("the values are modified HU (Rescale Type HU_MOD): results may be worse",)
