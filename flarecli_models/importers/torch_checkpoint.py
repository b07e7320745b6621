"""Reads the state dictionary in a `.pt` or `.pth` file without PyTorch, and without running what the file says.

Both containers that `torch.save` writes are read: the zip archive, and the row of pickles from before PyTorch 1.6.

Source of the formats: `torch.save` and `torch.load` (PyTorch 2.13).
"""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np

from flarecli_models.importers.torch_pickle import CheckpointError, StorageRecord, TensorRecord, load_plain

_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_LEGACY_PROTOCOL = 1001
_COUNT_BYTES = 8

_LFS_POINTER = b"version https://git-lfs.github.com/spec/"
"""How the small file begins that stands for a large one where a repository was cloned without Git LFS."""

_STATE_KEY = "state_dict"
"""Where training scripts put the state dictionary beside the optimiser's."""


def read_state_dict(path: Path) -> dict[str, np.ndarray]:
    """Read the tensors of a saved state dictionary, or of the entry `state_dict` of a saved dictionary.

    Returns:
        Array for each key, in the file's order and types.

    Raises:
        CheckpointError: when the file is missing, damaged, or holds anything but plain values and tensors.
    """
    path = Path(path)
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                return dict(_read_archive(archive))
        with path.open("rb") as file:
            if file.read(len(_LFS_POINTER)) == _LFS_POINTER:
                raise CheckpointError("a Git LFS pointer, not the file itself; `git lfs pull` fetches it")
            file.seek(0)
            return dict(_read_legacy(file))
    except (OSError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        raise CheckpointError(f"{path}: cannot be read ({error})") from error
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from error.__cause__


def _read_archive(archive: zipfile.ZipFile) -> Iterator[tuple[str, np.ndarray]]:
    names = set(archive.namelist())
    roots = [name.removesuffix("data.pkl") for name in names if name.endswith("/data.pkl")]
    if len(roots) != 1:
        raise CheckpointError("a zip archive, but not one of torch.save: expected one data.pkl in it")
    (root,) = roots
    if f"{root}byteorder" in names and archive.read(f"{root}byteorder") != b"little":
        raise CheckpointError("its numbers are not little-endian")
    with archive.open(f"{root}data.pkl") as file:
        content, _ = load_plain(file)
    for key, tensor in _state_dict(content).items():
        name = f"{root}data/{tensor.storage.key}"
        if name not in names:
            raise CheckpointError(f"the storage of {key} is not in the file")
        if archive.getinfo(name).file_size != tensor.storage.bytes:
            raise CheckpointError(
                f"{name} has {archive.getinfo(name).file_size} bytes, expected {tensor.storage.bytes}"
            )
        yield key, tensor.array(np.frombuffer(archive.read(name), tensor.storage.dtype))


def _read_legacy(file: IO[bytes]) -> Iterator[tuple[str, np.ndarray]]:
    try:
        is_checkpoint = [load_plain(file)[0] for _ in range(2)] == [_LEGACY_MAGIC, _LEGACY_PROTOCOL]
    except CheckpointError:
        is_checkpoint = False
    if not is_checkpoint:
        raise CheckpointError("neither a zip archive nor an older file of torch.save")
    system, _ = load_plain(file)
    if not isinstance(system, dict) or system.get("little_endian") is not True:
        raise CheckpointError("its numbers are not little-endian")
    content, storages = load_plain(file)
    state = _state_dict(content)
    elements = _legacy_elements(file, storages, {tensor.storage.key for tensor in state.values()})
    for key, tensor in state.items():
        if tensor.storage.key not in elements:
            raise CheckpointError(f"the storage of {key} is not in the file")
        yield key, tensor.array(elements[tensor.storage.key])


def _legacy_elements(file: IO[bytes], storages: Mapping[str, StorageRecord], wanted: set[str]) -> dict[str, np.ndarray]:
    """The elements of the wanted storages; all lie in a row, each behind its number of elements."""
    order, _ = load_plain(file)
    if not isinstance(order, list) or not all(type(key) is str and key in storages for key in order):
        raise CheckpointError("its list of storages is damaged")
    elements = {}
    for key in order:
        record = storages[key]
        count = int.from_bytes(file.read(_COUNT_BYTES), "little")
        content = file.read(record.bytes) if key in wanted else b""
        if key not in wanted:
            file.seek(record.bytes, os.SEEK_CUR)
        elif count != record.size or len(content) != record.bytes:
            raise CheckpointError(
                f"storage {key} has {count} elements in {len(content)} bytes, expected {record.size} in {record.bytes}"
            )
        else:
            elements[key] = np.frombuffer(content, record.dtype)
    return elements


def _state_dict(content: Any) -> dict[str, TensorRecord]:
    state = content.get(_STATE_KEY, content) if isinstance(content, dict) else content
    if not isinstance(state, dict) or not state:
        raise CheckpointError(f"it holds a {type(content).__name__}, expected a state dictionary")
    for key, value in state.items():
        if not isinstance(key, str) or not isinstance(value, TensorRecord):
            raise CheckpointError(
                f"its entry {str(key)[:60]!r} is no tensor but a {type(value).__name__}, expected a state dictionary, "
                f"or one under the key {_STATE_KEY!r}"
            )
    return state
