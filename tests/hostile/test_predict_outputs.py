"""Odd destinations of `flare predict`: nothing is lost, and nothing is computed for outputs that cannot be written."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.hostile.corpus import OddInput, check, names
from tests.synthetic_ct import write_ct

Arguments = Sequence[str | Path]
Make = Callable[[Path], Arguments]

LONG = "1" * 240
SIDECAR = json.dumps({"Modality": "CT", "ConversionSoftware": "dcm2niix"})


def one(*options: str, out: str = "o.nii.gz", before: Callable[[Path], object] | None = None) -> Make:
    """One scan, predicted into the folder `out`, to which something was done before; `{out}` in options is its path."""

    def make(folder: Path) -> Arguments:
        scan = write_ct(folder / "scan.nii.gz")
        if before is not None:
            (folder / "out").mkdir()
            before(folder / "out")
        return "predict", scan, folder / "out" / out, *(option.format(out=folder / "out") for option in options)

    return make


def several(*scans: str, options: Sequence[str] = (), before: Callable[[Path], object] | None = None) -> Make:
    def make(folder: Path) -> Arguments:
        for scan in scans:
            write_ct(folder / "scans" / scan)
        if before is not None:
            (folder / "out").mkdir()
            before(folder / "out")
        return "predict", folder / "scans", folder / "out", *(text.format(out=folder / "out") for text in options)

    return make


def holds(**content: str) -> Callable[[Path], object]:
    """A folder with files, `_` in their names for a dot."""
    return lambda out: [(out / name.replace("_", ".")).write_text(text) for name, text in content.items()]


def over_the_scan(folder: Path) -> Arguments:
    scan = write_ct(folder / "scan.nii.gz")
    (folder / "link.nii.gz").symlink_to("scan.nii.gz")
    return "predict", scan, folder / "link.nii.gz", "--overwrite"


def over_the_sidecar(folder: Path) -> Arguments:
    (folder / "o.json").write_text(SIDECAR)
    return "predict", write_ct(folder / "scan.nii.gz"), folder / "o.nii.gz"


def over_voxels(folder: Path) -> Arguments:
    (folder / "s").mkdir()
    (folder / "s" / "1.dcm").write_bytes(bytes(128) + b"DICM")
    (folder / "s" / "o.nii.gz").symlink_to("1.dcm")
    return "predict", folder / "s", folder / "s" / "o.nii.gz", "--overwrite"


def table_among_records(folder: Path) -> Arguments:
    scan = write_ct(folder / "scans" / "a.nii.gz")
    return "predict", scan.parent, folder / "out", "--statistics", folder / "out" / "a.json"


_EXISTS = ("exists already", "--overwrite")
_BEFORE = ("exists already", "belong to no earlier run")
_NO_FORMAT = ("is not a format that label maps are written in",)
_REGION = ("the region to segment cannot be read", "auto, full")
_TWICE = ("two outputs would be written to one file",)

CORPUS = [
    OddInput("label map exists", one(before=holds(o_nii="x"), out="o.nii"), 3, _EXISTS, ("o.nii",)),
    OddInput("label map exists, --overwrite", one("--overwrite", before=holds(o_nii="x"), out="o.nii"), 0),
    OddInput("sidecar of a converter", one(before=holds(o_json=SIDECAR)), 3, _EXISTS, ("o.json",)),
    OddInput("sidecar beside the scan", over_the_sidecar, 3, _EXISTS),
    OddInput("sidecar, --resume", one("--resume", before=holds(o_json=SIDECAR)), 3, _BEFORE, ("o.json",)),
    OddInput(
        "sidecar and label map, --resume",
        one("--resume", before=holds(o_json=SIDECAR, o_nii="x"), out="o.nii"),
        3,
        _BEFORE,
        ("o.json", "o.nii"),
    ),
    OddInput(
        "label map alone, --resume", one("--resume", before=holds(o_nii="x"), out="o.nii"), 3, _BEFORE, ("o.nii",)
    ),
    OddInput(
        "list in JSON and label map, --resume",
        one("--resume", before=holds(o_json='[{"mm": 1}]', o_nii="x"), out="o.nii"),
        3,
        _BEFORE,
        ("o.json", "o.nii"),
    ),
    OddInput("list in JSON, --resume", one("--resume", before=holds(o_json="[]")), 3, _BEFORE, ("o.json",)),
    OddInput(
        "mask exists, --split",
        one("--split", before=lambda out: (out / "o_liver.nii.gz").touch()),
        3,
        ("liver mask of scan",),
        ("o_liver.nii.gz",),
    ),
    OddInput("mask exists, no --split", one(before=lambda out: (out / "o_liver.nii.gz").touch()), 0),
    OddInput(
        "mask exists, --split --resume",
        one("--split", "--resume", before=lambda out: (out / "o_liver.nii.gz").touch()),
        3,
        _BEFORE,
        ("o_liver.nii.gz",),
    ),
    OddInput(
        "preview exists", one("--preview", "{out}/p.png", before=holds(p_png="x")), 3, ("preview of scan",), ("p.png",)
    ),
    OddInput("table exists", one("--statistics", "{out}/t.csv", before=holds(t_csv="x")), 3, ("table of",), ("t.csv",)),
    OddInput(
        "foreign table, --resume",
        one("--resume", "--statistics", "{out}/t.json", before=holds(t_json="[1]")),
        3,
        _BEFORE,
        ("t.json",),
    ),
    OddInput("table is the record", one("--statistics", "{out}/o.json"), 2, _TWICE),
    OddInput("table is a record of a folder", table_among_records, 2, _TWICE),
    OddInput("x.nii and x.nii.gz", several("x.nii", "x.nii.gz"), 2, (*_TWICE, "record of x")),
    OddInput("x.nii and x.nii.gz, --share", several("x.nii", "x.nii.gz", options=["--share"]), 2, _TWICE),
    OddInput("x.nii and x.nii.gz, --part", several("x.nii", "x.nii.gz", options=["--part", "1/2"]), 2, _TWICE),
    *(
        OddInput(
            f"x and its mask's name, {options}",
            several("x.nii.gz", "x_liver.nii.gz", options=["--split", *options]),
            2,
            (*_TWICE, "liver mask of x"),
        )
        for options in (["--share"], ["--share", "--timeout", "60"], ["--part", "2/2"], ["--part", "2/2", "--resume"])
    ),
    OddInput("x and x.failed", several("x.nii.gz", "x.failed.nii.gz"), 2, (*_TWICE, "record of the failure of x")),
    OddInput("x and x.failed, --share", several("x.nii", "x.failed.nii", options=["--share"]), 2, _TWICE),
    OddInput("x.failed alone", several("x.failed.nii"), 0, (), ("x.failed.nii", "x.failed.json")),
    OddInput("x and its mask's name", several("x.nii.gz", "x_liver.nii.gz", options=["--split"]), 2, _TWICE),
    OddInput("x and x_liver without masks", several("x.nii.gz", "x_liver.nii.gz"), 0),
    OddInput("x and x_0000", several("x.nii.gz", "x_0000.nii.gz"), 3, ("two scans would be written",)),
    OddInput(
        "results of a folder exist",
        several("a.nii", "b.nii", "c.nii", before=lambda out: [(out / f"{name}.nii").touch() for name in "abc"]),
        3,
        ("3 files", "a.nii", "--resume"),
        ("a.nii", "b.nii", "c.nii"),
    ),
    OddInput("output is the scan, by a link", over_the_scan, 2, ("replace the scan itself",)),
    OddInput("output is a slice, by a link", over_voxels, 2, ("replace a file that is read",)),
    *(
        OddInput(f"suffix {suffix}", one(out=f"o{suffix}"), 2, _NO_FORMAT)
        for suffix in (".mhd", ".nhdr", ".hdr", ".hdr.gz")
    ),
    *(OddInput(f"suffix {suffix!r}", one(out=f"o{suffix}"), 2, ("image file",)) for suffix in ("", ".txt", ".gz")),
    OddInput("name of 247 bytes", one(out=f"{LONG}.nii.gz"), 0, (), (f"{LONG}.nii.gz", f"{LONG}.json")),
    OddInput("masks' names too long", one("--split", out=f"{LONG}.nii.gz"), 3, ("too long", "shorter")),
    OddInput("name too long", one(out=f"{LONG}{LONG}.nii.gz"), 3, ("too long", "shorter")),
    OddInput("output is a folder", one(before=lambda out: (out / "o.nii.gz").mkdir()), 3, ("is a folder",)),
    OddInput("output is a FIFO", one(before=lambda out: os.mkfifo(out / "o.nii.gz")), 3, ("is a FIFO",)),
    OddInput("record is a FIFO", one("--resume", before=lambda out: os.mkfifo(out / "o.json")), 3, ("is a FIFO",)),
    OddInput(
        "link to a device",
        one("--overwrite", before=lambda out: (out / "o.nii.gz").symlink_to("/dev/null")),
        3,
        ("is a device",),
    ),
    OddInput("circle of links", one(before=lambda out: (out / "o.nii.gz").symlink_to("o.nii.gz")), 3, ("links",)),
    OddInput(
        "link to nothing yet",
        one(before=lambda out: (out / "o.nii.gz").symlink_to("there.nii.gz")),
        0,
        (),
        ("o.nii.gz", "there.nii.gz", "o.json"),
    ),
    OddInput("folder is a file", one(before=holds(f="x"), out="f/o.nii.gz"), 3, ("Not a directory", "folder"), ("f",)),
    OddInput("folders to be made", one(out="a/b/o.nii.gz"), 0, (), ("a/b/o.nii.gz", "a/b/o.json")),
    OddInput("preview as .jpg", one("--preview", "{out}/p.jpg"), 2, (".png",)),
    OddInput("preview is a folder", one("--preview", "{out}/p.png", before=lambda out: (out / "p.png").mkdir()), 3),
    OddInput("one picture for a folder", several("a.nii", options=["--preview", "{out}/p.png"]), 2, ("need a folder",)),
    OddInput("table as .xlsx", one("--statistics", "{out}/t.xlsx"), 2, (".csv or .json",)),
    OddInput("table to standard output", one("--statistics", "-"), 2, (".csv or .json",)),
    OddInput("two ways with what exists", one("--overwrite", "--resume"), 2, ("exclude each other",)),
    *(
        OddInput(f"region {region!r}", one("--roi", region), 2, _REGION)
        for region in ("", "box", "1,2,3", "nan,0,0,1,1,1", "0,0,0,inf,1,1", "0,0,0,1,1,0", "1;2;3;4;5;6")
    ),
    OddInput("region outside", one("--roi", "900,900,900,901,901,901"), 3, ("outside the scan",)),
]


@pytest.mark.usefixtures("threshold_system")
@pytest.mark.parametrize("entry", CORPUS, ids=names(CORPUS))
def test_corpus(entry: OddInput, tmp_path: Path) -> None:
    check(entry, tmp_path)
