"""Odd inputs of the verbs beside predict, evaluate and preprocess: profile, phantom, train, systems."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from flarecli.preprocessing.cache import CACHE_VERSION, MANIFEST_NAME
from tests.hostile.corpus import OddInput, check, names
from tests.metrics.label_files import blobs, save_labels
from tests.synthetic_ct import write_ct

Arguments = Sequence[str | Path]
Make = Callable[[Path], Arguments]


def nothing(folder: Path) -> None:
    """No further files."""


def profile(*options: str, before: Callable[[Path], object] = nothing) -> Make:
    """Of one scan; {} in an option stands for the folder."""

    def make(folder: Path) -> Arguments:
        write_ct(folder / "scan.nii.gz")
        before(folder)
        return ["profile", folder / "scan.nii.gz", *placed(options, folder)]

    return make


def profile_of(*arguments: str) -> Make:
    """Of what is named among three scans in two folders."""

    def make(folder: Path) -> Arguments:
        for name in ("a/scan.nii.gz", "b/scan.nii.gz", "b/other.nii.gz"):
            write_ct(folder / name)
        (folder / "empty").mkdir()
        return ["profile", *placed(arguments, folder)]

    return make


def phantom(*options: str, before: Callable[[Path], object] = nothing) -> Make:
    def make(folder: Path) -> Arguments:
        before(folder)
        small = [] if "--shape" in options else ["--shape", "16x24x24", "--spacing", "15x12x12"]
        return ["phantom", folder / "out", *small, *placed(options, folder)]

    return make


def train(*arguments: str, before: Callable[[Path], object] = nothing) -> Make:
    """Without training: what is odd must be found before."""

    def make(folder: Path) -> Arguments:
        before(folder)
        return ["train", *placed(arguments, folder), "--dry-run"]

    return make


def placed(arguments: Sequence[str], folder: Path) -> list[str]:
    return [argument.replace("{}", str(folder)) for argument in arguments]


def put(name: str, content: bytes = b"") -> Callable[[Path], None]:
    """Writes a file."""

    def write(folder: Path) -> None:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)

    return write


def put_fifo(name: str) -> Callable[[Path], None]:
    return lambda folder: os.mkfifo(folder / name)


def put_cache(manifest: object) -> Callable[[Path], None]:
    content = manifest if isinstance(manifest, bytes) else json.dumps(manifest).encode()
    return put(f"cache/{MANIFEST_NAME}", content)


LONG = "x" * 300
SYNTHETIC = ("{}/out", "--synthesize-from", "phantoms")
FINISHED = {"cache_version": CACHE_VERSION, "is_finished": True, "system": "flarelite", "networks": [], "names": ["a"]}
CACHE = ("{}/cache", "{}/out")

PROFILE = [
    OddInput("table is a device", profile("--csv", "/dev/null"), 3, ("device", "regular file")),
    OddInput("table is a folder", profile("--csv", "{}"), 3, ("folder",)),
    OddInput("table is the scan", profile("--csv", "{}/scan.nii.gz"), 2, ("is read",)),
    OddInput("table exists", profile("--csv", "{}/t.csv", before=put("t.csv")), 3, ("exists", "--overwrite")),
    OddInput("table below a file", profile("--csv", "{}/f/t.csv", before=put("f")), 3, ("cannot be written",)),
    OddInput("table with a long name", profile("--csv", "{}/" + LONG), 3, ("too long", "255")),
    OddInput("table without a name", profile("--csv", ""), 3, ("name",)),
    OddInput("table is a pipe", profile("--csv", "{}/p", before=put_fifo("p")), 3, ("FIFO",)),
    OddInput("plot exists", profile("--plot", "{}/p.png", before=put("p.png")), 3, ("exists", "--overwrite")),
    OddInput("plot is not a PNG", profile("--plot", "{}/p.svg"), 2, (".png",)),
    OddInput("table and plot are one", profile("--csv", "{}/p.png", "--plot", "{}/p.png"), 2, ("two outputs",)),
    OddInput("folder of plots is a file", profile("--plot", "{}/f", before=put("f")), 3, ("cannot be written",)),
    OddInput("truth is the table", profile("--labels", "{}/scan.nii.gz", "--csv", "{}/scan.nii.gz"), 2, ("read",)),
    OddInput("truth is missing", profile("--labels", "{}/gone"), 3, ("does not exist",)),
    OddInput("one plot for two scans", profile_of("{}/b", "--plot", "{}/p.png"), 2, ("two outputs", "folder")),
    OddInput("two scans of one name", profile_of("{}/a", "{}/b"), 3, ("one name", "scan.nii.gz")),
    OddInput("no such scan", profile_of("{}/gone.nii.gz"), 3, ("does not exist",)),
    OddInput("empty folder", profile_of("{}/empty"), 3, ("empty",)),
    OddInput("unknown system", profile_of("{}/a", "--system", "nothing"), 2, ("no such system",)),
    OddInput("size of zero", profile_of("--size", "0x8x8"), 2, ("cannot be read", "above 0")),
    OddInput("size below zero", profile_of("--size", "8x-8x8"), 2, ("cannot be read",)),
    OddInput("size beyond memory", profile_of("--size", "99999x99999x99999"), 2, ("memory", "GB")),
]

PHANTOM = [
    OddInput("folder is a file", phantom(before=put("out")), 3, ("cannot be written",), ()),
    OddInput("record exists", phantom(before=put("out/phantoms.json")), 3, ("exists",), ("phantoms.json",)),
    OddInput(
        "label map exists",
        phantom("--flat", before=put("out/phantom_000.nii.gz")),
        3,
        ("exists", "--overwrite"),
        ("phantom_000.nii.gz",),
    ),
    OddInput("preview is a JPEG", phantom("--preview", "{}/p.jpg"), 2, (".png",)),
    OddInput("preview exists", phantom("--preview", "{}/p.png", before=put("p.png")), 3, ("exists",)),
    OddInput("preview below a file", phantom("--preview", "{}/f/p.png", before=put("f")), 3, ("written",)),
    OddInput(
        "organs would be replaced",
        phantom(
            "--anatomy",
            "{}/out/phantom_000.nii.gz",
            "--flat",
            "--overwrite",
            before=lambda folder: save_labels(folder / "out" / "phantom_000.nii.gz", blobs()),
        ),
        2,
        ("is read",),
        ("phantom_000.nii.gz",),
    ),
    OddInput("orientation twice", phantom("--orientation", "RLS"), 2, ("orientation", "LPS")),
    OddInput("orientation of four", phantom("--orientation", "RASI"), 2, ("orientation",)),
    OddInput("shape in words", phantom("--shape", "axbxc"), 2, ("three numbers",)),
    OddInput("shape of zero", phantom("--shape", "0x9x9"), 2, ("grid",)),
    OddInput("shape beyond memory", phantom("--shape", "99999x99999x99999"), 2, ("memory",)),
    OddInput("spacing no number", phantom("--shape", "9x9x9", "--spacing", "nanx1x1"), 2, ("spacing",)),
    OddInput("spacing endless", phantom("--shape", "9x9x9", "--spacing", "infx1x1"), 2, ("spacing",)),
    OddInput("organs are missing", phantom("--anatomy", "{}/gone.nii.gz"), 3, ("does not exist",)),
    OddInput("organs are not an image", phantom("--anatomy", "{}/a.nii", before=put("a.nii", b"no")), 3, ("a.nii",)),
    OddInput("organs are a device", phantom("--anatomy", "/dev/zero"), 3, ("/dev/zero",)),
    OddInput("no organs in the folder", phantom("--anatomy", "{}", before=put("a.txt")), 3, ("label maps",)),
    OddInput("none wanted", phantom("--number", "0"), 2, ("--number",)),
]

TRAIN = [
    OddInput("no cache", train("{}/cache"), 2, ("needed",)),
    OddInput("cache is missing", train(*CACHE), 3, ("not a cache", "flare preprocess")),
    OddInput("cache is a file", train(*CACHE, before=put("cache")), 3, ("not a cache",)),
    OddInput("cache of text", train(*CACHE, before=put_cache(b"no")), 3, ("damaged",)),
    OddInput("cache of a list", train(*CACHE, before=put_cache([1])), 3, ("damaged",)),
    OddInput("cache not UTF-8", train(*CACHE, before=put_cache(b"\xff\xfe{")), 3, ("damaged",)),
    OddInput("cache nested deeply", train(*CACHE, before=put_cache(b"[" * 99999)), 3, ("damaged",)),
    OddInput("cache unfinished", train(*CACHE, before=put_cache({**FINISHED, "is_finished": 0})), 3, ("again",)),
    OddInput("cache of another version", train(*CACHE, before=put_cache({"cache_version": -1})), 3, ("version",)),
    OddInput("cache without names", train(*CACHE, before=put_cache({**FINISHED, "names": None})), 3, ("damaged",)),
    OddInput("run in the cache", train("{}/cache", "{}/cache/run", before=put_cache(FINISHED)), 2, ("it reads",)),
    OddInput("run is a file", train(*SYNTHETIC, before=put("out")), 3, ("written",), ()),
    OddInput("run below a file", train("{}/f/run", *SYNTHETIC[1:], before=put("f")), 3, ("written",)),
    OddInput("preview is a JPEG", train(*SYNTHETIC, "--preview", "{}/p.jpg"), 2, (".png",)),
    OddInput("preview below a file", train(*SYNTHETIC, "--preview", "{}/f/p.png", before=put("f")), 3, ("written",)),
    OddInput("recipe is missing", train(*SYNTHETIC, "--recipe", "{}/r.toml"), 3, ("r.toml",)),
    OddInput("recipe is a folder", train(*SYNTHETIC, "--recipe", "{}/r.toml", before=put("r.toml/a")), 3, ("folder",)),
    OddInput("recipe is a pipe", train(*SYNTHETIC, "--recipe", "{}/r.toml", before=put_fifo("r.toml")), 3, ("FIFO",)),
    OddInput(
        "recipe is not TOML", train(*SYNTHETIC, "--recipe", "{}/r.toml", before=put("r.toml", b"a = [")), 3, ("r.toml",)
    ),
    OddInput(
        "recipe not UTF-8",
        train(*SYNTHETIC, "--recipe", "{}/r.toml", before=put("r.toml", b"a = '\xff'")),
        3,
        ("r.toml",),
    ),
    OddInput(
        "recipe with an unknown setting",
        train(*SYNTHETIC, "--recipe", "{}/r.toml", before=put("r.toml", b"odd = 1")),
        2,
        ("odd",),
    ),
    OddInput("unknown recipe", train(*SYNTHETIC, "--recipe", "odd"), 2, ("odd", "standard")),
    OddInput("setting without a value", train(*SYNTHETIC, "--set", "iterations"), 2, ("iterations",)),
    OddInput("setting of another kind", train(*SYNTHETIC, "--set", "iterations=many"), 2, ("iterations",)),
    OddInput("setting that is not a number", train(*SYNTHETIC, "--set", "optimiser.learning_rate=nan"), 2, ("rate",)),
    OddInput("batch of none", train(*SYNTHETIC, "--set", "batch=0"), 2, ("batch",)),
    OddInput("fold of synthetic scans", train(*SYNTHETIC, "--fold", "1"), 2, ("no folds",)),
    OddInput("no label maps", train("{}/out", "--synthesize-from", "{}"), 3, ("label maps",)),
    OddInput("label maps are missing", train("{}/out", "--synthesize-from", "{}/gone"), 3, ("not a folder",)),
    OddInput(
        "label map is text", train("{}/out", "--synthesize-from", "{}", before=put("a.nii", b"no")), 3, ("a.nii",)
    ),
    OddInput("unknown network", train(*SYNTHETIC, "--network", "odd"), 2, ("odd",)),
    OddInput("unknown system", train(*SYNTHETIC, "--system", "odd"), 2, ("no such system",)),
    OddInput("no iterations", train(*SYNTHETIC, "--iterations", "0"), 2, ("--iterations",)),
]


@pytest.mark.parametrize("entry", PROFILE, ids=names(PROFILE))
def test_profile(entry: OddInput, tmp_path: Path) -> None:
    check(entry, tmp_path)


@pytest.mark.parametrize("entry", PHANTOM, ids=names(PHANTOM))
def test_phantom(entry: OddInput, tmp_path: Path) -> None:
    check(entry, tmp_path)


@pytest.mark.parametrize("entry", TRAIN, ids=names(TRAIN))
def test_train(entry: OddInput, tmp_path: Path) -> None:
    check(entry, tmp_path)
