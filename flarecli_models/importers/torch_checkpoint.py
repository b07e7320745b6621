"""Reads the state dictionary in a `.pt` or `.pth` file without PyTorch, and without running what the file says.

Both containers that `torch.save` writes are read: the zip archive, and the row of pickles from before PyTorch 1.6.

Source of the formats: `torch.save` and `torch.load` (PyTorch 2.13).
"""

from __future__ import annotations

import math
import os
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from flarecli_models.importers.regular_file import open_regular
from flarecli_models.importers.torch_pickle import CheckpointError, StorageRecord, TensorRecord, load_plain

_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_LEGACY_PROTOCOL = 1001
_COUNT_BYTES = 8

_LFS_POINTER = b"version https://git-lfs.github.com/spec/"
"""First bytes of a Git LFS pointer, which stands for a file where a repository was cloned without Git LFS."""

_MOST_TIMES, _MORE_BYTES = 4, 64_000_000
"""How much larger than its tensors the storages of a file may be: a tensor may be a part of a larger one."""

_LONGEST_BYTE_ORDER = 16

_STATE_KEY = "state_dict"
"""Where training scripts put the state dictionary beside the optimiser's."""


def read_state_dict(
    path: Path, check_shapes: Callable[[Mapping[str, tuple[int, ...]]], None] | None = None
) -> dict[str, np.ndarray]:
    """Read the tensors of a saved state dictionary, or of the entry `state_dict` of a saved dictionary.

    Args:
        path: The file.
        check_shapes: Is given the shape of every tensor by its key before any values are read; raises a ValueError
            where they are not those of the network.

    Returns:
        Array for each key, in the file's order and types.

    Raises:
        CheckpointError: when the file is missing, damaged, holds anything but plain values and tensors, or is more
            than the tensors need.
        ValueError: what `check_shapes` raises.
    """
    path = Path(path)
    accept = check_shapes or (lambda _: None)
    try:
        with open_regular(path) as file:
            if zipfile.is_zipfile(file):
                with zipfile.ZipFile(file) as archive:
                    read = _read_archive(archive, accept)
            else:
                file.seek(0)
                if file.read(len(_LFS_POINTER)) == _LFS_POINTER:
                    raise CheckpointError("a Git LFS pointer, not the file itself; `git lfs pull` fetches it")
                file.seek(0)
                read = _read_legacy(file, accept)
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from error.__cause__
    except _Refused as error:
        raise error.reason from error
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error.strerror or error})") from error
    except MemoryError as error:
        raise CheckpointError(f"{path}: needs more memory than there is") from error
    except Exception as error:  # zipfile, zlib and NumPy raise nearly anything on damaged files
        raise CheckpointError(f"{path}: cannot be read ({type(error).__name__}: {str(error)[:200]})") from error
    return read


class _Refused(Exception):
    """The caller's error about the shapes; the handlers of damaged files do not catch it."""

    def __init__(self, reason: ValueError) -> None:
        self.reason = reason


def _checked_state(content: Any, accept: Callable[[Mapping[str, tuple[int, ...]]], None]) -> dict[str, TensorRecord]:
    """The tensors of a file, once their shapes are right and their storages are not larger than they need."""
    state = _state_dict(content)
    try:
        accept({key: tensor.shape for key, tensor in state.items()})
    except ValueError as error:
        raise _Refused(error) from error
    stored = sum(storage.bytes for storage in {tensor.storage for tensor in state.values()})
    needed = sum(math.prod(tensor.shape) * np.dtype(tensor.storage.dtype).itemsize for tensor in state.values())
    if stored > _MOST_TIMES * needed + _MORE_BYTES:
        raise CheckpointError(f"its storages take {stored} bytes, its tensors only {needed}: clone them before saving")
    return state


def _read_archive(
    archive: zipfile.ZipFile, accept: Callable[[Mapping[str, tuple[int, ...]]], None]
) -> dict[str, np.ndarray]:
    names = set(archive.namelist())
    roots = [name.removesuffix("data.pkl") for name in names if name.endswith("/data.pkl")]
    if len(roots) != 1:
        raise CheckpointError("a zip archive, but not one of torch.save: expected one data.pkl in it")
    (root,) = roots
    if f"{root}byteorder" in names:
        with archive.open(f"{root}byteorder") as order:
            if order.read(_LONGEST_BYTE_ORDER) != b"little":
                raise CheckpointError("its numbers are not little-endian")
    with archive.open(f"{root}data.pkl") as file:
        content, _ = load_plain(file, archive.getinfo(f"{root}data.pkl").file_size)
    read, elements = {}, {}
    state = _checked_state(content, accept)
    for key, tensor in state.items():
        name = f"{root}data/{tensor.storage.key}"
        if name not in names:
            raise CheckpointError(f"the storage of {key} is not in the file")
        if archive.getinfo(name).file_size != tensor.storage.bytes:
            raise CheckpointError(
                f"{name} has {archive.getinfo(name).file_size} bytes, expected {tensor.storage.bytes}"
            )
        if name not in elements:
            elements[name] = np.frombuffer(archive.read(name), tensor.storage.dtype)
        read[key] = tensor.array(elements[name])
    return read


def _read_legacy(file: BinaryIO, accept: Callable[[Mapping[str, tuple[int, ...]]], None]) -> dict[str, np.ndarray]:
    try:
        is_checkpoint = [_pickle(file)[0] for _ in range(2)] == [_LEGACY_MAGIC, _LEGACY_PROTOCOL]
    except CheckpointError:
        is_checkpoint = False
    if not is_checkpoint:
        raise CheckpointError("neither a zip archive nor an older file of torch.save")
    system, _ = _pickle(file)
    if not isinstance(system, dict) or system.get("little_endian") is not True:
        raise CheckpointError("its numbers are not little-endian")
    content, storages = _pickle(file)
    state = _checked_state(content, accept)
    elements = _legacy_elements(file, storages, {tensor.storage.key for tensor in state.values()})
    read = {}
    for key, tensor in state.items():
        if tensor.storage.key not in elements:
            raise CheckpointError(f"the storage of {key} is not in the file")
        read[key] = tensor.array(elements[tensor.storage.key])
    return read


def _pickle(file: BinaryIO) -> tuple[Any, dict[str, StorageRecord]]:
    """The next of the pickles that lie in a row."""
    return load_plain(file, _bytes_left(file))


def _bytes_left(file: BinaryIO) -> int:
    return os.fstat(file.fileno()).st_size - file.tell()


def _legacy_elements(file: BinaryIO, storages: Mapping[str, StorageRecord], wanted: set[str]) -> dict[str, np.ndarray]:
    """The elements of the wanted storages; all lie in a row, each behind its number of elements."""
    order, _ = _pickle(file)
    if not isinstance(order, list) or not all(type(key) is str and key in storages for key in order):
        raise CheckpointError("its list of storages is damaged")
    elements = {}
    for key in order:
        record = storages[key]
        count = int.from_bytes(file.read(_COUNT_BYTES), "little")
        if key not in wanted:
            file.seek(record.bytes, os.SEEK_CUR)
            continue
        # No more than the file has is asked for: the memory for it is taken beforehand.
        content = file.read(min(record.bytes, max(0, _bytes_left(file))))
        if count != record.size or len(content) != record.bytes:
            raise CheckpointError(
                f"storage {key} has {count} elements in {len(content)} bytes, expected {record.size} in {record.bytes}"
            )
        elements[key] = np.frombuffer(content, record.dtype)
    return elements


def _state_dict(content: Any) -> dict[str, TensorRecord]:
    state = content.get(_STATE_KEY, content) if isinstance(content, dict) else content
    if not isinstance(state, dict) or not state:
        raise CheckpointError(f"it holds a {type(content).__name__}, expected a state dictionary")
    for key, value in state.items():
        if not isinstance(key, str) or not isinstance(value, TensorRecord):
            raise CheckpointError(
                f"its entry {str(key)[:60]!r} is not a tensor but a {type(value).__name__}, expected a "
                f"state dictionary, or one under the key {_STATE_KEY!r}"
            )
    return state
