"""Writes files like those of `torch.save` without PyTorch, and ones that PyTorch would not write."""

from __future__ import annotations

import io
import pickle
import struct
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np

MAGIC = 0x1950A86A20F9469CFC6C


class Named:
    """Pickles as a global name, which need not exist here."""

    def __init__(self, module: str, name: str) -> None:
        self.module, self.name = module, name


class Call:
    """Pickles as the call of a global name."""

    def __init__(self, module: str, name: str, *arguments: Any) -> None:
        self.function, self.arguments = Named(module, name), arguments


class Storage(tuple):
    """Pickles as a reference to a storage: the persistent id."""


class Writer(pickle._Pickler):
    """Writes pickles like those of `torch.save`, and worse ones."""

    def persistent_id(self, value: Any) -> Any:
        return tuple(value) if isinstance(value, Storage) else None

    def save(self, value: Any, save_persistent_id: bool = True) -> None:
        if isinstance(value, Named):
            self.write(pickle.GLOBAL + f"{value.module}\n{value.name}\n".encode())
        elif isinstance(value, Call):
            self.save(value.function)
            self.save(value.arguments)
            self.write(pickle.REDUCE)
        else:
            super().save(value, save_persistent_id)


def pickled(value: Any) -> bytes:
    """A pickle of the protocol that `torch.save` uses."""
    file = io.BytesIO()
    Writer(file, protocol=2).dump(value)
    return file.getvalue()


def storage(key: str, size: int, kind: str = "FloatStorage", *further: Any) -> Storage:
    """A reference to so many numbers on the CPU."""
    return Storage(("storage", Named("torch", kind), key, "cpu", size, *further))


def tensor(of: Storage, offset: int, shape: tuple[int, ...], strides: tuple[int, ...]) -> Call:
    """A view of a storage."""
    return Call("torch._utils", "_rebuild_tensor_v2", of, offset, shape, strides, False, OrderedDict())


def write_archive(path: Path, content: Any, storages: dict[str, bytes], byteorder: bytes = b"little") -> Path:
    """A zip archive, as PyTorch writes them since 1.6; content is pickled unless it is bytes."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", content if isinstance(content, bytes) else pickled(content))
        archive.writestr("archive/byteorder", byteorder)
        for key, values in storages.items():
            archive.writestr(f"archive/data/{key}", values)
    return path


def write_legacy(path: Path, content: Any, storages: dict[str, np.ndarray], little_endian: bool = True) -> Path:
    """An older file: pickles in a row, then the numbers of each storage."""
    with path.open("wb") as file:
        for part in (MAGIC, 1001, {"little_endian": little_endian}, content, list(storages)):
            file.write(pickled(part))
        for values in storages.values():
            file.write(struct.pack("<q", values.size) + values.tobytes())
    return path
