"""Compressed frames, decoded by GDCM (part of SimpleITK) where it supports them, or by a plugin of pydicom.

Each frame is passed to GDCM as a minimal DICOM file that describes the pixels only, so that GDCM returns words without
rescaling. Decoders treat the bits outside Bits Stored in different ways, by transfer syntax and library, and none heeds
High Bit: they are told that all bits are used, and `flarecli.dicom.pixels` selects those of all slices alike.
"""

from __future__ import annotations

import locale
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from flarecli.dicom import tags
from flarecli.dicom.copies import stored_bytes
from flarecli.dicom.header import DamagedHeaderError
from flarecli.dicom.packages import pydicom_uids, simpleitk
from flarecli.dicom.slices import Slice
from flarecli.errors import InputError, InstallationError

FrameDecoder = Callable[[Slice, np.ndarray], np.ndarray]
"""Words of one slice, shape (rows, columns), of any integer type; the second argument is a buffer to use.

Raises DamagedHeaderError when they cannot be decoded.
"""

_JPEG = "1.2.840.10008.1.2.4."
_RLE = "1.2.840.10008.1.2.5"
_BY_GDCM = frozenset(f"{_JPEG}{number}" for number in (50, 51, 57, 70, 80, 81, 90, 91)) | {_RLE}
"""JPEG baseline, extended, lossless; JPEG-LS; JPEG 2000; RLE."""

_JPEG_2000 = frozenset(f"{_JPEG}{number}" for number in (90, 91))
_MOST_BITS = 16
"""Of JPEG 2000 with more bits GDCM 3.2 (SimpleITK 2.5) returns wrong values."""

_PIXEL_KEYWORDS = {
    "SamplesPerPixel": tags.SAMPLES,
    "Rows": tags.ROWS,
    "Columns": tags.COLUMNS,
    "BitsAllocated": tags.BITS_ALLOCATED,
    "PixelRepresentation": tags.PIXEL_REPRESENTATION,
}
_WITHOUT_CORRECTION = {
    "correct_unused_bits": False,
    "apply_j2k_sign_correction": False,
    "apply_jls_sign_correction": False,
}
"""Options of pydicom's decoders that leave all bits as they were decoded."""

_silence = threading.Lock()
_silent_bodies = 0
_shown_before = False
_locale_before = "C"


@contextmanager
def frame_decoder(slice_: Slice, path: Path) -> Iterator[FrameDecoder]:
    """The decoder of a slice's transfer syntax.

    Raises:
        InputError: when the syntax is not supported.
        InstallationError: when the package that decodes it is not installed.
    """
    sitk = _gdcm(slice_, path)
    if sitk is not None:
        with _without_warnings(sitk), tempfile.TemporaryDirectory(prefix="flare-dicom-") as folder:
            yield lambda one, _: _by_gdcm(sitk, one, Path(folder))
    else:
        yield _plugin(slice_, path)


def _gdcm(slice_: Slice, path: Path) -> Any:
    """SimpleITK, which holds GDCM, for the syntaxes that GDCM supports; None where a plugin of pydicom decodes them.

    Raises:
        InstallationError: when neither it nor such a plugin is installed.
    """
    syntax = slice_.header.syntax
    if syntax not in _BY_GDCM or (syntax in _JPEG_2000 and slice_.number(tags.BITS_ALLOCATED) > _MOST_BITS):
        return None
    try:
        return simpleitk(path)
    except InstallationError as error:
        from pydicom.pixels import get_decoder

        decoder = get_decoder(slice_.header.syntax)
        if decoder.is_available:
            return None
        raise InstallationError(
            error.problem,
            path=path,
            seen=f"{_name(slice_)}, and no plugin of pydicom for it: {'; '.join(decoder.missing_dependencies)}",
            remedy=error.remedy,
        ) from error


@contextmanager
def _without_warnings(sitk: Any) -> Iterator[None]:
    """Suppress ITK's warnings, and keep the locale of the process.

    Both are shared by all threads: the first body saves them, the last one restores them. ITK sets the locale "C" for
    each file that it reads and then restores the former one, which with several threads may be the "C" of another one;
    Python would then decode the output of programs as ASCII. A frame that cannot be decoded still raises.
    """
    global _silent_bodies, _shown_before, _locale_before
    with _silence:
        if not _silent_bodies:
            _locale_before = locale.setlocale(locale.LC_ALL)
            _shown_before = sitk.ProcessObject.GetGlobalWarningDisplay()
            sitk.ProcessObject.SetGlobalWarningDisplay(False)
        _silent_bodies += 1
    try:
        yield
    finally:
        with _silence:
            _silent_bodies -= 1
            if not _silent_bodies:
                sitk.ProcessObject.SetGlobalWarningDisplay(_shown_before)
                locale.setlocale(locale.LC_ALL, _locale_before)


def _by_gdcm(sitk: Any, slice_: Slice, folder: Path) -> np.ndarray:
    content = stored_bytes(slice_)
    shape = int(slice_.number(tags.ROWS)), int(slice_.number(tags.COLUMNS))
    _check_size(content, slice_.header.syntax, shape)
    file = folder / f"{abs(hash((slice_.header.path, slice_.frame)))}.dcm"
    _write_frame(file, content, slice_)
    try:
        image = sitk.ReadImage(str(file), imageIO="GDCMImageIO")
        values = np.array(sitk.GetArrayViewFromImage(image))
    except RuntimeError as error:
        raise DamagedHeaderError(f"its compressed pixel data ({_name(slice_)}) cannot be decoded") from error
    finally:
        file.unlink(missing_ok=True)
    values = values.reshape(values.shape[-2:]) if values.size == shape[0] * shape[1] else values
    if values.shape != shape or values.dtype.kind not in "iu":
        raise DamagedHeaderError(
            f"its compressed pixel data decode to {values.dtype} of shape {values.shape}, its header states {shape}"
        )
    return values


def _check_size(content: bytes, syntax: str, shape: tuple[int, int]) -> None:
    """Refuse a compressed stream that states another size than the header, before it is decoded."""
    stated = _stated_size(content)
    if stated is not None and stated != shape:
        raise DamagedHeaderError(
            f"its compressed image is {stated[1]} × {stated[0]}, its header states {shape[1]} × {shape[0]}"
        )
    if syntax == _RLE and len(content) * 64 < shape[0] * shape[1]:  # two bytes stand for 128 at most
        raise DamagedHeaderError("its run-length data are too short for its rows and columns")


def _stated_size(content: bytes) -> tuple[int, int] | None:
    """Rows and columns that a JPEG, JPEG-LS or JPEG 2000 stream states. Source: ITU-T T.81 §B.2.2, T.800 §A.5.1."""
    if content[:4] == b"\xff\x4f\xff\x51":
        right, bottom, left, top = (int.from_bytes(content[at : at + 4], "big") for at in (8, 12, 16, 20))
        return bottom - top, right - left
    place = 2
    while content[:2] == b"\xff\xd8" and place + 9 <= len(content) and content[place] == 0xFF:
        marker = content[place + 1]
        if (0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC)) or marker == 0xF7:
            return int.from_bytes(content[place + 5 : place + 7], "big"), int.from_bytes(
                content[place + 7 : place + 9], "big"
            )
        place += 2 + int.from_bytes(content[place + 2 : place + 4], "big")
    return None


def _write_frame(file: Path, content: bytes, slice_: Slice) -> None:
    """Write a DICOM file with one compressed frame and the attributes that describe its pixels."""
    import pydicom
    from pydicom.encaps import encapsulate
    from pydicom.uid import UID

    dataset = pydicom.Dataset()
    dataset.file_meta = pydicom.dataset.FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = UID(slice_.header.syntax)
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID = UID(tags.CT_IMAGE)
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID = UID("1.2.826.0.1.3680043.8.498.1")
    for keyword, tag in _PIXEL_KEYWORDS.items():
        setattr(dataset, keyword, int(slice_.number(tag)))
    dataset.BitsStored, dataset.HighBit = dataset.BitsAllocated, dataset.BitsAllocated - 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.PixelData = encapsulate([content])
    dataset["PixelData"].VR = "OB"
    try:
        dataset.save_as(file, enforce_file_format=True)
    except OSError as error:
        raise InputError(
            "a compressed slice cannot be written to the temporary folder",
            path=slice_.header.path,
            seen=error.strerror,
            remedy="Make room there, or name another folder in the environment variable TMPDIR.",
        ) from error


def _plugin(slice_: Slice, path: Path) -> FrameDecoder:
    """A decoder of pydicom for a syntax that GDCM does not support."""
    from pydicom.pixels import get_decoder

    try:
        decoder = get_decoder(slice_.header.syntax)
    except (NotImplementedError, KeyError, ValueError) as error:
        raise InputError(
            "the transfer syntax is not supported",
            path=path,
            seen=f"{_name(slice_)} in {slice_.name}",
            expected="uncompressed, deflated, RLE, JPEG, JPEG-LS or JPEG 2000",
            remedy="Convert the series to Explicit VR Little Endian, for example with gdcmconv --raw or dcmdjpeg.",
        ) from error
    if not decoder.is_available:
        raise InstallationError(
            f"the transfer syntax {_name(slice_)} needs a plugin of pydicom that is not installed",
            path=path,
            seen="; ".join(decoder.missing_dependencies),
            remedy="Install one of them with pip, or convert the series to Explicit VR Little Endian.",
        )

    def decode(one: Slice, _: np.ndarray) -> np.ndarray:
        try:
            dataset = pydicom_dataset(one)
            frame, _ = decoder.as_array(dataset, index=one.frame, raw=True, **_WITHOUT_CORRECTION)
            return np.array(frame)
        except Exception as error:  # plugins raise errors of any type
            raise DamagedHeaderError(f"its compressed pixel data ({_name(one)}) cannot be decoded") from error

    return decode


def pydicom_dataset(slice_: Slice) -> Any:
    """The whole file as pydicom reads it."""
    import pydicom

    return pydicom.dcmread(slice_.header.path, force=True)


def _name(slice_: Slice) -> str:
    return str(pydicom_uids(slice_.header.path).UID(slice_.header.syntax).name)
