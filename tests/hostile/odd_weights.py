"""Odd files of weights and checkpoints, made from small sound ones."""

from __future__ import annotations

import io
import json
import os
import pickle
import shutil
import struct
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import h5py
import numpy as np

import flarecli_models
from flarecli.weights.card import sha256_of
from flarecli_models.importers.tensorflow_bundle import masked_crc32c
from tests.models.originals.bundle_writer import write_bundle

STARTER = Path(flarecli_models.__file__).parent / "weights" / "flarelite" / "synthetic"
WEIGHTS, CARD = "locate.weights.h5", "locate.json"

Change = Callable[[h5py.File], None]


def starter(folder: Path, *networks: str) -> Path:
    """The small system's own weights in a folder, some or all."""
    folder.mkdir(parents=True, exist_ok=True)
    for network in networks or ("locate", "refine"):
        for name in (f"{network}.weights.h5", f"{network}.json"):
            shutil.copyfile(STARTER / name, folder / name)
    return folder


def with_right_sum(folder: Path) -> Path:
    """Write the checksum of the weights file, whatever it holds, into its card."""
    content = json.loads((folder / CARD).read_text())
    (folder / CARD).write_text(json.dumps({**content, "sha256": sha256_of(folder / WEIGHTS)}))
    return folder


def changed(folder: Path, change: Change) -> Path:
    """The first network's weights, changed inside, with a card that has their checksum."""
    starter(folder, "locate")
    with h5py.File(folder / WEIGHTS, "r+") as file:
        change(file)
    return with_right_sum(folder)


def replaced(folder: Path, content: bytes) -> Path:
    """Other content in place of the first network's weights, with a card that has its checksum."""
    starter(folder, "locate")
    (folder / WEIGHTS).write_bytes(content)
    return with_right_sum(folder)


KERNEL = "layers/conv3d/vars/0"


def kernel(**options: Any) -> Change:
    """Another array in place of the first kernel."""

    def change(file: h5py.File) -> None:
        options.setdefault("shape", file[KERNEL].shape)
        del file[KERNEL]
        file.create_dataset(KERNEL, **options)

    return change


def values(fill: float, *, everywhere: bool = False) -> Change:
    """One value in the first kernel, or in every array."""

    def change(file: h5py.File) -> None:
        def set_values(_: str, item: Any) -> None:
            if isinstance(item, h5py.Dataset):
                item[...] = fill

        file.visititems(set_values) if everywhere else set_values("", file[KERNEL])

    return change


def link(to: Callable[[Path], Any]) -> Change:
    """A link in place of the first kernel."""

    def change(file: h5py.File) -> None:
        del file[KERNEL]
        file[KERNEL] = to(Path(file.filename))

    return change


def virtual(file: h5py.File) -> None:
    """A virtual array, whose values lie in another file."""
    shape = file[KERNEL].shape
    del file[KERNEL]
    layout = h5py.VirtualLayout(shape=shape, dtype="f4")
    layout[...] = h5py.VirtualSource("/etc/passwd", "a", shape=shape)
    file.create_virtual_dataset(KERNEL, layout)


def circle(file: h5py.File) -> None:
    """A group within itself."""
    file["layers/again"] = file["layers"]


def unknown_filter(file: h5py.File) -> None:
    """An array packed by a program that HDF5 would look for."""
    layout = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    layout.set_chunk((3, 3))
    layout.set_filter(31_999, h5py.h5z.FLAG_OPTIONAL, (1,))
    space = h5py.h5s.create_simple((3, 3))
    h5py.h5d.create(file["layers"].id, b"odd", h5py.h5t.IEEE_F32LE, space, layout)


# Checkpoints of PyTorch


def zipped(path: Path, members: dict[str, bytes], root: str = "archive") -> Path:
    """A zip archive, packed."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(f"{root}/{name}", content)
    return path


PICKLES = {
    "of 12 bytes that asks for 4 GB": b"\x80\x04N" + b"r" + struct.pack("<I", 0x1FFFFFFF) + b"N.",
    "with a text of 4 GB": b"\x80\x04" + pickle.BINUNICODE8 + struct.pack("<Q", 1 << 32) + b".",
    "with bytes of an exabyte": b"\x80\x04" + pickle.BINBYTES8 + struct.pack("<Q", 1 << 60) + b".",
    "with a byte array of 4 GB": b"\x80\x05" + pickle.BYTEARRAY8 + struct.pack("<Q", 1 << 32) + b".",
    "with a number of 2 GB": b"\x80\x02" + pickle.LONG4 + struct.pack("<i", 0x7FFFFFFF) + b".",
    "with a frame of 4 GB": b"\x80\x04" + pickle.FRAME + struct.pack("<Q", 1 << 32) + b"N.",
    "of tuples that double 60 times": b"\x80\x02)" + b"q\0h\0\x86" * 60 + b"}" + b"h\0Ns.",
    "of lists 100,000 deep": b"\x80\x02" + b"]" * 100_000 + b"a" * 99_999 + b".",
    "that calls os.system": b"cos\nsystem\n(S'touch executed'\ntR.",
    "that calls eval": b'cbuiltins\neval\n(S\'open("executed", "w")\'\ntR.',
    "that makes an object": b"(S'touch executed'\nios\nsystem\n.",
    "without an end": b"\x80\x02}",
    "that takes from nothing": b"\x80\x02\x85s.",
}
"""Content of `data.pkl`, by what is odd."""


def zip_bomb(path: Path, megabytes: int = 20) -> Path:
    """Some kilobytes that unpack to much more, in place of the pickle."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("archive/data.pkl", "w") as file:
        for _ in range(megabytes):
            file.write(bytes(1 << 20))
    return path


# Bundles of TensorFlow


@cache
def _sound_index(folder: Path) -> bytes:
    write_bundle(folder / "sound", {"a": np.zeros(1, np.float32)})
    return (folder / "sound.index").read_bytes()


def bundle(folder: Path, block: bytes) -> Path:
    """A bundle whose index has this block of entries."""
    whole = _sound_index(folder)
    old = whole.index(b"\0\0\0\0\1\0\0\0\0") + 8
    assert len(block) <= old - 8
    stored = block.ljust(old - 8, b"\0")[: old - 8] + struct.pack("<II", 0, 1) + b"\0"
    content = stored + struct.pack("<I", masked_crc32c(stored)) + whole[old + 5 :]
    target = folder / "bundle"
    target.mkdir()
    (target / "variables.index").write_bytes(content)
    return target


def other_variables(folder: Path) -> Path:
    """A sound bundle of another network."""
    write_bundle(folder / "variables", {"a": np.zeros(1, np.float32)})
    return folder


def header(shards: int) -> bytes:
    """The entry of an index that says how many data files there are."""
    number = io.BytesIO()
    while shards >= 0x80:
        number.write(bytes([shards & 0x7F | 0x80]))
        shards >>= 7
    number.write(bytes([shards]))
    message = b"\x08" + number.getvalue()
    return bytes([0, 0, len(message)]) + message


def fifo(path: Path) -> Path:
    """A FIFO that nobody writes to."""
    path.parent.mkdir(parents=True, exist_ok=True)
    os.mkfifo(path)
    return path
