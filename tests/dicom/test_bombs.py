"""Small files that ask for much memory are refused before it is taken."""

from __future__ import annotations

import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.dicom.series_writer import pydicom, write_multi_frame, write_series

_LIMIT_BYTES = 3 << 30  # of the address space
_PEAK_MB = 600
_READ = """
import resource, sys
from pathlib import Path
from flarecli.errors import InputError
from flarecli.volume import read_volume
resource.setrlimit(resource.RLIMIT_AS, ({limit}, {limit}))
try:
    read_volume(Path(sys.argv[1]))
    print("read")
except InputError as error:
    print(error.problem)
    print(error.seen)
high = [line for line in open("/proc/self/status") if line.startswith("VmHWM")]
print(int(high[0].split()[1]) // 1024)
"""


def _deflated(folder: Path) -> None:
    """A third of a gigabyte of zeros behind a small header."""
    write_series(folder, slices=range(2), syntax="1.2.840.10008.1.2.1.99")
    for path in folder.iterdir():
        content = path.read_bytes()
        start = 144 + int.from_bytes(content[140:144], "little")
        packer = zlib.compressobj(1, zlib.DEFLATED, -zlib.MAX_WBITS)
        packed = packer.compress(zlib.decompress(content[start:], -zlib.MAX_WBITS)[:100])
        zeros = bytes(1 << 24)
        for _ in range(20):
            packed += packer.compress(zeros)
        path.write_bytes(content[:start] + packed + packer.flush())


def _long_element(folder: Path) -> None:
    """An element that states 4 GB."""
    write_series(folder, slices=range(3))
    for path in folder.iterdir():
        content = path.read_bytes()
        at = content.index(b"\x20\x00\x0d\x00UI")
        path.write_bytes(content[:at] + b"\x20\x00\x0d\x00UN\0\0\xf0\xff\xff\xff" + content[at + 8 :])


def _compressed(syntax: str) -> Callable[[Path], None]:
    """Compressed slices whose headers state 24,000 rows and columns."""

    def make(folder: Path) -> None:
        write_series(folder, compress=syntax)
        for path in folder.iterdir():
            dataset = pydicom.dcmread(path)
            dataset.Rows = dataset.Columns = 24000
            dataset.PixelSpacing = ["0.1", "0.1"]
            dataset.save_as(path)

    return make


def _frames(folder: Path) -> None:
    """As many frames as a number can state, of 24,000 rows and columns."""

    def change(dataset: Any) -> None:
        dataset.NumberOfFrames = 2**31 - 1
        dataset.Rows = dataset.Columns = 24000

    write_multi_frame(folder / "volume.dcm", change=change)


def _tilt(folder: Path) -> None:
    """A tilt that widens the grid to more than memory holds."""
    voxels = np.zeros((120, 4, 2), np.int16)
    angle = np.radians(29)
    write_series(
        folder,
        voxels,
        orientation=(1, 0, 0, 0, np.cos(angle), np.sin(angle)),
        spacing_mm=(1e-4, 20.0),
        step_lps=(0, 0, 20.0),
    )


BOMBS = {
    "deflated zeros": (_deflated, "cannot be read|pixel|no CT|files"),
    "element of 4 GB": (_long_element, "cannot be read|invalid|missing|files"),
    "run lengths": (_compressed("1.2.840.10008.1.2.5"), "memory"),
    "JPEG-LS": (_compressed("1.2.840.10008.1.2.4.80"), "memory"),
    "frames": (_frames, "frames|files"),
    "tilt": (_tilt, "voxel size"),
}


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak of memory from /proc")
@pytest.mark.parametrize("name", list(BOMBS))
def test_bombs_are_refused_in_little_memory(tmp_path: Path, name: str) -> None:
    make, expected = BOMBS[name]
    try:
        make(tmp_path / "s")
    except RuntimeError as error:
        pytest.skip(f"pydicom cannot write it here: {str(error).splitlines()[0]}")
    done = subprocess.run(
        [sys.executable, "-c", _READ.format(limit=_LIMIT_BYTES), str(tmp_path / "s")],
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )
    assert done.returncode == 0, done.stderr
    problem, *seen, peak_mb = done.stdout.strip().splitlines()
    assert any(word in f"{problem} {seen}" for word in expected.split("|")), (problem, seen)
    assert int(peak_mb) < _PEAK_MB
    print(name, problem, seen, peak_mb, "MB")
