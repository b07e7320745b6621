"""Small sound files of weights, and what random damage to them comes to.

As a program it damages them many times and counts the outcomes: `python -m tests.hostile.mutated_weights 1000`.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np

from flarecli.engine.weights.file import check_structure
from flarecli.errors import FlareError
from flarecli.weights.card import Card, read_card
from flarecli_models.importers.tensorflow_bundle import BundleError, TensorFlowBundle, masked_crc32c
from flarecli_models.importers.torch_checkpoint import read_state_dict
from flarecli_models.importers.torch_pickle import CheckpointError
from tests.models.originals.bundle_writer import write_bundle
from tests.models.originals.checkpoint_writer import storage, tensor, write_archive, write_legacy

TYPED = (FlareError, BundleError, CheckpointError)
"""What readers may raise, whatever a file holds."""

_VALUES = np.arange(24, dtype="<f4")


def index(folder: Path, content: bytes | None = None) -> bytes:
    """A TensorFlow index; read together with its data file."""
    write_bundle(folder / "variables", {"a": _VALUES.reshape(2, 3, 4), "b/c": _VALUES[:5], "step": np.array(7)})
    path = folder / "variables.index"
    if content is not None:
        path.write_bytes(content)
        bundle = TensorFlowBundle(folder)
        for name in bundle.entries:
            bundle.read(name)
    return path.read_bytes()


def summed_index(folder: Path, content: bytes | None = None) -> bytes:
    """A TensorFlow index of one block, which is damaged before its checksum is taken."""
    whole = index(folder)
    size = whole.index(b"\0\0\0\0\1\0\0\0\0") + 8
    if content is not None:
        block = (content[:size].ljust(size, b"\0")) + b"\0"
        index(folder, block + masked_crc32c(block).to_bytes(4, "little") + whole[size + 5 :])
    return whole[:size]


def archive(folder: Path, content: bytes | None = None) -> bytes:
    """A zip archive of `torch.save`."""
    path = folder / "a.pt"
    whole = storage("0", 24)
    state = {"a": tensor(whole, 0, (2, 3), (3, 1)), "b": tensor(whole, 6, (3,), (1,))}
    write_archive(path, state, {"0": _VALUES.tobytes()})
    return _read_state(path, content)


def pickled(folder: Path, content: bytes | None = None) -> bytes:
    """An older file of `torch.save`: pickles in a row."""
    path = folder / "a.pt"
    whole = storage("0", 24, "FloatStorage", None)
    state = {"epoch": 3, "state_dict": {"a": tensor(whole, 0, (2, 3), (3, 1)), "b": tensor(whole, 6, (3,), (1,))}}
    write_legacy(path, state, {"0": _VALUES})
    return _read_state(path, content)


def _read_state(path: Path, content: bytes | None) -> bytes:
    if content is not None:
        path.write_bytes(content)
        read_state_dict(path)
    return path.read_bytes()


def card(folder: Path, content: bytes | None = None) -> bytes:
    """A card."""
    path = folder / "locate.json"
    written = Card("flarelite", "locate", "mine", "t", "s", "MIT", "2026-01-01", "0" * 64, (64, 64, 64), {"a": [1]})
    path.write_text(json.dumps(written.as_dict()))
    if content is not None:
        path.write_bytes(content)
        read_card(folder / "locate.weights.h5")
    return path.read_bytes()


def keras_file(folder: Path, content: bytes | None = None) -> bytes:
    """A Keras weights file, which is looked at and read."""
    import h5py

    path = folder / "locate.weights.h5"
    with h5py.File(path, "w") as file:
        for number in range(2):
            layer = file.create_group(f"layers/conv{number}/vars")
            layer.attrs["name"] = f"layer{number}"
            layer.create_dataset("0", data=_VALUES.reshape(2, 3, 4), compression="gzip" if number else None)
            layer["1"] = _VALUES[:4]
    if content is not None:
        path.write_bytes(content)
        check_structure(path, 1000)
        try:
            with h5py.File(path) as file:
                file.visititems(lambda _, item: item[()] if isinstance(item, h5py.Dataset) else None)
        except (OSError, RuntimeError, KeyError, ValueError):
            pass  # `model_with_weights` calls every error of HDF5 a damaged file
    return path.read_bytes()


KINDS: dict[str, Callable[..., bytes]] = {
    "TensorFlow index": index,
    "TensorFlow index with right checksums": summed_index,
    "zip checkpoint": archive,
    "pickled checkpoint": pickled,
    "card": card,
    "Keras file": keras_file,
}


def damaged(content: bytes, seed: int) -> bytes:
    """Some bytes changed, cut out, doubled, or the end cut off."""
    chance = random.Random(seed)
    damaged = bytearray(content)
    for _ in range(chance.choice((1, 1, 2, 4, 16))):
        position = chance.randrange(max(1, len(damaged)))
        way = chance.random()
        if way < 0.7:
            damaged[position : position + 1] = bytes([chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))])
        elif way < 0.8:
            del damaged[position : position + chance.randrange(1, 9)]
        elif way < 0.9:
            damaged[position:position] = damaged[position : position + chance.randrange(1, 9)]
        else:
            del damaged[position:]
    return bytes(damaged)


def outcome(kind: str, content: bytes, folder: Path) -> str:
    """Read a damaged file: "read", or the name of the typed error; whatever else is raised passes."""
    try:
        KINDS[kind](folder, content)
    except TYPED as error:
        return type(error).__name__
    return "read"


def main(count: int, kinds: list[str]) -> None:
    for kind in kinds or list(KINDS):
        outcomes: Counter[str] = Counter()
        with tempfile.TemporaryDirectory() as name:
            whole = KINDS[kind](Path(name))
            for seed in range(count):
                try:
                    outcomes[outcome(kind, damaged(whole, seed), Path(name))] += 1
                except Exception as error:
                    outcomes[f"UNTYPED {type(error).__name__}"] += 1
                    sys.stderr.write(f"{kind}, seed {seed}: {error!r}\n")
        sys.stdout.write(f"{kind}: {dict(outcomes)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
