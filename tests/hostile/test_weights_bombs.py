"""Small files of weights that ask for much memory, in a process that may not take it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from tests.hostile import odd_weights as odd

_LIMIT_BYTES = 4_000_000_000
"""Of the address space: the libraries alone take 2 GB of it."""

_MOST_MB = 600

_PROGRAM = f"""
import json, resource, sys
resource.setrlimit(resource.RLIMIT_AS, ({_LIMIT_BYTES}, {_LIMIT_BYTES}))
from typer.testing import CliRunner
from flarecli.cli.main import app
from flarecli.hardware.memory import peak_rss_mb
result = CliRunner().invoke(app, sys.argv[1:])
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


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_in_little_memory(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLARE_WEIGHTS", str(tmp_path / "weights"))
    arguments = [str(argument) for argument in BOMBS[name](tmp_path)]
    bundled = "from flarecli.weights import store; from pathlib import Path; store.BUNDLED_ROOT = Path('none')"
    done = subprocess.run(
        [sys.executable, "-c", f"{bundled}\n{_PROGRAM}", *arguments], capture_output=True, text=True, check=True
    )
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["code"] == 3, told
    assert told["peak_mb"] < _MOST_MB, told
