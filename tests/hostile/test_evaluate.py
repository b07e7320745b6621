"""Odd label maps, tables and destinations, as `flare evaluate` meets them."""

from __future__ import annotations

import gzip
import os
import struct
from collections.abc import Callable, Sequence
from pathlib import Path

import nibabel
import numpy as np
import pytest

from tests.hostile.corpus import OddInput, check, names
from tests.metrics.label_files import AFFINE_RAS, blobs, save_labels

Arguments = Sequence[str | Path]
Change = Callable[[Path], object]

ONE = ("1 case", "0 failures")
NOT_LABELS = ("cannot be labels",)
TABLE = "Name,DSC_1,NSD-1mm_1\na,0.9,0.8\nb,0.5,0.4\n"


def pair(folder: Path, change: Change | None = None, *, name: str = "a.nii.gz") -> Arguments:
    """A sound pair of files, then a change to the ground truth."""
    save_labels(folder / "pred.nii.gz", blobs())
    gt = save_labels(folder / name, blobs())
    if change is not None:
        change(gt)
    return "evaluate", folder / "pred.nii.gz", gt


def with_gt(change: Change, *, name: str = "a.nii.gz") -> Callable[[Path], Arguments]:
    return lambda folder: pair(folder, change, name=name)


def with_values(values: np.ndarray, *options: str) -> Callable[[Path], Arguments]:
    return lambda folder: (*pair(folder, lambda gt: save_labels(gt, values)), *options)


def with_options(*options: str) -> Callable[[Path], Arguments]:
    """Options after a sound pair; {} stands for the folder."""
    return lambda folder: (*pair(folder), *(option.format(folder) for option in options))


def folders(change: Change) -> Callable[[Path], Arguments]:
    """Two folders of two cases, then a change to the folder that both lie in."""

    def make(folder: Path) -> Arguments:
        for side in ("pred", "gt"):
            for name in "ab":
                save_labels(folder / side / f"{name}.nii.gz", blobs())
        change(folder)
        return "evaluate", folder / "pred", folder / "gt", "--jobs", "1"

    return make


def header_field(offset: int, content: bytes) -> Change:
    """Other bytes in the header of a compressed NIfTI file."""

    def change(path: Path) -> None:
        data = bytearray(gzip.decompress(path.read_bytes()))
        data[offset : offset + len(content)] = content
        path.write_bytes(gzip.compress(bytes(data), mtime=0))

    return change


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-40])


def one_bit(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


def fifo(path: Path) -> None:
    path.unlink(missing_ok=True)
    os.mkfifo(path)


def dangling(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.symlink_to("nothing")


def compared(*contents: str | bytes, verb: str = "compare") -> Callable[[Path], Arguments]:
    """A sound table, then others."""

    def make(folder: Path) -> Arguments:
        paths = []
        for number, content in enumerate((TABLE, *contents)):
            paths.append(folder / f"t{number}.csv")
            paths[-1].write_bytes(content if isinstance(content, bytes) else content.encode())
        return "evaluate", verb, *paths

    return make


_FLOAT = blobs().astype(np.float32)
_ALMOST = np.where(_FLOAT == 3, np.float32(2.9999998), _FLOAT)
_ELSEWHERE = np.where(blobs() == 4, 13, blobs()).astype(np.uint8)

CORPUS = [
    # Files
    OddInput("an empty file", with_gt(lambda gt: gt.write_bytes(b"")), 3, ("is empty",)),
    OddInput("a text", with_gt(lambda gt: gt.write_text("no image")), 3, ("not a NIfTI file",)),
    OddInput("a file that is cut short", with_gt(cut), 3, ("a.nii.gz",)),
    OddInput("a file with one wrong bit", with_gt(one_bit), 3, ("corrupt",)),
    OddInput("a FIFO", with_gt(fifo), 3, ("regular file",)),
    OddInput("a link to nothing", with_gt(dangling), 3, ("link to a file that is not there",)),
    OddInput("a device", lambda folder: (*pair(folder)[:2], "/dev/null"), 3, ("regular file",)),
    OddInput("no such file", lambda folder: (*pair(folder)[:2], folder / "b.nii.gz"), 3, ("does not exist",)),
    OddInput("an empty name", lambda folder: (*pair(folder)[:2], ""), 3, ("is not a path",)),
    OddInput("an empty folder", folders(lambda f: [p.unlink() for p in (f / "gt").iterdir()]), 3, ("empty folder",)),
    OddInput("a pattern without files", lambda f: (*pair(f)[:2], f / "x*.nii"), 3, ("matches nothing",)),
    OddInput("a pattern that is none", lambda f: (*pair(f)[:2], f / "**x" / "[a"), 3, ()),
    OddInput("a name of 300 letters", lambda f: (*pair(f)[:2], f / ("x" * 300)), 3, ("x" * 300,)),
    OddInput("a pattern of 300 letters", lambda f: (*pair(f)[:2], f / ("x" * 300 + "*")), 3, ("x" * 300,)),
    OddInput("a table of 300 letters", lambda f: (*compared()(f), f / ("x" * 300)), 3, ("x" * 300,)),
    # Headers
    OddInput("shape of another scan", with_values(blobs((17, 14, 10))), 3, ("differ in shape", "(10, 14, 17)")),
    OddInput(
        "a shape of 2^31 voxels", with_gt(header_field(40, struct.pack("<4h", 3, 2047, 2047, 512))), 3, ("shape",)
    ),
    OddInput("four dimensions", with_values(np.stack([blobs()] * 2, axis=3)), 3, ("one volume",)),
    OddInput("a fourth axis of one voxel", with_values(blobs()[..., None]), 0, ONE),
    OddInput("no dimensions", with_gt(header_field(40, struct.pack("<4h", 0, 0, 0, 0))), 3, ("size",)),
    OddInput("an unknown type", with_gt(header_field(70, struct.pack("<h", 77))), 3, ("header",)),
    OddInput("colours", with_gt(header_field(70, struct.pack("<2h", 128, 24))), 3, ("no plain numbers",)),
    OddInput("complex numbers", with_values(blobs().astype(np.complex64)), 3, ("no plain numbers",)),
    OddInput("voxels of 0 mm", with_gt(header_field(80, struct.pack("<3f", 0, 0, 0))), 0, ("pixdim",)),
    OddInput("voxels of 5 km", with_gt(header_field(80, struct.pack("<f", 5e6))), 3, ("voxel size",)),
    OddInput(
        "a slope that is not a number", with_gt(header_field(112, struct.pack("<2f", 1, np.nan))), 3, ("scaling",)
    ),
    OddInput("an affine of zeros", with_gt(header_field(280, bytes(48))), 3, ()),
    OddInput(
        "another place", lambda f: pair(f, lambda gt: save_labels(gt, blobs(), np.diag([1.0, 1, 1, 1]))), 3, ("apart",)
    ),
    OddInput(
        "another place, ignored",
        lambda f: (*pair(f, lambda gt: save_labels(gt, blobs(), np.diag([1.0, 1, 1, 1]))), "--ignore-geometry"),
        0,
        ONE,
    ),
    # Values
    OddInput("negative values", with_values(blobs().astype(np.int16) - 1), 3, NOT_LABELS),
    OddInput("values above 65535", with_values(blobs().astype(np.int32) * 70_000), 3, NOT_LABELS),
    OddInput("NaN", with_values(np.where(_FLOAT == 1, np.nan, _FLOAT)), 3, NOT_LABELS),
    OddInput("infinity", with_values(np.where(_FLOAT == 1, np.inf, _FLOAT)), 3, NOT_LABELS),
    OddInput("3 as 2.9999998", with_values(_ALMOST), 0, ("1.0000", *ONE)),
    OddInput("3 as 2.9999998, literally", with_values(_ALMOST, "--literal"), 0, ("0.0000", *ONE)),
    OddInput("values between labels", with_values(_FLOAT * np.float32(0.9)), 0, ("between labels",)),
    OddInput("kidneys apart", with_values(np.where(_FLOAT == 4, 5, blobs()).astype("u1")), 0, ("predict --sides",)),
    OddInput("values of FLARE22", with_values(_ELSEWHERE), 0, ("13 (48 voxels)", "(pancreas)", "--protocol flare22")),
    OddInput("values of FLARE22, literally", with_values(_ELSEWHERE, "--literal"), 0, ("does not score: 13",)),
    OddInput("a scan as ground truth", with_values(np.arange(2240, dtype=np.int16).reshape(16, 14, 10)), 0, ("more",)),
    OddInput("nothing labelled", with_values(np.zeros_like(blobs())), 0, ONE),
    OddInput(
        "the same file twice", lambda f: ("evaluate", *[save_labels(f / "a.nii", blobs())] * 2), 0, ("same file",)
    ),
    # Folders
    OddInput("a case whose link leads nowhere", folders(lambda f: dangling(f / "gt" / "a.nii.gz")), 4, ("1 failure",)),
    OddInput("a prediction that is a FIFO", folders(lambda f: fifo(f / "pred" / "a.nii.gz")), 4, ("regular file",)),
    OddInput("no prediction", folders(lambda f: (f / "pred" / "a.nii.gz").unlink()), 4, ("without prediction",)),
    OddInput("no ground truth", folders(lambda f: (f / "gt" / "a.nii.gz").unlink()), 0, ("has no ground truth",)),
    OddInput("a file of another format", folders(lambda f: (f / "gt" / "c.nii.bz2").touch()), 0, ("c.nii.bz2",)),
    OddInput("a folder below", folders(lambda f: save_labels(f / "gt" / "more" / "c.nii", blobs())), 0, ("more",)),
    OddInput("hidden files", folders(lambda f: (f / "gt" / "._a.nii.gz").touch()), 0, ("2 cases, 0 failures",)),
    OddInput(
        "two files of one case",
        folders(lambda f: save_labels(f / "gt" / "a_0000.nii.gz", blobs())),
        3,
        ("same case", "a.nii.gz and a_0000.nii.gz"),
    ),
    OddInput(
        "other names on both sides",
        folders(lambda f: [path.rename(path.with_name(f"x{path.name}")) for path in (f / "gt").iterdir()]),
        3,
        ("no prediction has the name",),
    ),
    # Destinations
    OddInput("the table to standard output", with_options("--csv", "-"), 0, ("Name,DSC_1",), ()),
    OddInput("table and JSON to standard output", with_options("--csv", "-", "--json"), 2, ("one thing only",)),
    OddInput("two things to standard output", with_options("--csv", "-", "--report", "-"), 2, ("one thing only",)),
    OddInput("the report over the ground truth", with_options("--report", "{}/a.nii.gz"), 2, ("name of an image",)),
    OddInput("the table over a scan", with_options("--csv", "{}/scan.mha", "--overwrite"), 2, ("name of an image",)),
    OddInput("table and report in one file", with_options("--csv", "{}/x", "--report", "{}/x"), 2, ("one file",)),
    OddInput("the table is a device", with_options("--csv", "/dev/null"), 3, ("is a device",)),
    OddInput("the table is a folder", with_options("--csv", "{}"), 3, ("is a folder",)),
    OddInput("the table has no name", with_options("--csv", ""), 3, ("not a file name",)),
    OddInput("the table's name is too long", with_options("--csv", "{}/" + "x" * 300), 3, ("too long",)),
    OddInput("a file in place of a folder", with_options("--csv", "{}/pred.nii.gz/x.csv"), 3, ("cannot be written",)),
    OddInput("no scans of this name", with_options("--report", "{}/out/r.html", "--images", "{}/none"), 3, ("exist",)),
    OddInput("scans without a report", with_options("--images", "{}"), 2, ("--report",)),
    # Options
    OddInput("a label twice", with_options("--labels", "1=liver,1=x"), 2, ("not understood",)),
    OddInput("a tolerance that is not a number", with_options("--tolerance", "nan"), 2, ("not understood",)),
    OddInput("a tolerance of an unknown organ", with_options("--tolerance", "heart=1"), 2, ("not scored",)),
    OddInput("an unknown metric", with_options("--metrics", "dsc,iou"), 2, ("not understood",)),
    # Tables
    OddInput("an empty table", compared(""), 3, ("holds no rows",)),
    OddInput("a table without cases", compared("Name,DSC_1,NSD-1mm_1\n"), 3, ("holds no rows",)),
    OddInput("a table of something else", compared("a,b\n1,2\n"), 3, ("not a score table",)),
    OddInput("a row too short", compared("Name,DSC_1,NSD-1mm_1\na,0.9\n"), 3, ("another number of cells",)),
    OddInput("a row too long", compared("Name,DSC_1,NSD-1mm_1\na,1,1,1\n"), 3, ("another number of cells",)),
    OddInput("a word as a score", compared("Name,DSC_1,NSD-1mm_1\na,high,1\n"), 3, ("other than numbers",)),
    OddInput("a number with underscores", compared("Name,DSC_1,NSD-1mm_1\na,1_0,1\n"), 3, ("other than numbers",)),
    OddInput("an enormous number", compared("Name,DSC_1,NSD-1mm_1\na,1e300,1\n"), 3, ("other than numbers",)),
    OddInput("a case twice", compared("Name,DSC_1,NSD-1mm_1\na,1,1\na.nii,1,1\n"), 3, ("a case twice",)),
    OddInput("a column twice", compared("Name,DSC_1,DSC_1\na,1,1\n"), 3, ("two columns",)),
    OddInput("UTF-16", compared(TABLE.encode("utf-16")), 3, ("cannot be read as a table",)),
    OddInput("NUL bytes", compared("Name,DSC_1\n\0,1\n"), 3, ("in t1",)),
    OddInput("an enormous cell", compared(f"Name,DSC_1\n{'x' * 200_000},1\n"), 3, ("cannot be read as a table",)),
    OddInput("a byte-order mark", compared(TABLE.encode("utf-8-sig")), 0, ("0.0000",)),
    OddInput("other organs", compared(TABLE.replace("_1", "_2")), 3, ("cannot be compared",)),
    OddInput("other cases", compared(TABLE.replace("a,", "c,").replace("b,", "d,")), 3, ("share no case",)),
    OddInput("the same table twice", lambda f: (*compared()(f), f / "t0.csv"), 2, ("given twice",)),
    OddInput("one table", compared(), 2, ("nothing to compare with",)),
    OddInput(
        "a FIFO as a table", lambda f: (fifo(f / "x.csv"), (*compared()(f), f / "x.csv"))[1], 3, ("regular file",)
    ),
    OddInput("scores that do not exist", compared(TABLE.replace("0.9", "").replace("0.5", "")), 0, ("–",)),
    OddInput("ranks of other organs", compared(TABLE.replace("_1", "_2"), verb="rank"), 3, ("different organs",)),
    OddInput("ranks without DSC", compared("Name,NSD-1mm_1\na,1\nb,1\n", verb="rank"), 3, ("no single DSC",)),
    OddInput("ranks at two tolerances", compared(TABLE.replace("1mm", "2mm"), verb="rank"), 3, ("tolerances",)),
    OddInput("a ranking of one", compared(verb="rank"), 3, ("systems to compare",)),
]


@pytest.mark.parametrize("entry", CORPUS, ids=names(CORPUS))
def test_odd_evaluation(entry: OddInput, tmp_path: Path) -> None:
    check(entry, tmp_path)


@pytest.mark.parametrize("option", ["--csv", "--report"])
def test_files_that_exist_are_kept_without_overwrite(tmp_path: Path, option: str) -> None:
    (tmp_path / "kept.csv").write_text("kept")
    check(OddInput("exists", with_options(option, "{}/kept.csv"), 3, ("exists already", "--overwrite")), tmp_path)
    assert (tmp_path / "kept.csv").read_text() == "kept"
    check(OddInput("replaced", with_options(option, "{}/kept.csv", "--overwrite"), 0, ONE), tmp_path)
    assert (tmp_path / "kept.csv").read_text() != "kept"


@pytest.mark.parametrize("option", ["--csv", "--report"])
def test_no_label_map_or_its_voxels_are_replaced(tmp_path: Path, option: str) -> None:
    nibabel.save(nibabel.Nifti1Pair(blobs(), AFFINE_RAS), tmp_path / "gt.hdr")
    save_labels(tmp_path / "pred.nii", blobs())
    (tmp_path / "link.csv").symlink_to(tmp_path / "gt.img")
    before = (tmp_path / "gt.img").read_bytes()
    for name in ("gt.img", "link.csv"):
        arguments = ("evaluate", tmp_path / "pred.nii", tmp_path / "gt.hdr", option, tmp_path / name, "--overwrite")
        check(OddInput("voxels", lambda _, given=arguments: given, 2, ("file that is read",)), tmp_path)
    assert (tmp_path / "gt.img").read_bytes() == before
