"""Default number of processes, by processors and memory."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path

import nibabel
from nibabel.filebasedimages import ImageFileError

from flarecli.datasets.pairs import LabelledPair
from flarecli.hardware.processors import available_processors

_BASE_BYTES = 150_000_000
"""A process with its libraries; measured 110 MB."""

_BYTES_A_VOXEL = 12
"""Of scan, labels and what is made of them; measured 7 with int16 scans and uint8 labels, more with other types."""

_MEMORY_SHARE = 0.7  # of what is free: the rest is for others, and for the files in the system's cache


def suggested_jobs(pairs: Iterable[LabelledPair]) -> int:
    """Number of processes, each holding the largest case of the dataset, that fit this machine; at least 1.

    Reads the headers of the NIfTI files; other formats are not taken into account.
    """
    memory = available_memory_bytes()
    if memory is None:
        return available_processors()
    largest = max((_voxels(pair.scan) for pair in pairs if pair.scan is not None), default=0)
    fitting = int(_MEMORY_SHARE * memory / (_BASE_BYTES + _BYTES_A_VOXEL * largest))
    return max(1, min(available_processors(), fitting))


def available_memory_bytes(root: Path = Path("/")) -> int | None:
    """Memory that can be taken without swapping, or what the container still allows; None where it is not known.

    Args:
        root: Where `proc` and `sys` are found.
    """
    try:
        lines = (root / "proc/meminfo").read_text(encoding="ascii").splitlines()
        available = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration, ValueError):
        return None
    group = root / "sys/fs/cgroup"
    try:
        allowed = int((group / "memory.max").read_text()) - int((group / "memory.current").read_text())
    except (OSError, ValueError):  # no container, or one without a limit ("max")
        return available
    return max(0, min(available, allowed))


def _voxels(scan: Path) -> int:
    try:
        return math.prod(nibabel.load(scan).shape)
    except (OSError, ValueError, EOFError, ImageFileError):
        return 0  # another format, or a broken file, which the checks will name
