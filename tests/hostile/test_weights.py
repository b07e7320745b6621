"""Odd weights, cards and checkpoints, as `flare weights`, `flare systems` and `flare predict` meet them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import h5py
import nibabel
import numpy as np
import pytest

from flarecli.weights import store
from tests.hostile import odd_weights as odd
from tests.hostile.corpus import OddInput, check, names

Arguments = Sequence[str | Path]
Make = Callable[[Path], Arguments]

PLACE = Path("weights") / "flarelite" / "published"
"""Where the set lies that is used before all others."""


def scan(folder: Path) -> Path:
    voxels = np.full((12, 12, 12), -1000, np.int16)
    voxels[3:9, 3:9, 3:9] = 60
    nibabel.save(nibabel.Nifti1Image(voxels, np.diag((20.0, 20.0, 20.0, 1.0))), folder / "scan.nii.gz")
    return folder / "scan.nii.gz"


def installed(change: Callable[[Path], object], *command: str) -> Make:
    """A damaged set among the installed ones, and a command."""

    def make(folder: Path) -> Arguments:
        odd.starter(folder / PLACE)
        change(folder / PLACE)
        return command or ("predict", scan(folder), folder / "out" / "o.nii.gz", "--system", "flarelite")

    return make


def chosen(make_choice: Callable[[Path], str | Path | Arguments]) -> Make:
    """A scan to be segmented with these weights."""

    def make(folder: Path) -> Arguments:
        choice = make_choice(folder)
        choices = [choice] if isinstance(choice, str | Path) else choice
        options = [part for one in choices for part in ("--weights", one)]
        return "predict", scan(folder), folder / "out" / "o.nii.gz", "--system", "flarelite", *options

    return make


def card(content: bytes | dict[str, object]) -> Callable[[Path], object]:
    """Other content of the card, or other fields in it."""

    def change(place: Path) -> None:
        path = place / odd.CARD
        told = content if isinstance(content, bytes) else b""
        if isinstance(content, dict):
            fields = {**json.loads(path.read_text()), **content}
            told = json.dumps({key: value for key, value in fields.items() if value is not ...}).encode()
        path.write_bytes(told)

    return change


def gone(name: str) -> Callable[[Path], object]:
    return lambda place: (place / name).unlink()


def instead(name: str, put: Callable[[Path], object]) -> Callable[[Path], object]:
    def change(place: Path) -> None:
        (place / name).unlink()
        put(place / name)

    return change


def dangling(path: Path) -> None:
    path.symlink_to("nowhere")


DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "no card": (gone(odd.CARD), "has no card beside it"),
    "an empty card": (card(b""), "is not a card"),
    "a card of zeros": (card(bytes(100)), "is not a card"),
    "a card that is cut": (card(b'{"system": "flarelite", "net'), "is not a card"),
    "a card nested without end": (card(b"[" * 200_000), "is not a card"),
    "a card in another encoding": (card('{"system": "flärelite"}'.encode("utf-16")), "is not a card"),
    "a card that is a list": (card(b"[1, 2]"), "a list"),
    "a card without checksum": (card({"sha256": ...}), "sha256"),
    "a card with an unknown field": (card({"set": "a"}), "unknown: ['set']"),
    "a card with a number for a name": (card({"network": 3}), "network is 3"),
    "a card with escape codes": (card({"set_name": "a\x1b[31m"}), "not a name"),
    "a card with negative sizes": (card({"input_shape": [-1, 8, 8]}), "input_shape"),
    "a card with giant sizes": (card({"input_shape": [10**9, 8, 8]}), "input_shape"),
    "a card with texts in details": (card({"details": "much"}), "details"),
    "a folder for a card": (instead(odd.CARD, Path.mkdir), "is a folder"),
    "a FIFO for a card": (instead(odd.CARD, odd.fifo), "a FIFO"),
    "a link to no card": (instead(odd.CARD, dangling), "is a link to a file that is not there"),
    "no weights": (gone(odd.WEIGHTS), "is missing, though its card is there"),
    "a folder for weights": (instead(odd.WEIGHTS, Path.mkdir), "is a folder"),
    "a FIFO for weights": (instead(odd.WEIGHTS, odd.fifo), "a FIFO"),
    "a link to no weights": (instead(odd.WEIGHTS, dangling), "is a link to a file that is not there"),
}

LISTED = [
    *(OddInput(f"list {name}", installed(change, "weights", "list", "--json"), 0, ("damaged", words))
      for name, (change, words) in DAMAGE.items()),
    OddInput("list for people", installed(gone(odd.CARD), "weights", "list"), 0, ("damaged", "flarelite", "refine")),
    *(OddInput(f"systems and {name}", installed(DAMAGE[name][0], "systems"), 0, ("damaged", "vgg13"))
      for name in ("no card", "a card nested without end", "no weights")),
    OddInput("show no card", installed(gone(odd.CARD), "weights", "show", "flarelite", "locate"), 3, ("no card",)),
    OddInput("show the other network", installed(gone(odd.CARD), "weights", "show", "flarelite", "refine"), 0),
]  # fmt: skip

USED = [
    *(OddInput(f"predict with {name}", installed(change), 3, (words,)) for name, (change, words) in DAMAGE.items()),
]  # fmt: skip


def two_of_one(folder: Path) -> Path:
    run = odd.starter(folder / "run")
    for old, new in ((odd.WEIGHTS, "copy.weights.h5"), (odd.CARD, "copy.json")):
        (run / new).write_bytes((run / old).read_bytes())
    return run


def unfinished_training(folder: Path) -> Path:
    (folder / "run" / "checkpoints").mkdir(parents=True)
    (folder / "run" / "checkpoints" / "step_00000010.npz").write_bytes(b"")
    return folder / "run"


def put(name: str, content: bytes = b"") -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        (folder / name).write_bytes(content)
        return folder / name

    return write


def of_another_system(folder: Path) -> Path:
    run = odd.starter(folder / "run")
    for name in ("locate", "refine"):
        path = run / f"{name}.json"
        path.write_text(path.read_text().replace('"flarelite"', '"vgg13"'))
    return run


def flipped(position: int) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        run = odd.starter(folder / "run")
        content = bytearray((run / odd.WEIGHTS).read_bytes())
        content[position] ^= 0xFF
        (run / odd.WEIGHTS).write_bytes(content)
        return run

    return make


def exchanged(folder: Path) -> Path:
    run = odd.starter(folder / "run")
    (run / odd.WEIGHTS).write_bytes((run / "refine.weights.h5").read_bytes())
    return run


_DIFFERS = ("is not the weights file that its card describes", "SHA-256", "To use the file as it is")

CHOSEN = [
    OddInput("an empty choice", chosen(lambda folder: ""), 3, ("an empty name",)),
    OddInput("a set that is not there", chosen(lambda folder: "nowhere"), 3, ("no weights of flarelite there",)),
    OddInput("a network that is not there", chosen(lambda folder: "liver=starter"), 2, ("locate, refine",)),
    OddInput("a FIFO", chosen(lambda folder: odd.fifo(folder / odd.WEIGHTS)), 3, ("a FIFO",)),
    OddInput("a device", chosen(lambda folder: "/dev/zero"), 3, ("is not a regular file",)),
    OddInput("an empty folder", chosen(lambda folder: folder), 3, ("no weights of flarelite there",)),
    OddInput("a checkpoint", chosen(put("step.npz")), 3, ("is a checkpoint of a training",)),
    OddInput("a text", chosen(put("weights.txt")), 3, ("is not a weights file",)),
    OddInput("an HDF5 file without card", chosen(put("a.weights.h5")), 3, ("has no card beside it",)),
    OddInput("an unfinished training", chosen(unfinished_training), 3, ("is not finished", "flare train")),
    OddInput("two files of one network", chosen(two_of_one), 3, ("holds two weights files",)),
    OddInput("a folder of another system", chosen(of_another_system), 3, ("no weights of flarelite there",)),
    OddInput("a file of another system", chosen(lambda folder: of_another_system(folder) / odd.WEIGHTS), 3,
             ("holds no weights of flarelite", "--system vgg13")),
    OddInput("a folder with one of two networks", chosen(lambda folder: odd.starter(folder / "run", "refine")), 3,
             ("hold none for flarelite/locate", "--weights locate=")),
    *(OddInput(f"a bit flipped at {place}", chosen(flipped(place)), 3, _DIFFERS) for place in (0, 5000, -1)),
    OddInput("weights of the other network", chosen(exchanged), 3, _DIFFERS),
    OddInput("a card without checksum in it", chosen(lambda folder: [
        (odd.starter(folder / "run"), card({"sha256": ""})(folder / "run"))[0]]), 3, _DIFFERS),
]  # fmt: skip


def verified(make_set: Callable[[Path], object]) -> Make:
    def make(folder: Path) -> Arguments:
        make_set(folder / "weights" / "flarelite" / "mine")
        return "weights", "verify"

    return make


def inside(name: str, change: odd.Change, *words: str, exit_code: int = 3) -> OddInput:
    return OddInput(f"verify {name}", verified(lambda place: odd.changed(place, change)), exit_code, words)


def whole(name: str, content: bytes, *words: str) -> OddInput:
    return OddInput(f"verify {name}", verified(lambda place: odd.replaced(place, content)), 3, words)


_FINITE = "not finite"
_ELSEWHERE = "whose values lie in other files"

VERIFIED = [
    inside("sound weights", lambda file: None, "intact", exit_code=0),
    inside("one NaN", odd.values(np.nan), _FINITE, "encode0a"),
    inside("infinity", odd.values(np.inf), _FINITE),
    inside("zeros everywhere", odd.values(0, everywhere=True), "holds a constant in every layer"),
    inside("one layer of zeros", odd.values(0), "intact, but", "encode0a", exit_code=0),
    inside("a soft link", odd.link(lambda path: h5py.SoftLink("/layers/conv3d_1/vars/0")), "holds a link"),
    inside("a link to another file", odd.link(lambda path: h5py.ExternalLink(str(path), odd.KERNEL)), "holds a link"),
    inside("a link to /etc/passwd", odd.link(lambda path: h5py.ExternalLink("/etc/passwd", "a")), "/etc/passwd"),
    inside("a virtual array", odd.virtual, _ELSEWHERE),
    inside("values in another file", odd.kernel(dtype="f4", external="/etc/passwd"), _ELSEWHERE),
    inside("a circle of groups", odd.circle, "under two names"),
    inside("a filter to be loaded", odd.unknown_filter, "filter that is not supported", "31999"),
    inside("another shape", odd.kernel(shape=(2, 2), dtype="f4"), "does not hold weights of"),
    inside("a missing layer", lambda file: file["layers"].pop("conv3d"), "does not hold weights of"),
    inside("texts", odd.kernel(dtype=h5py.string_dtype()), "something else than numbers"),
    inside("complex numbers", odd.kernel(dtype="c16"), "something else than numbers"),
    inside("a petabyte of zeros", odd.kernel(shape=(1 << 48,), dtype="f4"), "holds more than its network"),
    inside("a gigabyte, packed", odd.kernel(shape=(1 << 28,), dtype="f4", compression="gzip"), "more than its network"),
    inside("a piece of a gigabyte", odd.kernel(shape=(3,), maxshape=(None,), chunks=(1 << 28,), dtype="f4",
           compression="gzip"), "larger than itself"),
    whole("an empty file", b"", "is not a weights file"),
    whole("a text", b"weights" * 100, "is not a weights file"),
    whole("a signature alone", b"\x89HDF\r\n\x1a\n", "is not a weights file"),
    whole("half a file", (odd.STARTER / odd.WEIGHTS).read_bytes()[:100_000], "is not a weights file"),
    OddInput("verify a network of no system", verified(lambda place: card({"network": "liver"})(odd.starter(place))), 3,
             ("does not have",)),
    OddInput("verify a system that is not there", verified(lambda place: card({"system": "x"})(odd.starter(place))), 3,
             ("no such system",)),
    OddInput("verify a size that does not matter", verified(lambda place: card({"input_shape": [7, 9]})(
        odd.starter(place))), 0, ("intact",)),
]  # fmt: skip


def imported(make_source: Callable[[Path], str | Path], system: str = "vgg13", network: str = "segmentation") -> Make:
    return lambda folder: ("weights", "import", make_source(folder), "--system", system, "--network", network)


def localization(make_source: Callable[[Path], str | Path]) -> Make:
    return imported(make_source, "efficientscn", "localization")


def in_index(name: str, block: bytes, *words: str) -> OddInput:
    return OddInput(f"import an index {name}", localization(lambda folder: odd.bundle(folder, block)), 3, words)


def index_fifo(folder: Path) -> Path:
    return odd.fifo(folder / "saved" / "variables.index").parent


_UNREADABLE = "published weights cannot be read"

IMPORTED = [
    *(OddInput(f"import a pickle {name}", imported(lambda folder, content=content: odd.zipped(folder / "a.pt", {
        "data.pkl": content})), 3, (_UNREADABLE, "complete")) for name, content in odd.PICKLES.items()),
    OddInput("import an older pickle", imported(put("a.pt", odd.PICKLES["of 12 bytes that asks for 4 GB"])), 3,
             ("neither a zip archive nor an older file",)),
    OddInput("import a zip bomb", imported(lambda folder: odd.zip_bomb(folder / "a.pt")), 3, (_UNREADABLE,)),
    OddInput("import another zip", imported(lambda folder: odd.zipped(folder / "a.pt", {"a": b""})), 3,
             ("not one of torch.save",)),
    OddInput("import a FIFO", imported(lambda folder: odd.fifo(folder / "a.pt")), 3, ("regular file",)),
    OddInput("import /dev/zero", imported(lambda folder: "/dev/zero"), 3, ("regular file",)),
    OddInput("import /dev/null", imported(lambda folder: os.devnull), 3, ("regular file",)),
    OddInput("import a folder", imported(lambda folder: folder), 3, (_UNREADABLE,)),
    OddInput("import nothing", imported(lambda folder: folder / "a.pt"), 3, ("No such file",)),
    OddInput("import an empty file", imported(put("a.pt")), 3, (_UNREADABLE,)),
    OddInput("import a pointer", imported(put("a.pt", b"version https://git-lfs.github.com/spec/v1\n")), 3,
             ("git lfs pull",)),
    OddInput("import no bundle", localization(lambda folder: folder), 3, ("no variable bundle",)),
    OddInput("import an index that is a FIFO", localization(index_fifo), 3, ("no variable bundle",)),
    in_index("of 2^40 data files", odd.header(1 << 40), "1099511627776 data files"),
    in_index("of no data file", b"\0\0\2\x08\0", "0 data files"),
    in_index("with a number without end", b"\0\0\x0c\x08" + b"\xff" * 11, "a number of more than 10 bytes"),
    in_index("with an entry past its block", b"\0\0\xff\xff\xff\xff\x0f", "longer than its block"),
    OddInput("import other variables", localization(lambda folder: odd.other_variables(folder / "saved")), 3,
             ("not the published network", "missing variables: 42")),
    OddInput("import for no network", imported(put("a.pt"), network="liver"), 2, ("no published weights",)),
]  # fmt: skip


@pytest.fixture(autouse=True)
def only_what_a_test_installs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "BUNDLED_ROOT", tmp_path / "bundled")
    monkeypatch.setenv("FLARE_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.chdir(tmp_path)


CORPUS = [*LISTED, *USED, *CHOSEN, *VERIFIED, *IMPORTED]


@pytest.mark.parametrize("entry", CORPUS, ids=names(CORPUS))
def test_odd_weights(entry: OddInput, tmp_path: Path) -> None:
    check(entry, tmp_path)
    assert not (tmp_path / "executed").exists()
    if entry in IMPORTED:
        assert not (tmp_path / "weights").exists()


HARMLESS = [
    OddInput(f"another system with {name}", installed(change), 0, ("scan",), ("o.nii.gz", "o.json"))
    for name, (change, _) in DAMAGE.items()
]


@pytest.mark.usefixtures("threshold_system")
@pytest.mark.parametrize("entry", HARMLESS[::4], ids=names(HARMLESS[::4]))
def test_damaged_weights_of_another_system_do_no_harm(entry: OddInput, tmp_path: Path) -> None:
    check(entry, tmp_path)
