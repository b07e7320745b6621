"""Headers with anything in them: an `InputError`, or a scan whose voxels are all there; never much memory or time."""

from __future__ import annotations

import gzip
import re
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import nibabel
import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from flarecli.errors import InputError
from flarecli.volume import read_volume
from tests.volume.stored_files import metaimage, nifti, nifti_parts, nrrd

_MOST_BYTES = 40_000_000
_FUZZED = settings(
    deadline=2000, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True
)

_PIECES = st.sampled_from(
    [
        *("", "0", "1", "-1", "3", "9 8 7", "2147483647", "1e308", "nan", "inf", "-0", "none", "(", ")", "(0,0,0)"),
        *("(1,0,0) (0,1,0) (0,0,1)", "raw", "gzip", "bzip2", "text", "zlib", "LOCAL", "LIST", "%d", "%999d 0 9 1"),
        *("s%d.raw 0 99999 1", "..", "/dev/zero", "short", "MET_SHORT", "True", "False", "left-posterior-superior"),
        *("1 2 3 4", '"m" "m" "m"', "\x00", "\xff", "é", "9" * 5000),
    ]
)
_CHANGES = st.lists(
    st.tuples(st.integers(0, 14), st.sampled_from(["value", "word", "drop", "twice", "line"]), _PIECES), max_size=4
)


@pytest.fixture(autouse=True)
def _bounded_memory() -> Iterator[None]:
    tracemalloc.start()
    yield
    tracemalloc.stop()


def _read(path: Path) -> None:
    tracemalloc.reset_peak()
    try:
        volume = read_volume(path)
    except InputError:
        pass
    else:
        assert volume.voxels.dtype == np.int16
        assert volume.voxels.shape == volume.grid.shape_zyx
    assert tracemalloc.get_traced_memory()[1] < _MOST_BYTES


@_FUZZED
@given(
    patches=st.lists(st.tuples(st.integers(0, 351), st.binary(min_size=1, max_size=8)), max_size=4),
    compressed=st.booleans(),
)
def test_any_bytes_in_a_nifti_header(tmp_path: Path, patches: list[tuple[int, bytes]], compressed: bool) -> None:
    head, voxels = nifti_parts()
    changed = bytearray(head)
    for place, content in patches:
        changed[place : place + len(content)] = content[: len(changed) - place]
    path = tmp_path / "s.nii"
    path.write_bytes(bytes(changed) + voxels)
    if compressed:
        path.write_bytes(gzip.compress(path.read_bytes(), 1))
    _read(path)


_FIELDS = ("dim", "datatype", "bitpix", "pixdim", "vox_offset", "scl_slope", "scl_inter", "qform_code", "sform_code")
_MORE = ("quatern_b", "qoffset_x", "srow_x", "srow_y", "srow_z", "xyzt_units", "intent_code", "cal_max", "slice_end")
_NUMBERS = st.sampled_from(
    [0, 1, -1, 2, 3, 4, 7, 16, 64, 128, 352, 353, 32767, -32768, 0.5, 1e30, -1e30, np.nan, np.inf]
)


@_FUZZED
@given(fields=st.dictionaries(st.sampled_from(_FIELDS + _MORE), _NUMBERS, max_size=5), place=st.integers(0, 7))
@example(fields={"dim": 32767}, place=3)
def test_any_numbers_in_nifti_fields(tmp_path: Path, fields: dict[str, float], place: int) -> None:
    head, voxels = nifti_parts()
    header = np.frombuffer(head[:348], nibabel.nifti1.header_dtype).copy()
    with np.errstate(all="ignore"):
        for name, number in fields.items():
            target = header[name][0] if header[name].ndim > 1 else header[name]
            target[place % len(target)] = (
                np.array(number).astype(target.dtype) if np.isfinite(number) or (target.dtype.kind == "f") else 0
            )
    path = tmp_path / "s.nii"
    path.write_bytes(header.tobytes() + head[348:] + voxels)
    _read(path)


def _mutated(text: str, separator: str, changes: list[tuple[int, str, str]]) -> bytes:
    lines = text.split("\n")
    for number, kind, piece in changes:
        place = number % len(lines)
        name, found, value = lines[place].partition(separator)
        if kind == "value":
            lines[place] = f"{name}{found} {piece}"
        elif kind == "word":
            words = re.split(r"(\s+|,)", value)
            words[number % len(words)] = piece
            lines[place] = name + found + "".join(words)
        elif kind == "drop":
            lines[place] = ""
        elif kind == "twice":
            lines.insert(place, lines[place])
        else:
            lines[place] = piece
    kept = [line for line in lines if line]
    return ("\n".join(kept) + "\n").encode("utf-8", "replace")


@_FUZZED
@given(changes=_CHANGES, encoding=st.sampled_from(["raw", "gzip", "bzip2", "text"]), beside=st.booleans())
def test_any_fields_in_a_nrrd_header(
    tmp_path: Path, changes: list[tuple[int, str, str]], encoding: str, beside: bool
) -> None:
    path = nrrd(tmp_path / ("s.nhdr" if beside else "s.nrrd"), encoding=encoding)
    head, end, content = path.read_bytes().partition(b"\n\n")
    path.write_bytes(_mutated(head.decode(), ":", changes) + end[1:] + content)
    _read(path)


@_FUZZED
@given(changes=_CHANGES, encoding=st.sampled_from(["raw", "zlib", "text"]), beside=st.booleans())
def test_any_fields_in_a_metaimage_header(
    tmp_path: Path, changes: list[tuple[int, str, str]], encoding: str, beside: bool
) -> None:
    path = metaimage(tmp_path / ("s.mhd" if beside else "s.mha"), encoding=encoding)
    whole = path.read_bytes()
    end = whole.index(b"\n", whole.index(b"ElementDataFile"))
    path.write_bytes(_mutated(whole[:end].decode(), "=", changes) + whole[end + 1 :])
    _read(path)


@_FUZZED
@given(
    content=st.binary(max_size=600), start=st.sampled_from([b"", b"NRRD0004\n", b"NDims = 3\n", b"\x1f\x8b\x08\x00"])
)
@pytest.mark.parametrize("name", ["s.nii", "s.nrrd", "s.nhdr", "s.mha", "s.mhd", "s.hdr"])
def test_any_bytes_at_all(tmp_path: Path, name: str, content: bytes, start: bytes) -> None:
    (tmp_path / name).write_bytes(start + content)
    _read(tmp_path / name)


@_FUZZED
@given(place=st.integers(0, 10_000), bit=st.integers(0, 7), name=st.sampled_from(["s.nii.gz", "s.nrrd", "s.mha"]))
def test_any_bit_of_a_compressed_file(tmp_path: Path, place: int, bit: int, name: str) -> None:
    path = tmp_path / name
    if name == "s.nii.gz":
        nifti(path)
    elif name == "s.nrrd":
        nrrd(path, encoding="gzip")
    else:
        metaimage(path, encoding="zlib")
    whole = bytearray(path.read_bytes())
    whole[place % len(whole)] ^= 1 << bit
    path.write_bytes(bytes(whole))
    _read(path)
