"""Odd folders of scans, and odd remains of earlier runs, as `flare predict` meets them."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from typer.testing import CliRunner

from flarecli.cli.main import app
from tests.hostile.corpus import OddInput, check, names
from tests.synthetic_ct import affine, ct_voxels, write_ct

Arguments = Sequence[str | Path]
Make = Callable[[Path], Arguments]
A = ("a.nii.gz", "a.json")


def scans(*doings: Callable[[Path], object], options: Sequence[str] = ()) -> Make:
    """A folder of scans, made by these functions of it."""

    def make(folder: Path) -> Arguments:
        (folder / "scans").mkdir()
        for do in doings:
            do(folder / "scans")
        return "predict", folder / "scans", folder / "out", *(option.format(out=folder / "out") for option in options)

    return make


def ct(name: str) -> Callable[[Path], object]:
    return lambda folder: write_ct(folder / name)


def file(name: str, content: bytes = b"") -> Callable[[Path], object]:
    def make(folder: Path) -> None:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)

    return make


def link(name: str, target: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).symlink_to(target)


def pair(folder: Path) -> None:
    image = nibabel.Nifti1Pair(ct_voxels(), affine())
    image.to_filename(folder / "c.img")


def bound_socket(folder: Path) -> None:
    with socket.socket(socket.AF_UNIX) as bound:
        here = Path.cwd()
        os.chdir(folder)  # the path of a socket may have 107 bytes
        try:
            bound.bind("b.nii")
        finally:
            os.chdir(here)


def source(name: str, make_it: Callable[[Path], object] = lambda folder: None) -> Make:
    def make(folder: Path) -> Arguments:
        make_it(folder)
        return "predict", folder / name, folder / "out" / "o.nii.gz"

    return make


def resumed(
    change: Callable[[Path], object], *, first: Sequence[str] = (), then: Sequence[str] = (), name: str = "a.nii.gz"
) -> Make:
    """A folder predicted before; then something of it changed, and predicted again with --resume."""

    def make(folder: Path) -> Arguments:
        write_ct(folder / "scans" / name)
        command = ["predict", str(folder / "scans"), str(folder / "out")]
        assert CliRunner().invoke(app, [*command, *first]).exit_code == 0
        change(folder)
        return *command, "--resume", *then

    return make


def record(content: str | bytes) -> Callable[[Path], object]:
    written = content if isinstance(content, bytes) else content.encode()
    return lambda folder: (folder / "out" / "a.json").write_bytes(written)


def edited(edit: Callable[[dict[str, Any]], object]) -> Callable[[Path], object]:
    def change(folder: Path) -> None:
        path = folder / "out" / "a.json"
        content = json.loads(path.read_text())
        edit(content)
        path.write_text(json.dumps(content))

    return change


def shortened(folder: Path) -> None:
    path = folder / "out" / "a.json"
    path.write_bytes(path.read_bytes()[:100] + b"\xff")


def nothing(folder: Path) -> None:
    pass


_ANEW = ("a: redone:",)
_DAMAGED = (*_ANEW, "its record is damaged")
_FOREIGN = ("exists already", "belong to no earlier run", "--overwrite")

FOLDERS = [
    OddInput("empty folder", scans(), 3, ("is an empty folder",)),
    OddInput("hidden files only", scans(file(".a.nii.gz")), 3, ("is an empty folder",)),
    OddInput("texts only", scans(file("notes.txt")), 3, ("holds nothing that can be used",)),
    OddInput("scans in a subfolder only", scans(file("sub/a.nii.gz")), 3, ("sub (a folder with images",)),
    OddInput("bzip2 only", scans(file("a.nii.bz2")), 3, ("a.nii.bz2 (", "unpack")),
    OddInput("archive only", scans(file("a.zip")), 3, ("a.zip (an archive",)),
    *(
        OddInput(f"a scan and {name}", scans(ct("a.nii.gz"), file(name)), 0, ("not used from", told), A)
        for name, told in (
            ("d.nii.bz2", "d.nii.bz2 (the suffix"),
            ("d.nii.gz.part", "d.nii.gz.part (the suffix"),
            ("d.img", "d.img (half of a pair"),
            ("d.mgz", "d.mgz (a format that is not read"),
            ("d.dcm", "d.dcm (DICOM: a series needs"),
            ("sub/e.nii.gz", "sub (a folder with images"),
        )
    ),
    OddInput(
        "a scan and a slice without suffix",
        scans(ct("a.nii.gz"), file("IM01", bytes(128) + b"DICM")),
        0,
        ("IM01 (DICOM",),
        A,
    ),
    OddInput("pair of header and voxels", scans(pair), 0, ("c",), ("c.nii.gz", "c.json")),
    OddInput("header without voxels", scans(ct("a.nii.gz"), file("b.hdr", bytes(348))), 4, ("1 of 2",), A),
    OddInput("link to nothing", scans(ct("a.nii.gz"), link("b.nii.gz", "/nonexistent/b")), 4, ("b.nii.gz", "link"), A),
    OddInput("link to itself", scans(ct("a.nii.gz"), link("b.nii.gz", "b.nii.gz")), 4, ("b.nii.gz",), A),
    OddInput("FIFO", scans(ct("a.nii.gz"), lambda folder: os.mkfifo(folder / "b.nii")), 4, ("FIFO",), A),
    OddInput("FIFO as MetaImage", scans(ct("a.nii.gz"), lambda folder: os.mkfifo(folder / "b.mha")), 4, ("FIFO",), A),
    OddInput("socket", scans(ct("a.nii.gz"), bound_socket), 4, ("not a regular file",), A),
    OddInput("folder named like a scan", scans(ct("a.nii.gz"), file("b.nii/b.nii")), 4, ("is a folder",), A),
    OddInput("empty file", scans(ct("a.nii.gz"), file("b.nii.gz")), 4, ("b.nii.gz", "empty"), A),
    OddInput("no image", scans(ct("a.nii.gz"), file("b.nii.gz", b"no image")), 4, ("not a NIfTI file",), A),
    OddInput("links to nothing only", scans(link("b.nii.gz", "/nonexistent/b")), 4, ("1 of 1 scans failed",)),
    OddInput("capital suffix", scans(ct("A.NII.GZ")), 0, (), ("A.nii.gz", "A.json")),
    OddInput("name with an escape code", scans(ct("\x1b[31mred.nii.gz")), 0, ("\\x1b[31mred",)),
    OddInput("name with markup", scans(ct("[bold]x[bold].nii.gz")), 0, ("[bold]x[bold]",)),
    OddInput("name with a line end", scans(ct("a\nb.nii.gz")), 0, ("a\\nb",)),
    OddInput("name that is not UTF-8", scans(ct("M\udcfcller.nii.gz")), 0, ("M\\udcfcller",)),
    OddInput("formula", scans(ct("=1+1.nii.gz"), options=["--statistics", "{out}/t.csv"]), 0, ("=1+1",)),
    OddInput("source does not exist", source("missing.nii.gz"), 3, ("does not exist",)),
    OddInput("source is a link to nothing", source("s.nii", link("s.nii", "/nonexistent/s")), 3, ("link",)),
    OddInput("source is a FIFO", source("s.nii", lambda folder: os.mkfifo(folder / "s.nii")), 3, ("FIFO",)),
    OddInput(
        "source is a device", lambda folder: ("predict", "/dev/zero", folder / "out.nii"), 3, ("not a regular file",)
    ),
    OddInput("source is an empty folder", source("s", lambda folder: (folder / "s").mkdir()), 3, ("empty folder",)),
]

REMAINS = [
    OddInput("complete", resumed(nothing), 0, ("skipped", "made by a threshold"), A),
    OddInput("complete, not UTF-8", resumed(nothing, name="\udcfc.nii.gz"), 0, ("skipped",)),
    OddInput("complete with masks", resumed(nothing, first=["--split"], then=["--split"]), 0, ("skipped",)),
    OddInput("masks not asked for now", resumed(nothing, first=["--split"]), 0, ("skipped",)),
    OddInput("masks asked for now", resumed(nothing, then=["--split"]), 0, (*_ANEW, "liver mask was not made")),
    OddInput(
        "mask gone",
        resumed(lambda folder: (folder / "out/a_spleen.nii.gz").unlink(), first=["--split"], then=["--split"]),
        0,
        (*_ANEW, "spleen mask is missing"),
    ),
    OddInput("other region", resumed(nothing, then=["--roi", "full"]), 0, (*_ANEW, "region auto then, full now")),
    OddInput(
        "other scan",
        resumed(lambda folder: write_ct(folder / "scans/a.nii.gz", seed=7)),
        0,
        (*_ANEW, "the scan has changed"),
        A,
    ),
    OddInput(
        "other weights", resumed(edited(lambda r: r["weights"].update(x={"set": "s", "sha256": "0"}))), 0, _ANEW, A
    ),
    OddInput("other precision", resumed(edited(lambda r: r["runtime"].update(precision="float64"))), 0, _ANEW, A),
    OddInput("other system", resumed(edited(lambda r: r.update(system="vgg13"))), 0, (*_ANEW, "system vgg13 then"), A),
    OddInput("other flare", resumed(edited(lambda r: r["versions"].update(flare="0"))), 0, (*_ANEW, "flare 0 then"), A),
    OddInput("older record", resumed(edited(lambda r: r.update(record_version=1))), 0, (*_ANEW, "another version"), A),
    OddInput("no record", resumed(lambda folder: (folder / "out/a.json").unlink()), 3, _FOREIGN, A[:1]),
    OddInput(
        "record of another", resumed(edited(lambda r: r["labels"].update(file="b.nii.gz", sha256="0"))), 3, _FOREIGN, A
    ),
    OddInput("renamed", resumed(edited(lambda r: r["labels"].update(file="b.nii.gz"))), 0, ("skipped",), A),
    OddInput("record cut short", resumed(shortened), 0, _DAMAGED, A),
    OddInput("no label map", resumed(lambda folder: (folder / "out/a.nii.gz").unlink()), 0, _ANEW, A),
    OddInput("damaged label map", resumed(lambda folder: (folder / "out/a.nii.gz").write_bytes(b"")), 0, _ANEW, A),
    OddInput("scan gone meanwhile", resumed(lambda folder: (folder / "scans/a.nii.gz").unlink()), 3, ("empty",), A),
    *(
        OddInput(f"record {content!r:.30}", resumed(record(content)), 3, _FOREIGN, A)
        for content in ("", "{", "{}", "[]", "null", "1e999", "[" * 100_000, '"\\ud800"', b"\xff\xfe", "\ufeff{}")
    ),
    *(
        OddInput(f"record with {name}", resumed(edited(edit)), 0, _DAMAGED, A)
        for name, edit in (
            ("no organs", lambda r: r.pop("organs")),
            ("no liver", lambda r: r["organs"].pop("liver")),
            ("a volume in letters", lambda r: r["organs"]["liver"].update(volume_ml="big")),
            ("an endless volume", lambda r: r["organs"]["liver"].update(volume_ml=10**400)),
            ("steps that are a number", lambda r: r.update(steps=3)),
            ("warnings that are numbers", lambda r: r.update(warnings=[1])),
            ("confidence that is a list", lambda r: r.update(confidence=[])),
            ("labels that are null", lambda r: r.update(labels=None)),
            ("no version", lambda r: r.pop("record_version")),
        )
    ),
]

CORPUS = [*FOLDERS, *REMAINS]


@pytest.mark.usefixtures("threshold_system")
@pytest.mark.parametrize("entry", CORPUS, ids=names(CORPUS))
def test_corpus(entry: OddInput, tmp_path: Path) -> None:
    check(entry, tmp_path)


def test_the_voxels_of_a_pair_are_those_of_the_scan(tmp_path: Path, threshold_system: None) -> None:
    arguments = scans(pair)(tmp_path)
    assert CliRunner().invoke(app, [str(argument) for argument in arguments]).exit_code == 0
    labels = np.asarray(nibabel.load(tmp_path / "out" / "c.nii.gz").dataobj)
    assert np.array_equal(labels, ct_voxels() > 40)
