"""NRRD and MetaImage files with every field wrong once, data files elsewhere, and odd ones that are sound."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.hostile.corpus import OddInput, check, names
from tests.volume.stored_files import metaimage, nrrd, scan_ijk

Make = Callable[[Path], list[str | Path]]
HU = scan_ijk()
DONE = ("o.json", "o.nrrd")


def _predict(folder: Path, path: Path) -> list[str | Path]:
    return ["predict", path, folder / "out" / "o.nrrd"]


def _nrrd(voxels: np.ndarray = HU, encoding: str = "raw", name: str = "s.nrrd", **change: str | None) -> Make:
    fields = {field.replace("_", " "): value for field, value in change.items()}
    return lambda folder: _predict(folder, nrrd(folder / name, voxels, encoding=encoding, change=fields))


def _meta(voxels: np.ndarray = HU, encoding: str = "raw", name: str = "s.mha", **change: str | None) -> Make:
    return lambda folder: _predict(folder, metaimage(folder / name, voxels, encoding=encoding, change=change))


def _changed(make: Make, name: str, change: Callable[[bytes], bytes]) -> Make:
    """A file made and then changed."""

    def changed(folder: Path) -> list[str | Path]:
        arguments = make(folder)
        (folder / name).write_bytes(change((folder / name).read_bytes()))
        return arguments

    return changed


def _replaced(make: Make, by: Callable[[Path], object]) -> Make:
    """A header whose data file `s.raw` is replaced by something else."""

    def replaced(folder: Path) -> list[str | Path]:
        arguments = make(folder)
        (folder / "s.raw").unlink()
        by(folder / "s.raw")
        return arguments

    return replaced


def _sliced(header: Make, count: int = 7) -> Make:
    """The voxels in files of their own, one a slice."""

    def sliced(folder: Path) -> list[str | Path]:
        arguments = header(folder)
        (folder / "s.raw").unlink()
        for k in range(count):
            (folder / f"s{k + 1:02d}.raw").write_bytes(HU[:, :, k].tobytes(order="F"))
        return arguments

    return sliced


def _named(suffix: str) -> Make:
    """Labels asked for in a format of two files."""
    return lambda folder: ["predict", nrrd(folder / "s.nrrd"), folder / "out" / f"o{suffix}"]


def _bytes(name: str, content: bytes) -> Make:
    def make(folder: Path) -> list[str | Path]:
        (folder / name).write_bytes(content)
        return _predict(folder, folder / name)

    return make


def _flip(place: int) -> Callable[[bytes], bytes]:
    return lambda whole: whole[:place] + bytes([whole[place] ^ 16]) + whole[place + 1 :]


LISTED = "\n".join(f"s{k + 1:02d}.raw" for k in range(7))
ODD = [
    # NRRD: files
    OddInput("nrrd empty", _bytes("s.nrrd", b""), 3, ("is empty",)),
    OddInput("nrrd of text", _bytes("s.nrrd", b"hello"), 3, ("not a NRRD file",)),
    OddInput("nrrd of version 0", _changed(_nrrd(), "s.nrrd", lambda b: b"NRRD0000" + b[8:]), 3, ("not a NRRD",)),
    OddInput("nrrd header without end", _bytes("s.nrrd", b"NRRD0004\ntype: short\n"), 3, ("does not end",)),
    OddInput("nrrd header of 3 MB", _bytes("s.nrrd", b"NRRD0004\n" + b"# x\n" * 800_000), 3, ("does not end",)),
    OddInput("nrrd line of no field", _changed(_nrrd(), "s.nrrd", lambda b: b[:9] + b"x\n" + b[9:]), 3, ("a line",)),
    OddInput("nrrd field twice", _changed(_nrrd(), "s.nrrd", lambda b: b[:9] + b"type: int\n" + b[9:]), 3, ("twice",)),
    OddInput(
        "nrrd with keys", _changed(_nrrd(), "s.nrrd", lambda b: b[:9] + b"a key:=type: int\n" + b[9:]), 0, (), DONE
    ),
    OddInput("nrrd with returns", _changed(_nrrd(), "s.nrrd", lambda b: b.replace(b"\n", b"\r\n", 12)), 0, (), DONE),
    OddInput("nrrd cut", _changed(_nrrd(), "s.nrrd", lambda b: b[:-9]), 3, ("fewer voxels",)),
    OddInput("nrrd gzip cut", _changed(_nrrd(encoding="gzip"), "s.nrrd", lambda b: b[:-99]), 3, ("too early",)),
    OddInput("nrrd gzip flipped", _changed(_nrrd(encoding="gzip"), "s.nrrd", _flip(-400)), 3, ("compressed data",)),
    OddInput("nrrd bzip2 flipped", _changed(_nrrd(encoding="bzip2"), "s.nrrd", _flip(-400)), 3, ("corrupt",)),
    OddInput("nrrd bzip2", _nrrd(encoding="bzip2"), 0, (), DONE),
    OddInput("nrrd text", _nrrd(encoding="text"), 0, (), DONE),
    OddInput(
        "nrrd text of words",
        _changed(_nrrd(encoding="text"), "s.nrrd", lambda b: b[:-99] + b" x y"),
        3,
        ("text",),
    ),
    OddInput("nrrd bytes behind", _changed(_nrrd(), "s.nrrd", lambda b: b + b"\n"), 0, ("1 byte follows",), DONE),
    # NRRD: fields
    *(
        OddInput(f"nrrd without {field}", _nrrd(**{field.replace(" ", "_"): None}), 3, (field,))
        for field in ("type", "dimension", "sizes")
    ),
    OddInput("nrrd without endian", _nrrd(endian=None), 3, ("byte order",)),
    OddInput("nrrd of blocks", _nrrd(type="block"), 3, ("type",)),
    OddInput("nrrd without encoding", _changed(_nrrd(), "s.nrrd", lambda b: b.replace(b"encoding", b"x")), 3, ("enc",)),
    OddInput("nrrd hex", _changed(_nrrd(), "s.nrrd", lambda b: b.replace(b": raw", b": hex")), 3, ("encoding",)),
    OddInput("nrrd size 0", _nrrd(sizes="9 0 7"), 3, ("sizes",)),
    OddInput("nrrd negative size", _nrrd(sizes="9 -8 7"), 3, ("sizes",)),
    OddInput("nrrd size of words", _nrrd(sizes="9 eight 7"), 3, ("sizes",)),
    OddInput("nrrd huge size", _nrrd(sizes="900 800 700"), 3, ("cannot hold an abdomen",)),
    OddInput("nrrd one size less", _nrrd(sizes="9 8"), 3, ("sizes",)),
    OddInput("nrrd dimension 2000000000", _nrrd(dimension="2000000000"), 3, ("too many axes",)),
    OddInput("nrrd without directions", _nrrd(space_directions=None), 3, ("spacings",)),
    OddInput("nrrd with damaged directions", _nrrd(space_directions="(1,0,0) (0,1"), 3, ("directions",)),
    OddInput("nrrd with nan in directions", _nrrd(space_directions="(nan,0,0) (0,4,0) (0,0,4)"), 3, ("finite",)),
    OddInput("nrrd with singular directions", _nrrd(space_directions="(4,0,0) (4,0,0) (0,0,5)"), 3, ("inverted",)),
    OddInput("nrrd sheared", _nrrd(space_directions="(4,1,0) (0,4,0) (0,0,5)"), 3, ("sheared",)),
    OddInput("nrrd in metres", _nrrd(space_units='"m" "m" "m"'), 3, ("voxel size",)),
    OddInput(
        "nrrd in centimetres",
        _nrrd(space_directions="(.4,0,0) (0,.4,0) (0,0,.5)", space_units='"cm" "cm" "cm"'),
        0,
        ("converted to mm",),
        DONE,
    ),
    OddInput("nrrd in inches", _nrrd(space_units='"inch" "inch" "inch"'), 3, ("units",)),
    OddInput("nrrd without space", _nrrd(space=None, space_dimension="3"), 0, ("left and right",), DONE),
    OddInput("nrrd in scanner-xyz", _nrrd(space="scanner-xyz"), 0, ("left and right",), DONE),
    OddInput("nrrd in RAS", _nrrd(space="RAS"), 0, (), DONE),
    OddInput(
        "nrrd with spacings",
        _nrrd(space_directions=None, space=None, space_origin=None, spacings="4 4 5"),
        0,
        ("left and right",),
        DONE,
    ),
    OddInput(
        "nrrd vectors",
        _nrrd(np.stack([HU] * 3), space_directions="none (4,0,0) (0,4,0) (0,0,5)"),
        3,
        ("several values",),
    ),
    OddInput(
        "nrrd of two volumes",
        _nrrd(np.stack([HU] * 2, -1), space_directions="(4,0,0) (0,4,0) (0,0,5) none"),
        3,
        ("several volumes",),
    ),
    OddInput(
        "nrrd of one volume in four axes",
        _nrrd(HU[None], space_directions="none (4,0,0) (0,4,0) (0,0,5)"),
        0,
        (),
        DONE,
    ),
    OddInput("nrrd picture", _nrrd(HU[:, :, 0], space_directions="(4,0,0) (0,4,0)"), 3, ("not a volume",)),
    OddInput("nrrd byte skip beyond", _nrrd(byte_skip="99999"), 3, ("fewer voxels",)),
    OddInput("nrrd byte skip -1", _nrrd(byte_skip="-1"), 0, (), DONE),
    OddInput("nrrd byte skip -1 of gzip", _nrrd(encoding="gzip", byte_skip="-1"), 3, ("byte skip",)),
    OddInput(
        "nrrd line skip",
        _changed(_nrrd(line_skip="2"), "s.nrrd", lambda b: b.replace(b"\n\n", b"\n\none\ntwo\n", 1)),
        0,
        (),
        DONE,
    ),
    # NRRD: data files
    OddInput("nhdr", _nrrd(name="s.nhdr"), 0, (), DONE),
    OddInput(
        "nhdr without its file",
        _replaced(_nrrd(name="s.nhdr"), lambda path: None),
        3,
        ("s.raw", "does not exist"),
    ),
    OddInput("nhdr of a FIFO", _replaced(_nrrd(name="s.nhdr"), os.mkfifo), 3, ("FIFO",)),
    OddInput(
        "nhdr of a device",
        _replaced(_nrrd(name="s.nhdr"), lambda p: p.symlink_to("/dev/zero")),
        3,
        ("not a regular",),
    ),
    OddInput(
        "nhdr of a dangling link",
        _replaced(_nrrd(name="s.nhdr"), lambda p: p.symlink_to("x")),
        3,
        ("not there",),
    ),
    OddInput("nhdr of a folder", _replaced(_nrrd(name="s.nhdr"), lambda p: p.mkdir()), 3, ("is a folder",)),
    OddInput("nhdr of a file above", _nrrd(name="s.nhdr", data_file="../s.raw"), 3, ("beside",)),
    OddInput("nhdr of a file elsewhere", _nrrd(name="s.nhdr", data_file="/etc/hostname"), 3, ("beside",)),
    OddInput(
        "nhdr of a short file",
        _replaced(_nrrd(name="s.nhdr"), lambda p: p.write_bytes(bytes(99))),
        3,
        ("fewer",),
    ),
    OddInput(
        "nhdr of a long file",
        _replaced(_nrrd(name="s.nhdr"), lambda p: p.write_bytes(bytes(9999))),
        3,
        ("more",),
    ),
    OddInput("nhdr of slices", _sliced(_nrrd(name="s.nhdr", data_file="s%02d.raw 1 7 1")), 0, (), DONE),
    OddInput(
        "nhdr that lists a slice twice",
        _sliced(_nrrd(name="s.nhdr", data_file="LIST\n" + LISTED.replace("s02", "s03"))),
        3,
        ("a data file twice", "s03.raw"),
    ),
    OddInput(
        "nrrd with a space and no directions",
        _nrrd(space_directions=None, space_origin=None, spacings="4 4 5"),
        0,
        ("gives no space directions",),
        DONE,
    ),
    OddInput(
        "nrrd with two centerings",
        _nrrd(
            space=None,
            space_directions=None,
            space_origin=None,
            spacings="4 4 5",
            axis_mins="0 0 0",
            centerings="cell cell",
        ),
        3,
        ("centerings",),
    ),
    OddInput("nhdr of listed slices", _sliced(_nrrd(name="s.nhdr", data_file="LIST\n" + LISTED)), 0, (), DONE),
    OddInput(
        "nhdr of slices, one missing",
        _sliced(_nrrd(name="s.nhdr", data_file="s%02d.raw 1 7 1"), 6),
        3,
        ("s07.raw",),
    ),
    OddInput(
        "nhdr of too many slices",
        _sliced(_nrrd(name="s.nhdr", data_file="s%02d.raw 1 99999999 1")),
        3,
        ("pattern",),
    ),
    # MetaImage: files
    OddInput("mha empty", _bytes("s.mha", b""), 3, ("is empty",)),
    OddInput("mha of text", _bytes("s.mha", b"hello"), 3, ("not a MetaImage",)),
    OddInput("mha of zeros", _bytes("s.mha", bytes(3_000_000)), 3, ("not a MetaImage",)),
    OddInput("mha cut", _changed(_meta(), "s.mha", lambda b: b[:-9]), 3, ("fewer voxels",)),
    OddInput("mha cut, compressed", _changed(_meta(encoding="zlib"), "s.mha", lambda b: b[:-99]), 3, ("too early",)),
    OddInput("mha flipped", _changed(_meta(encoding="zlib"), "s.mha", _flip(-400)), 3, ("compressed data",)),
    OddInput("mha with a wrong checksum", _changed(_meta(encoding="zlib"), "s.mha", _flip(-2)), 3, ("corrupt",)),
    OddInput("mha of two slices more", _changed(_meta(), "s.mha", lambda b: b + bytes(288)), 3, ("more voxels",)),
    OddInput(
        "mha bytes behind", _changed(_meta(encoding="zlib"), "s.mha", lambda b: b + b"x"), 0, ("1 byte follows",), DONE
    ),
    OddInput("mha text", _meta(encoding="text"), 0, (), DONE),
    # MetaImage: fields
    *(
        OddInput(f"mha without {field}", _meta(**{field: None}), 3, (field,))
        for field in ("DimSize", "ElementType", "ElementSpacing")
    ),
    OddInput("mha without NDims", _meta(NDims=None), 3, ("NDims",)),
    OddInput("mha without matrix", _meta(TransformMatrix=None), 0, ("left and right",), DONE),
    OddInput("mha without offset", _meta(Offset=None), 0, (), DONE),
    OddInput("mha of a mesh", _meta(ObjectType="Mesh"), 3, ("not an image",)),
    OddInput("mha of colours", _meta(ElementNumberOfChannels="3"), 3, ("several values",)),
    OddInput("mha of arrays", _meta(ElementType="MET_SHORT_ARRAY"), 3, ("type",)),
    OddInput("mha of another type", _meta(ElementType="MET_INT"), 3, ("fewer voxels",)),
    OddInput("mha size 0", _meta(DimSize="9 8 0"), 3, ("DimSize",)),
    OddInput("mha huge size", _meta(DimSize="400 500 400"), 3, ("fewer voxels",)),
    OddInput("mha NDims 99999999", _meta(NDims="99999999"), 3, ("too many axes",)),
    OddInput("mha spacing 0", _meta(ElementSpacing="4 0 5"), 3, ("affine",)),
    OddInput("mha spacing not a number", _meta(ElementSpacing="4 nan 5"), 3, ("finite",)),
    OddInput("mha matrix of zeros", _meta(TransformMatrix="0 0 0 0 0 0 0 0 0"), 3, ("inverted",)),
    OddInput("mha matrix of four", _meta(TransformMatrix="1 0 0 1"), 3, ("TransformMatrix",)),
    OddInput("mha matrix twice as long", _meta(TransformMatrix="2 0 0 0 2 0 0 0 2"), 0, ("contradicts",), DONE),
    OddInput("mha scaled by 10", _meta(ElementToIntensityFunctionSlope="10"), 3, ("scaled",)),
    OddInput("mha scaled by 0", _meta(ElementToIntensityFunctionSlope="0"), 3, ("scaled by 0",)),
    OddInput("mhd", _meta(encoding="zlib", name="s.mhd"), 0, (), DONE),
    OddInput("mhd without its file", _replaced(_meta(name="s.mhd"), lambda path: None), 3, ("s.raw", "does not exist")),
    OddInput("mhd of a FIFO", _replaced(_meta(name="s.mhd"), os.mkfifo), 3, ("FIFO",)),
    OddInput("mhd of itself", _meta(name="s.mhd", ElementDataFile="s.mhd"), 3, ("fewer voxels",)),
    OddInput("mhd of a file above", _meta(name="s.mhd", ElementDataFile="../../s.raw"), 3, ("beside",)),
    OddInput("mhd of slices", _sliced(_meta(name="s.mhd", ElementDataFile="s%02d.raw 1 7 1")), 0, (), DONE),
    OddInput(
        "mhd that lists a slice twice",
        _sliced(_meta(name="s.mhd", ElementDataFile="LIST\n" + LISTED.replace("s02", "s03"))),
        3,
        ("a data file twice", "s03.raw"),
    ),
    OddInput("mhd of listed slices", _sliced(_meta(name="s.mhd", ElementDataFile="LIST\n" + LISTED)), 0, (), DONE),
    OddInput("mhd of a bad pattern", _meta(name="s.mhd", ElementDataFile="%s%s%n.raw 1 7 1"), 3, ("data files",)),
    OddInput(
        "mhd with a header to pass over",
        _changed(_meta(name="s.mhd", HeaderSize="-1"), "s.raw", lambda b: b"head" + b),
        0,
        (),
        DONE,
    ),
    # names that cannot be written
    *(OddInput(f"labels as {suffix}", _named(suffix), 2, (".nii.gz",)) for suffix in (".mhd", ".nhdr", ".img")),
]


@pytest.mark.parametrize("entry", ODD, ids=names(ODD))
@pytest.mark.usefixtures("threshold_system")
def test_odd_nrrd_or_metaimage(entry: OddInput, tmp_path: Path) -> None:
    check(entry, tmp_path)
