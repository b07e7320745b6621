"""Headers that are found in one pass say what pydicom says of them; others are left to it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from flarecli.dicom import tags
from flarecli.dicom.plain_header import plain_header
from tests.dicom.series_writer import item, write_multi_frame, write_series

pydicom = pytest.importorskip("pydicom", reason="needs the extra io: pip install 'flarecli[io]'")

from pydicom.sequence import Sequence as Items  # noqa: E402
from pydicom.uid import ImplicitVRLittleEndian  # noqa: E402


def _slice(folder: Path, *, undefined: bool, syntax: str = "1.2.840.10008.1.2.1") -> bytes:
    """A slice with sequences, nested ones among them, and private elements."""

    def each(dataset: object, k: int) -> None:
        inner = Items([item(CodeValue="1", CodeMeaning="a"), item(CodeValue="2")])
        dataset.ProcedureCodeSequence = Items([item(CodeValue="P", ContextGroupExtensionFlag="N")])
        dataset.RequestAttributesSequence = Items([item(ScheduledProtocolCodeSequence=inner), item()])
        dataset.private_block(0x0029, "MAKER", create=True).add_new(0x10, "OB", bytes(range(256)) * 8)
        dataset.KVP = ""
        if undefined:
            for name in ("ProcedureCodeSequence", "RequestAttributesSequence"):
                dataset[name].is_undefined_length = True
                for part in dataset[name].value:
                    part.is_undefined_length_sequence_item = True
            inner_element = dataset.RequestAttributesSequence[0]["ScheduledProtocolCodeSequence"]
            inner_element.is_undefined_length = True

    write_series(folder, slices=[0], each=each, syntax=syntax)
    return (folder / "IM000.dcm").read_bytes()


def _of_pydicom(content: bytes, folder: Path) -> dict[int, bytes]:
    path = folder / "other.dcm"
    path.write_bytes(content)
    dataset = pydicom.dcmread(path, specific_tags=list(tags.WANTED), stop_before_pixels=True, force=True)
    return {int(tag): dataset.get_item(tag, keep_deferred=True).value or b"" for tag in list(dataset.keys())}


@pytest.mark.parametrize("undefined", [False, True])
def test_a_header_is_found_as_pydicom_finds_it(tmp_path: Path, undefined: bool) -> None:
    content = _slice(tmp_path / "a", undefined=undefined)

    found = plain_header(content)

    assert found is not None
    expected = _of_pydicom(content, tmp_path)
    assert {tag: element.value for tag, element in found.elements.items()} == expected
    assert tags.KVP in found.elements
    pixels = pydicom.dcmread(tmp_path / "other.dcm").PixelData
    assert found.pixels_length == len(pixels)
    assert content[found.pixels_start :][: len(pixels)] == pixels


def test_other_syntaxes_frames_and_beginnings_are_left_to_pydicom(tmp_path: Path) -> None:
    content = _slice(tmp_path / "a", undefined=False)
    write_multi_frame(tmp_path / "frames.dcm")

    assert plain_header(_slice(tmp_path / "b", undefined=True, syntax=ImplicitVRLittleEndian)) is None
    assert plain_header((tmp_path / "frames.dcm").read_bytes()) is None
    assert plain_header(content[132:]) is None
    found = plain_header(content)
    assert found is not None
    assert all(plain_header(content[:length]) is None for length in range(0, found.pixels_start - 12, 7))


def test_damaged_bytes_give_no_header_or_the_one_that_pydicom_sees(tmp_path: Path) -> None:
    content = _slice(tmp_path / "a", undefined=True)
    whole = plain_header(content)
    assert whole is not None
    rng = np.random.default_rng(7)
    found_again = 0
    for _ in range(150):
        damaged = bytearray(content)
        damaged[int(rng.integers(128, whole.pixels_start))] = int(rng.integers(256))
        found = plain_header(bytes(damaged))
        if found is None:
            continue
        try:
            expected = _of_pydicom(bytes(damaged), tmp_path)
        except Exception:
            continue  # what pydicom cannot read, either
        assert {tag: element.value for tag, element in found.elements.items()} == expected
        found_again += 1
    assert found_again > 30
