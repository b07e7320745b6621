"""Spoilt tags and spoilt bytes: a typed error or a scan, in bounded time; what is cut is never read as whole."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flarecli.dicom import find_series, find_series_of_file
from flarecli.errors import InputError
from tests.dicom.series_writer import pydicom, write_multi_frame, write_series

_FUZZ = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
_BOUND_S = 10.0
_TAGS = (
    "SOPClassUID",
    "Modality",
    "ImageType",
    "SeriesInstanceUID",
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "PixelSpacing",
    "RescaleSlope",
    "RescaleIntercept",
    "RescaleType",
    "PhotometricInterpretation",
    "NumberOfFrames",
    "InstanceNumber",
    "AcquisitionNumber",
)
_SHORTS = (
    "Rows",
    "Columns",
    "SamplesPerPixel",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
    "PixelPaddingValue",
)

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # of pydicom: the command filters them


@pytest.fixture(scope="module", params=["1.2.840.10008.1.2.1", "1.2.840.10008.1.2", "1.2.840.10008.1.2.1.99"])
def sound(request: pytest.FixtureRequest) -> Iterator[tuple[Path, np.ndarray]]:
    """A sound series and its HU."""
    with tempfile.TemporaryDirectory() as folder:
        voxels = write_series(Path(folder), slices=range(5), syntax=request.param)
        yield Path(folder), voxels[:5]


def _read(path: Path) -> np.ndarray | None:
    """HU, or None where a typed error is raised; anything else fails the test."""
    start = time.monotonic()
    try:
        series = find_series(path) if path.is_dir() else find_series_of_file(path)
        return series.read()[0]
    except InputError:
        return None
    finally:
        assert time.monotonic() - start < _BOUND_S


@_FUZZ
@given(tag=st.sampled_from(_TAGS), value=st.binary(max_size=80), index=st.integers(0, 4))
def test_any_bytes_in_a_text_tag(sound: tuple[Path, np.ndarray], tag: str, value: bytes, index: int) -> None:
    _try_tag(sound[0], tag, value, index)


@_FUZZ
@given(tag=st.sampled_from(_SHORTS), value=st.integers(0, 65535), index=st.integers(0, 4))
def test_any_number_in_a_binary_tag(sound: tuple[Path, np.ndarray], tag: str, value: int, index: int) -> None:
    _try_tag(sound[0], tag, value.to_bytes(2, "little"), index)


def _try_tag(folder: Path, tag: str, value: bytes, index: int) -> None:
    path = folder / f"IM{index:03d}.dcm"
    content = path.read_bytes()
    dataset = pydicom.dcmread(path)
    number = pydicom.tag.Tag(pydicom.datadict.tag_for_keyword(tag))
    raw = value + b"\0" * (len(value) % 2)
    dataset[number] = pydicom.dataelem.RawDataElement(
        number, pydicom.datadict.dictionary_VR(number)[:2], len(raw), raw, 0, dataset.original_encoding[0], True
    )
    try:
        dataset.save_as(path)
        _read(folder)
    finally:
        path.write_bytes(content)


@_FUZZ
@given(length=st.integers(0, 1500), index=st.integers(0, 4))
def test_a_cut_slice_is_never_read_as_whole(sound: tuple[Path, np.ndarray], length: int, index: int) -> None:
    folder, _ = sound
    path = folder / f"IM{index:03d}.dcm"
    content = path.read_bytes()
    shorter = content[: min(length, len(content) - 1)]
    if b"1.2.840.10008.1.2.1.99" in content[:1024] and len(content) - len(shorter) < 8:
        return  # the end of deflated data may hold nothing of the pixels
    try:
        path.write_bytes(shorter)
        assert _read(folder) is None
    finally:
        path.write_bytes(content)


def test_a_deflated_slice_cut_anywhere_is_never_left_out(tmp_path: Path) -> None:
    write_series(tmp_path, syntax="1.2.840.10008.1.2.1.99")
    path = tmp_path / "IM000.dcm"
    content = path.read_bytes()
    for length in range(400, 520, 2):
        path.write_bytes(content[:length])
        assert _read(tmp_path) is None, length


@_FUZZ
@given(data=st.data(), index=st.integers(0, 4))
def test_flipped_bits_of_a_header(sound: tuple[Path, np.ndarray], data: st.DataObject, index: int) -> None:
    folder, voxels = sound
    path = folder / f"IM{index:03d}.dcm"
    content = path.read_bytes()
    spoilt = bytearray(content)
    for _ in range(data.draw(st.integers(1, 3))):
        spoilt[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    try:
        path.write_bytes(spoilt)
        read = _read(folder)
        assert read is None or read.dtype == voxels.dtype
    finally:
        path.write_bytes(content)


@_FUZZ
@given(at=st.integers(0, 6000), value=st.binary(min_size=1, max_size=8))
def test_any_bytes_in_a_multi_frame_file(tmp_path_factory: pytest.TempPathFactory, at: int, value: bytes) -> None:
    path = tmp_path_factory.mktemp("frames") / "volume.dcm"
    write_multi_frame(path)
    content = bytearray(path.read_bytes())
    at %= len(content)
    content[at : at + len(value)] = value
    path.write_bytes(content)
    _read(path)
