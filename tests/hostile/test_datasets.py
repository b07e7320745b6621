"""Odd datasets, as `flare preprocess` meets them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.datasets.labelled_files import organ_blobs, save, scan_values
from tests.hostile.corpus import OddInput, check, names

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


def listed(name: str) -> Callable[[Path], Sequence[str | Path]]:
    """nnU-Net 2's list of files with one case of this name."""
    files = {"images": ["imagesTr/a_0000.nii.gz"], "label": "labelsTr/a.nii.gz"}
    return lambda folder: into_cache(described(folder, {"dataset": {name: files}}))


def table(content: str) -> Callable[[Path], Sequence[str | Path]]:
    def make(folder: Path) -> Sequence[str | Path]:
        pair(folder / "data")
        (folder / "data" / "pairs.csv").write_text(content)
        return "preprocess", folder / "data" / "pairs.csv", folder / "out", "--system", "flarelite", "--jobs", "1"

    return make


_NAME = ("cannot be the name of a folder", "Rename the case")

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
    OddInput(
        "two folders that make a name with dots",
        table(
            "../data/imagesTr/a_0000.nii.gz,labelsTr/a.nii.gz\nimagesTr/../imagesTr/a_0000.nii.gz,labelsTr/a.nii.gz\n"
        ),
        3,
        ("two pairs have the same name", "imagesTr_a"),
    ),
    OddInput("the folder of the table as a scan", table(".,labelsTr/a.nii.gz\n"), 3, ("data",), UNFINISHED),
]


@pytest.mark.parametrize("entry", CORPUS, ids=names(CORPUS))
def test_odd_dataset(entry: OddInput, tmp_path: Path) -> None:
    (tmp_path / "victim").mkdir()
    (tmp_path / "victim" / "kept.txt").write_text("kept")
    check(entry, tmp_path)
    assert (tmp_path / "victim" / "kept.txt").read_text() == "kept"
