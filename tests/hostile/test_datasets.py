"""Odd datasets, as `flare preprocess` meets them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.datasets.labelled_files import organ_blobs, save, scan_values
from tests.hostile.corpus import OddInput, check, names

Make = Callable[[Path], Sequence[str | Path]]

LABELS = {"background": 0, "liver": 1, "kidneys": 2, "spleen": 3, "pancreas": 4}

UNFINISHED = (".lock", "cache.json")
"""What a cache holds that has no sound case."""


def pair(folder: Path, name: str = "a") -> None:
    """A sound pair in nnU-Net's folders."""
    save(folder / "imagesTr" / f"{name}_0000.nii.gz", scan_values())
    save(folder / "labelsTr" / f"{name}.nii.gz", organ_blobs())


def described(folder: Path, content: dict[str, Any] | bytes) -> Path:
    """A dataset with one sound pair and this dataset.json."""
    data = folder / "data"
    pair(data)
    written = content if isinstance(content, bytes) else json.dumps({"labels": LABELS, **content}).encode()
    (data / "dataset.json").write_bytes(written)
    return data


def into_cache(data: Path) -> Sequence[str | Path]:
    return "preprocess", data, data.parent / "out", "--system", "flarelite", "--jobs", "1"


def listed(name: str) -> Make:
    """nnU-Net 2's list of files with one case of this name."""
    files = {"images": ["imagesTr/a_0000.nii.gz"], "label": "labelsTr/a.nii.gz"}
    return lambda folder: into_cache(described(folder, {"dataset": {name: files}}))


def description(content: dict[str, Any] | bytes, change: Callable[[Path], object] = lambda data: None) -> Make:
    """A dataset.json, then a change to the folder of the dataset."""

    def make(folder: Path) -> Sequence[str | Path]:
        data = described(folder, content)
        change(data)
        return into_cache(data)

    return make


def training(image: object, label: object = "labelsTr/a.nii.gz") -> Make:
    return description({"training": [{"image": image, "label": label}]})


def table(content: str | bytes) -> Make:
    def make(folder: Path) -> Sequence[str | Path]:
        pair(folder / "data")
        written = content if isinstance(content, bytes) else content.encode()
        (folder / "data" / "pairs.csv").write_bytes(written)
        return "preprocess", folder / "data" / "pairs.csv", folder / "out", "--system", "flarelite", "--jobs", "1"

    return make


def labels(values: np.ndarray, *options: str) -> Make:
    """Other labels of the only case."""

    def make(folder: Path) -> Sequence[str | Path]:
        data = described(folder, {"labels": {**LABELS, "ignore": 5}})
        save(data / "labelsTr" / "a.nii.gz", values)
        return (*into_cache(data), *options)

    return make


def caches(change: Callable[[Path], object], *options: str) -> Make:
    """A sound dataset, then a change to the place of the cache."""

    def make(folder: Path) -> Sequence[str | Path]:
        data = described(folder, {})
        change(folder / "out")
        return (*into_cache(data), *options)

    return make


def replaced(name: str, by: Callable[[Path], object]) -> Callable[[Path], object]:
    def change(data: Path) -> None:
        (data / name).unlink()
        by(data / name)

    return change


def in_folder(out: Path, name: str, content: str) -> None:
    out.mkdir()
    (out / name).write_text(content)


_NAME = ("cannot be the name of a folder", "Rename the case")

_SOUND = json.dumps({"labels": LABELS, "channel_names": {"0": "CT"}}).encode()
_IGNORED = np.where(organ_blobs(), organ_blobs(), np.arange(16) < 3).astype(np.uint8)
_IGNORED[(organ_blobs() == 0) & (_IGNORED == 1)] = 5

CORPUS = [
    *(
        OddInput(f"case named {name!r:.20}", listed(name), 3, _NAME)
        for name in (
            "",
            ".",
            "..",
            "../victim",
            "../../victim",
            "/victim",
            "a/b",
            "..\\victim",
            "a\0b",
            "x" * 300,
        )
    ),
    # dataset.json
    OddInput("a byte-order mark", description(b"\xef\xbb\xbf" + _SOUND), 0, ("1 written",)),
    OddInput("UTF-16", description(_SOUND.decode().encode("utf-16")), 0, ("1 written",)),
    OddInput("backslashes", training(".\\imagesTr\\a.nii.gz", ".\\labelsTr\\a.nii.gz"), 0, ("1 written",)),
    OddInput("names in other case", training("imagestr/A_0000.nii.gz", "LABELSTR/a.nii.gz"), 0, ("found as",)),
    OddInput(
        "a path of Windows", training("C:\\x\\a.nii.gz"), 3, ("absolute path of Windows", "x/a.nii.gz"), UNFINISHED
    ),
    OddInput(
        "a file that is missing", training("imagesTr/b.nii.gz"), 3, ("imagesTr/b.nii.gz", "not exist"), UNFINISHED
    ),
    OddInput("a path with NUL", training("imagesTr/a\0.nii.gz"), 3, ("not a path",)),
    OddInput("a path that is a number", training(3), 3, ("not a path",)),
    OddInput("no path", training(""), 3, ("not a path",)),
    OddInput("no label", training("imagesTr/a_0000.nii.gz", None), 3, ("not a path",)),
    OddInput("two images a case", training(["imagesTr/a.nii.gz"] * 2), 3, ("a case of 2 images",)),
    OddInput("a list of one image", training(["imagesTr/a.nii.gz"]), 0, ("1 written",)),
    OddInput("entries that are texts", description({"training": ["imagesTr/a.nii.gz"]}), 3, ("does not describe",)),
    OddInput("training that is a table", description({"training": {"a": 1}}), 3, ("not a list",)),
    OddInput("several channels", description({"channel_names": {"0": "CT", "1": "PET"}}), 3, ("several channels",)),
    OddInput("another file ending", description({"file_ending": ".nrrd"}), 3, ("holds no scans",)),
    OddInput("a file ending that is a number", description({"file_ending": 3}), 3, ("file_ending",)),
    OddInput("no labels", description(b'{"training": []}'), 3, ("labels",)),
    OddInput("labels that are a list", description({"labels": ["liver"]}), 3, ("labels",)),
    OddInput("a value that is half", description({"labels": {"liver": 1.5}}), 3, ("1.5 as the value of liver",)),
    OddInput("a negative value", description({"labels": {"liver": -1}}), 3, ("-1 as the value",)),
    OddInput("a value that is true", description({"labels": {"liver": True}}), 3, ("True as the value",)),
    OddInput("a value of 5000 digits", description({"labels": {"9" * 5000: "liver"}}), 3, ("as the value",)),
    OddInput("no organ", description({"labels": {"background": 0, "heart": 1}}), 3, ("none of the organs",)),
    OddInput("a key twice", description(b'{"labels": {"liver": 1, "liver": 2}}'), 3, ("stands twice",)),
    OddInput("100,000 brackets", description(b"[" * 100_000), 3, ("does not describe",)),
    OddInput("half a file", description(_SOUND[:30]), 3, ("does not describe",)),
    OddInput("no text at all", description(b"\xff\xd8\xff\xe0\0\x10JFIF"), 3, ("does not describe",)),
    OddInput(
        "a description that is a FIFO", description({}, replaced("dataset.json", os.mkfifo)), 3, ("regular file",)
    ),
    OddInput(
        "a description that is a link to nothing",
        description({}, replaced("dataset.json", lambda path: path.symlink_to("nothing"))),
        3,
        ("link to a file that is not there",),
    ),
    # Files of pairs
    OddInput(
        "a scan whose link leads nowhere",
        description({}, replaced("imagesTr/a_0000.nii.gz", lambda path: path.symlink_to(".git/annex/x"))),
        3,
        ("link to a file that is not there", "git annex"),
        UNFINISHED,
    ),
    OddInput(
        "a scan that is a FIFO",
        description({}, replaced("imagesTr/a_0000.nii.gz", os.mkfifo)),
        3,
        ("regular file",),
        UNFINISHED,
    ),
    OddInput(
        "a scan without labels",
        description({}, lambda data: save(data / "imagesTr" / "b_0000.nii.gz", scan_values())),
        4,
        ("has no label map",),
    ),
    OddInput(
        "a file of another format",
        description({}, lambda data: (data / "imagesTr" / "b.nii.bz2").touch()),
        0,
        ("b.nii.bz2",),
    ),
    OddInput("a scan as labels", labels(scan_values()), 3, ("cannot be labels",), UNFINISHED),
    OddInput("labels of another shape", labels(organ_blobs()[:-1]), 3, ("differ in shape",), UNFINISHED),
    OddInput("labels between labels", labels(organ_blobs() * np.float32(0.9)), 3, ("between labels",), UNFINISHED),
    OddInput("labels almost whole", labels(organ_blobs() * np.float32(0.9999999)), 0, ("1 written",)),
    OddInput("values without a meaning", labels(organ_blobs() * np.uint8(3)), 3, ("without a meaning",), UNFINISHED),
    OddInput("no organ in the labels", labels(np.zeros_like(organ_blobs())), 3, ("no organ at all",), UNFINISHED),
    OddInput("voxels that nobody annotated", labels(_IGNORED), 3, ("nobody annotated", "--background 5"), UNFINISHED),
    OddInput("voxels that nobody annotated, said to be background", labels(_IGNORED, "--background", "5"), 0, ()),
    OddInput("an ignore label that no voxel has", labels(organ_blobs()), 0, ("1 written",)),
    # Tables
    OddInput("a table of three columns", table("a.nii,b.nii,c.nii\n"), 3, ("is not a pair",)),
    OddInput("an empty table", table(""), 3, ("holds no scans",)),
    OddInput("a table in UTF-16", table("imagesTr/a_0000.nii.gz,labelsTr/a.nii.gz\n".encode("utf-16")), 3, ("UTF-8",)),
    OddInput("a table with NUL", table("imagesTr/a_0000.nii.gz\0,labelsTr/a.nii.gz\n"), 3, ("pairs.csv",)),
    OddInput("an enormous cell", table("x" * 200_000 + ",b\n"), 3, ("pairs.csv",)),
    OddInput(
        "a table of Windows", table("scan;labels\r\nimagesTr\\a_0000.nii.gz;labelsTr\\a.nii.gz\r\n"), 0, ("1 written",)
    ),
    OddInput("a scan without labels in a table", table("imagesTr/a_0000.nii.gz,\n"), 3, ("no label map",), UNFINISHED),
    OddInput(
        "two folders that make a name with dots",
        table(
            "../data/imagesTr/a_0000.nii.gz,labelsTr/a.nii.gz\nimagesTr/../imagesTr/a_0000.nii.gz,labelsTr/a.nii.gz\n"
        ),
        3,
        ("two pairs have the same name", "imagesTr_a"),
    ),
    OddInput("the folder of the table as a scan", table(".,labelsTr/a.nii.gz\n"), 3, ("data",), UNFINISHED),
    OddInput("a listed name of 300 letters", training("x" * 300), 3, ("x" * 300,), UNFINISHED),
    OddInput("a cell of 300 letters", table("x" * 300 + ".nii,labelsTr/a.nii.gz\n"), 3, ("300 bytes",)),
    OddInput("a dataset of 300 letters", lambda f: ("preprocess", f / ("x" * 300), f / "out"), 3, ("x" * 300,)),
    # Caches
    OddInput("a cache of 300 letters", lambda f: (*into_cache(described(f, {}))[:2], f / ("x" * 300)), 3, ("x" * 300,)),
    OddInput(
        "a cache inside a scan",
        lambda f: (
            *into_cache(described(f, {"dataset": {"a": {"images": ["imagesTr"], "label": "labelsTr/a.nii.gz"}}}))[:2],
            f / "data" / "imagesTr" / "c",
        ),
        2,
        ("inside",),
    ),
    OddInput("a cache that is a file", caches(lambda out: out.write_text("x")), 2, ("is a file",)),
    OddInput(
        "a folder of other files", caches(lambda out: in_folder(out, "x.txt", "x")), 2, ("something else",), ("x.txt",)
    ),
    OddInput(
        "a cache.json of others",
        caches(lambda out: in_folder(out, "cache.json", "[]")),
        2,
        ("another system",),
        (".lock", "cache.json"),
    ),
    OddInput(
        "a cache below a file",
        lambda f: (*into_cache(described(f, {}))[:2], f / "data" / "dataset.json" / "c"),
        3,
        ("written",),
    ),
    OddInput("no cache", lambda f: into_cache(described(f, {}))[:2], 2, ("no cache to write to",)),
    OddInput("an unknown system", caches(lambda out: None, "--system", "unet"), 2, ("unet",)),
    OddInput("no such dataset", lambda f: ("preprocess", f / "none", f / "out"), 3, ("does not exist",)),
    OddInput("a folder that is not a dataset", lambda f: ("preprocess", f / "victim", f / "out"), 3, ("known layout",)),
    OddInput("a device as a dataset", lambda f: ("preprocess", "/dev/zero", f / "out"), 3, ("known layout",)),
    OddInput("an organ that is none", caches(lambda out: None, "--organ", "heart=1"), 2, ("not understood",)),
    OddInput(
        "a value of two organs",
        caches(lambda out: None, "--organ", "liver=1", "--organ", "spleen=1"),
        2,
        ("two meanings",),
    ),
    OddInput("background that is not a number", caches(lambda out: None, "--background", "x"), 2, ("values",)),
]


@pytest.mark.parametrize("entry", CORPUS, ids=names(CORPUS))
def test_odd_dataset(entry: OddInput, tmp_path: Path) -> None:
    (tmp_path / "victim").mkdir()
    (tmp_path / "victim" / "kept.txt").write_text("kept")
    check(entry, tmp_path)
    assert (tmp_path / "victim" / "kept.txt").read_text() == "kept"
