"""Stored values become HU: every stored type, scaling and transfer syntax, each slice by its own header."""

from __future__ import annotations

import locale
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flarecli.dicom import find_series, find_series_of_file
from flarecli.errors import InputError, InstallationError
from tests.dicom.series_writer import put_pixels, write_multi_frame, write_series
from tests.synthetic_ct import ct_voxels

uids = pytest.importorskip("pydicom.uid", reason="needs the extra io: pip install 'flarecli[io]'")


def _read(folder: Path) -> np.ndarray:
    voxels, warnings = find_series(folder).read()
    assert warnings == ()
    return voxels


def _stored(dtype: str, bits: int, high: int | None = None, garbage: int = 0) -> Callable[[Any, int], None]:
    """Replace the pixels by values of another type, in some of its bits."""

    def change(dataset: Any, k: int) -> None:
        stored = np.arange(11 * 13).reshape(11, 13) + 10 * k - (70 if dtype.startswith("i") else 0)
        shift = 0 if high is None else high + 1 - bits
        content = (stored & ((1 << bits) - 1)) << shift | garbage
        put_pixels(dataset, content.astype(dtype.replace("i", "u")), bits=bits)
        dataset.PixelRepresentation = int(dtype.startswith("i"))
        dataset.HighBit = bits - 1 if high is None else high

    return change


@pytest.mark.parametrize(
    ("dtype", "bits", "high", "garbage"),
    [
        ("u1", 8, None, 0),
        ("i2", 16, None, 0),
        ("i2", 12, None, 0),
        ("i2", 12, None, 0x3000),
        ("u2", 12, None, 0xF000),
        ("u2", 12, 15, 0x000F),
        ("i2", 12, 13, 0x8001),
        ("u4", 32, None, 0),
        ("i4", 24, None, 0),
    ],
)
def test_every_stored_type_is_read(tmp_path: Path, dtype: str, bits: int, high: int | None, garbage: int) -> None:
    write_series(tmp_path, each=_stored(dtype, bits, high, garbage), intercept=lambda k: -24.0)
    k, j, i = np.indices((9, 11, 13))
    expected = j * 13 + i + 10 * k - (70 if dtype.startswith("i") else 0) - 24
    np.testing.assert_array_equal(_read(tmp_path), expected)


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize(
    "syntax",
    ["ImplicitVRLittleEndian", "ExplicitVRLittleEndian", "ExplicitVRBigEndian", "DeflatedExplicitVRLittleEndian"],
)
def test_every_uncompressed_syntax_is_read(tmp_path: Path, syntax: str, signed: bool) -> None:
    uid = getattr(uids, syntax)

    def swapped(dataset: Any, k: int) -> None:
        if syntax == "ExplicitVRBigEndian":
            dataset.PixelData = np.frombuffer(dataset.PixelData, "<u2").astype(">u2").tobytes()

    expected = write_series(tmp_path, signed=signed, syntax=uid, each=swapped)
    np.testing.assert_array_equal(_read(tmp_path), expected)


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("syntax", ["RLELossless", "JPEGLSLossless", "JPEG2000Lossless"])
def test_compressed_syntaxes_are_read(tmp_path: Path, syntax: str, signed: bool) -> None:
    try:
        expected = write_series(tmp_path, _large(), signed=signed, compress=getattr(uids, syntax))
    except RuntimeError as error:
        pytest.skip(f"pydicom cannot write it here: {str(error).splitlines()[0]}")
    np.testing.assert_array_equal(_read(tmp_path), expected)


def _large() -> np.ndarray:
    """HU of slices that are large enough for the encoder of JPEG 2000."""
    return ct_voxels((3, 64, 64))


@pytest.mark.parametrize("decoder", ["GDCM", "a plugin of pydicom"])
@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("high", [11, 13, 15])
@pytest.mark.parametrize("syntax", ["RLELossless", "JPEGLSLossless", "JPEG2000Lossless"])
def test_bits_outside_bits_stored_are_ignored_in_compressed_slices(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, syntax: str, high: int, signed: bool, decoder: str
) -> None:
    shift = high - 11
    used, others = 0xFFF << shift, 0xFFFF ^ (0xFFF << shift)

    def with_overlay(dataset: Any, k: int) -> None:
        words = np.frombuffer(dataset.PixelData, "<u2").reshape(64, 64).copy() << shift & used
        words[20:40, 8:56] |= others
        words[::5] |= 0x5555 & others
        put_pixels(dataset, words)
        try:
            dataset.compress(getattr(uids, syntax), generate_instance_uid=False)
        except RuntimeError as error:
            pytest.skip(f"pydicom cannot write it here: {str(error).splitlines()[0]}")
        dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 12, high, int(signed)

    offset = 0.0 if signed else -1024.0
    expected = write_series(tmp_path, _large(), signed=signed, intercept=lambda k: offset, each=with_overlay)
    if decoder != "GDCM":
        monkeypatch.setitem(sys.modules, "SimpleITK", None)
    np.testing.assert_array_equal(_read(tmp_path), expected)


@pytest.mark.parametrize("signed", [False, True])
def test_jpeg_2000_of_more_than_16_bits_is_read(tmp_path: Path, signed: bool) -> None:
    voxels = np.maximum(_large(), -1024)

    def fine(dataset: Any, k: int) -> None:
        words = (voxels[k].astype(np.int32) + 1024) * 64
        put_pixels(dataset, words if signed else words.astype(np.uint32), bits=20)
        dataset.RescaleSlope = "0.015625"
        try:
            dataset.compress(uids.JPEG2000Lossless, generate_instance_uid=False)
        except RuntimeError as error:
            pytest.skip(f"pydicom cannot write it here: {str(error).splitlines()[0]}")

    np.testing.assert_array_equal(write_series(tmp_path, voxels, each=fine), _read(tmp_path))


@pytest.mark.parametrize("compressor", ["JPEG", "JPEG2000"])
def test_what_gdcm_compresses_is_read(tmp_path: Path, compressor: str) -> None:
    sitk = pytest.importorskip("SimpleITK", reason="needs the extra io: pip install 'flarecli[io]'")
    expected = write_series(tmp_path / "plain")
    (tmp_path / "compressed").mkdir()
    before = locale.setlocale(locale.LC_ALL)
    for path in (tmp_path / "plain").iterdir():
        plain = sitk.ReadImage(str(path))
        image = sitk.Cast(plain, sitk.sitkInt16)
        for key in plain.GetMetaDataKeys():
            image.SetMetaData(key, plain.GetMetaData(key))
        image.SetMetaData("0028|1052", "0")
        writer = sitk.ImageFileWriter()
        writer.KeepOriginalImageUIDOn()
        writer.UseCompressionOn()
        writer.SetCompressor(compressor)
        writer.SetFileName(str(tmp_path / "compressed" / path.name))
        writer.Execute(image)
    locale.setlocale(locale.LC_ALL, before)  # GDCM's writer leaves "C"
    read = find_series(tmp_path / "compressed")
    assert read.stack.slices[0].header.syntax.startswith("1.2.840.10008.1.2.4.")
    np.testing.assert_array_equal(read.read()[0], expected)


def test_decoding_in_threads_leaves_the_locale() -> None:
    sitk = pytest.importorskip("SimpleITK", reason="needs the extra io: pip install 'flarecli[io]'")
    program = (
        "import locale, SimpleITK; from flarecli.dicom.decoding import _without_warnings\n"
        "locale.setlocale(locale.LC_CTYPE, 'C.UTF-8'); before = locale.setlocale(locale.LC_ALL)\n"
        "with _without_warnings(SimpleITK):\n"
        "    with _without_warnings(SimpleITK):\n"
        "        locale.setlocale(locale.LC_ALL, 'C')  # as two readers of GDCM leave it that overlap\n"
        "assert locale.setlocale(locale.LC_ALL) == before, locale.setlocale(locale.LC_ALL)\n"
    )
    assert sitk is not None
    subprocess.run([sys.executable, "-c", program], check=True)


def test_compressed_frames_are_read(tmp_path: Path) -> None:
    expected = write_multi_frame(tmp_path / "volume.dcm", intercept=lambda k: -1024.0 - k, compress=uids.RLELossless)
    np.testing.assert_array_equal(find_series_of_file(tmp_path / "volume.dcm").read()[0], expected)


def test_slope_and_intercept_of_each_slice_count(tmp_path: Path) -> None:
    expected = write_series(tmp_path, slope=lambda k: 1.0 + k % 2, intercept=lambda k: -1024.0 * (1 + k % 2))
    found = _read(tmp_path)
    assert np.abs(found - expected).max() <= 1
    np.testing.assert_array_equal(found[::2], expected[::2])


def test_a_first_slice_without_offset_does_not_wrap_the_others(tmp_path: Path) -> None:
    voxels = np.maximum(write_series(tmp_path / "unused"), 0)
    voxels[1:] -= 500
    expected = write_series(tmp_path / "s", voxels, intercept=lambda k: 0.0 if k == 0 else -1024.0)
    np.testing.assert_array_equal(_read(tmp_path / "s"), expected)


def test_fractions_are_rounded_to_the_nearest(tmp_path: Path) -> None:
    write_series(tmp_path, each=_stored("u2", 16), slope=lambda k: 0.3, intercept=lambda k: -10.25)
    k, j, i = np.indices((9, 11, 13))
    np.testing.assert_array_equal(_read(tmp_path), np.rint((j * 13 + i + 10 * k) * 0.3 - 10.25))


def test_values_beyond_int16_are_clipped_and_counted(tmp_path: Path) -> None:
    def high(dataset: Any, k: int) -> None:
        stored = np.full((11, 13), 1000, np.uint16)
        stored[0, 0] = 65535
        put_pixels(dataset, stored)

    write_series(tmp_path, each=high)
    voxels, (warning,) = find_series(tmp_path).read()
    assert voxels[0, 0, 0] == 32767
    assert voxels[0, 0, 1] == -24
    assert "clipped to -32768 to 32767 HU in 9 voxels" in warning


def test_padding_that_looks_like_tissue_is_said(tmp_path: Path) -> None:
    def padded(dataset: Any, k: int) -> None:
        dataset.PixelPaddingValue = 1024
        dataset.PixelData = np.where(np.arange(143) < 50, 1024, 24).astype(np.uint16).tobytes()

    write_series(tmp_path, each=padded)
    _, (warning,) = find_series(tmp_path).read()
    assert "35% of the voxels are padding (Pixel Padding Value) of 0 HU" in warning


def _encapsulated(dataset: Any, k: int) -> None:
    dataset.PixelData = pytest.importorskip("pydicom.encaps").encapsulate([b"\xff\x4f\xff\x51 anything \xff\xd9"])
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True


def test_an_unknown_syntax_is_named(tmp_path: Path) -> None:
    write_series(tmp_path, syntax=uids.MPEG2MPML, each=_encapsulated)
    with pytest.raises(InputError, match="transfer syntax") as caught:
        find_series(tmp_path).read()
    assert "MPEG2 Main Profile / Main Level in IM000.dcm" in str(caught.value.seen)


def test_a_missing_plugin_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = pytest.importorskip("pydicom.pixels")
    decoder = pixels.get_decoder(uids.HTJ2KLossless)
    monkeypatch.setattr(type(decoder), "is_available", property(lambda self: False))
    lacking = ["pylibjpeg - requires pylibjpeg-openjpeg>=2.0"]
    monkeypatch.setattr(type(decoder), "missing_dependencies", property(lambda self: lacking))
    write_series(tmp_path, syntax=uids.HTJ2KLossless, each=_encapsulated)
    with pytest.raises(InstallationError, match="plugin of pydicom") as caught:
        find_series(tmp_path).read()
    assert "pylibjpeg-openjpeg" in str(caught.value.seen)


@pytest.mark.parametrize("module", ["pydicom.filereader", "SimpleITK"])
def test_a_plain_install_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str) -> None:
    write_series(tmp_path, compress=uids.RLELossless)
    decoder = pytest.importorskip("pydicom.pixels").get_decoder(uids.RLELossless)
    monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.setattr(type(decoder), "is_available", property(lambda self: False))
    monkeypatch.setattr(type(decoder), "missing_dependencies", property(lambda self: ["pylibjpeg-rle"]))
    with pytest.raises(InstallationError, match="which is not installed") as caught:
        find_series(tmp_path).read()
    assert "pip install 'flarecli[io]'" in caught.value.remedy
    if module == "SimpleITK":
        assert caught.value.seen == "RLE Lossless, and no plugin of pydicom for it: pylibjpeg-rle"


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("syntax", ["RLELossless", "JPEGLSLossless"])
def test_plugins_of_pydicom_decode_without_gdcm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, syntax: str, signed: bool
) -> None:
    expected = write_series(tmp_path, signed=signed, compress=getattr(uids, syntax))
    monkeypatch.setitem(sys.modules, "SimpleITK", None)
    np.testing.assert_array_equal(_read(tmp_path), expected)


def test_compressed_pictures_of_another_size_are_refused_before_unpacking(tmp_path: Path) -> None:
    write_series(tmp_path, compress=uids.JPEGLSLossless)
    for path in tmp_path.iterdir():
        content = bytearray(path.read_bytes())
        at = content.index(b"\xff\xf7") + 5
        content[at : at + 4] = b"\xf0\x00\xf0\x00"
        path.write_bytes(content)
    with pytest.raises(InputError, match="cannot be read") as caught:
        find_series(tmp_path).read()
    assert "its header states 13 × 11" in str(caught.value.seen)
