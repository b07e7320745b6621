"""Kernels that are stored in 8 bits a weight: whole numbers, and one scale for each channel.

Keras reads no such file. A kernel `vars/0` is a group with the arrays `codes` (int8, the kernel's shape) and `scale`
(float32, of size 1 along every axis but one); the kernel is their product. A program that expects plain
Keras weights fails on the group instead of reading wrong values.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from flarecli.errors import InputError
from flarecli.files.sources import check_memory

if TYPE_CHECKING:
    import h5py

CODES, SCALE = "codes", "scale"

_LARGEST_CODE = 127
LARGEST_ERROR = 2.0**-6
"""Of a kernel, relative, as the length of a vector; kernels of trained networks lose about 0.7 %."""


def coded(values: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """A kernel as whole numbers and their scale.

    Args:
        values: Kernel with at least two axes, the last two of which are channels: (..., in, out), or (..., out, in).

    Returns:
        Codes (int8, of the kernel's shape) and scale (float32, broadcast over the codes), along that one of the last
        two axes that changes the kernel least; None where 8 bits change it by more than one part in 64.
    """
    values = np.asarray(values, np.float64)
    length = np.linalg.norm(values)
    if values.ndim < 2 or not np.isfinite(length) or length == 0:
        return None
    best, least = None, LARGEST_ERROR
    for axis in (values.ndim - 2, values.ndim - 1):
        others = tuple(other for other in range(values.ndim) if other != axis)
        largest = np.abs(values).max(axis=others, keepdims=True)
        scale = np.where(largest > 0, largest / _LARGEST_CODE, 1).astype(np.float32)
        if not scale.all():
            continue
        codes = np.rint(values / scale)
        error = float(np.linalg.norm(codes * scale - values) / length)
        if error < least:
            best, least = (codes.astype(np.int8), scale), error
    return best


def is_coded(item: Any) -> bool:
    """Whether an object of a weights file is a kernel in 8 bits."""
    import h5py

    return isinstance(item, h5py.Group) and set(item) == {CODES, SCALE}


def decoded(kernel: h5py.Group, path: Path) -> np.ndarray:
    """A kernel in float32.

    Args:
        kernel: The group of the kernel.
        path: The weights file, for messages.

    Raises:
        InputError: when codes and scale do not fit each other.
    """
    codes, scale = kernel[CODES], kernel[SCALE]
    fits = len(codes.shape) == len(scale.shape) and all(
        of_scale in (1, of_codes) for of_scale, of_codes in zip(scale.shape, codes.shape, strict=True)
    )
    if codes.dtype != np.int8 or scale.dtype != np.float32 or not fits:
        raise InputError(
            "holds a kernel in 8 bits whose parts do not fit each other",
            path=path,
            seen=f"{kernel.name}: codes {codes.dtype} {codes.shape}, scale {scale.dtype} {scale.shape}",
            expected="codes in int8, and a scale in float32 that is as long as they are, or 1, along every axis",
            remedy="Import or train the weights again, or fetch them from where they came.",
        )
    return codes[()].astype(np.float32) * scale[()]


class FileInMemory(io.BytesIO):
    """A weights file in memory. Keras chooses the reader by the ending of the name, which a plain `BytesIO` has not."""

    def __str__(self) -> str:
        return "decoded.weights.h5"

    def truncate(self, size: int | None = None) -> int:
        """Lengthen, too, as files do: HDF5 asks for that."""
        if size is None or size <= self.getbuffer().nbytes:
            return super().truncate(size)
        position = self.tell()
        self.seek(size - 1)
        self.write(b"\0")
        self.seek(position)
        return size


def readable_by_keras(path: Path) -> Path | FileInMemory:
    """A weights file as Keras reads it: the file itself, or a copy in memory with its kernels in float32.

    Args:
        path: The weights file, whose structure was checked.

    Raises:
        InputError: when codes and scale do not fit each other, or the copy needs more memory than there is.
    """
    import h5py

    with h5py.File(path) as file:
        kernels = {name: decoded(file[name], path) for name in _coded_kernels(file)}
    if not kernels:
        return path
    # The copy is changed in its place: made anew, object by object, it takes several times as long.
    size = path.stat().st_size
    needed = size + sum(values.nbytes for values in kernels.values())
    check_memory(
        needed, path, f"a file of {size:,} bytes, decoded", "Train or import the weights again, or fetch them anew."
    )
    copy = FileInMemory(path.read_bytes())
    with h5py.File(copy, "r+") as plain:
        for name, values in kernels.items():
            del plain[name]
            plain[name] = values
    copy.seek(0)
    return copy


def _coded_kernels(file: h5py.File) -> list[str]:
    import h5py

    names: list[str] = []
    h5py.h5o.visit(file.id, lambda name: names.append(name.decode("utf-8", "surrogateescape")))
    parents = (parent for parent, _, last in (name.rpartition("/") for name in names) if last == CODES)
    return [parent for parent in parents if parent and is_coded(file[parent])]
