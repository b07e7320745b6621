"""Small files of weights that ask for much memory, in a process that may not take it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np

from tests.hostile import odd_weights as odd

_LIMIT_BYTES = 4_000_000_000
"""Of the address space: the libraries alone take 2 GB of it."""

_MOST_MB = 600

_PROGRAM = f"""
import json, os, resource, sys
from pathlib import Path
resource.setrlimit(resource.RLIMIT_AS, ({_LIMIT_BYTES}, {_LIMIT_BYTES}))
from typer.testing import CliRunner
from flarecli.cli.main import app
from flarecli.hardware.memory import peak_rss_mb
from flarecli.weights import store
store.BUNDLED_ROOT = Path("none")
for folder, arguments in json.load(sys.stdin):
    os.environ["FLARE_WEIGHTS"] = folder
    result = CliRunner().invoke(app, arguments)
    print(json.dumps({{"code": result.exit_code, "told": result.output, "peak_mb": peak_rss_mb()}}))
"""

_VGG13 = ("--system", "vgg13", "--network", "segmentation")
_SCN = ("--system", "efficientscn", "--network", "localization")


def pickle_of(name: str, folder: Path) -> tuple[object, ...]:
    return "weights", "import", odd.zipped(folder / "a.pt", {"data.pkl": odd.PICKLES[name]}), *_VGG13


def zip_bomb(folder: Path) -> tuple[object, ...]:
    return "weights", "import", odd.zip_bomb(folder / "a.pt", megabytes=800), *_VGG13


def shards(folder: Path) -> tuple[object, ...]:
    return "weights", "import", odd.bundle(folder, odd.header(1 << 40)), *_SCN


def device(folder: Path) -> tuple[object, ...]:
    return "weights", "import", "/dev/zero", *_VGG13


def packed_array(folder: Path) -> tuple[object, ...]:
    def change(file: h5py.File) -> None:
        odd.kernel(shape=(1 << 28,), dtype="f4", compression="gzip", fillvalue=1.0)(file)
        file[odd.KERNEL][: 1 << 20] = np.float32(2)

    odd.changed(folder / "weights" / "flarelite" / "mine", change)
    return ("weights", "verify")


BOMBS = {
    **{name: (lambda folder, name=name: pickle_of(name, folder)) for name in odd.PICKLES if "GB" in name},
    "archive of 800 MB in one": zip_bomb,
    "2^40 data files": shards,
    "device without end": device,
    "array of a gigabyte": packed_array,
}


def test_bombs_are_refused_in_little_memory(tmp_path: Path) -> None:
    """All in one process: its peak is that of the worst so far."""
    calls = []
    for number, bomb in enumerate(BOMBS.values()):
        folder = tmp_path / str(number)
        folder.mkdir()
        calls.append((str(folder / "weights"), [str(argument) for argument in bomb(folder)]))
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM], input=json.dumps(calls), capture_output=True, text=True, check=True
    )
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(BOMBS)
    for name, told in zip(BOMBS, answers, strict=True):
        assert told["code"] == 3, (name, told)
        assert told["peak_mb"] < _MOST_MB, (name, told)
