"""Checkpoints that are damaged, of another network, or much larger than the network: typed errors, nothing changed."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from flarecli.errors import InputError
from flarecli.training.learning.checkpoint import load_checkpoint, save_checkpoint

pytestmark = pytest.mark.any_backend


class Variable:
    """What a checkpoint needs of a Keras variable."""

    path = "layer/kernel"

    def __init__(self, values: np.ndarray) -> None:
        self.values, self.shape = values, values.shape

    def numpy(self) -> np.ndarray:
        return self.values

    def assign(self, values: np.ndarray) -> None:
        self.values = values


def model(fill: float = 1.0) -> SimpleNamespace:
    weights = [Variable(np.full((2, 3), fill, np.float32)), Variable(np.zeros((), np.float32))]
    return SimpleNamespace(variables=weights, optimizer=SimpleNamespace(variables=[Variable(np.full(4, fill))]))


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    return save_checkpoint(tmp_path, model(2.0), 7, {"seconds": 1.5})


def arrays_of(path: Path) -> dict[str, np.ndarray]:
    with np.load(path) as stored:
        return {key: stored[key] for key in stored.files}


def with_array(key: str, values: np.ndarray | None) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        arrays = {**arrays_of(path), key: values}
        np.savez(path, **{name: array for name, array in arrays.items() if array is not None})

    return change


def bomb(path: Path) -> None:
    """Megabytes of zeros that pretend to be the first weights."""
    header = np.lib.format.header_data_from_array_1_0(np.zeros((2, 3), np.float32))
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive, archive.open("weights/0002.npy", "w") as member:
        np.lib.format.write_array_header_1_0(member, {**header, "shape": (1 << 40,)})
        member.write(bytes(1 << 20))


def as_fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def test_a_sound_one_is_read(checkpoint: Path) -> None:
    restored = model()
    assert load_checkpoint(checkpoint, restored) == (7, {"seconds": 1.5})
    np.testing.assert_array_equal(restored.variables[0].values, np.full((2, 3), 2.0))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (with_array("weights/0000", np.zeros((2, 4), np.float32)), "another network"),
        (with_array("weights/0001", None), "another network"),
        (with_array("weights/0002", np.zeros(3)), "another network"),
        (bomb, "another network"),
        (with_array("weights/0000", np.full((2, 3), np.nan, np.float32)), "not finite"),
        (with_array("weights/0000", np.zeros((2, 3), "c16")), "complex128"),
        (with_array("weights/0000", np.full((2, 3), "text")), "damaged"),
        (with_array("weights/0000", np.full((2, 3), None)), "object"),
        (with_array("facts", np.array("[1, 2]")), "not a table"),
        (with_array("facts", np.array("{")), "damaged"),
        (with_array("facts", np.array("[" * 100_000)), "damaged"),
        (with_array("iteration", np.zeros(3)), "damaged"),
        (with_array("iteration", None), "damaged"),
        (lambda path: path.write_bytes(b""), "damaged"),
        (lambda path: path.write_bytes(path.read_bytes()[:200]), "damaged"),
        (as_fifo, "not a regular file"),
    ],
)
def test_an_odd_one_is_refused_and_the_model_stays(
    checkpoint: Path, change: Callable[[Path], None], message: str
) -> None:
    change(checkpoint)
    restored = model()
    with pytest.raises(InputError, match=message):
        load_checkpoint(checkpoint, restored)
    np.testing.assert_array_equal(restored.variables[0].values, np.ones((2, 3)))


def test_every_changed_byte_is_read_or_refused(checkpoint: Path) -> None:
    whole = checkpoint.read_bytes()
    for position in range(0, len(whole), 3):
        content = bytearray(whole)
        content[position] ^= 0xFF
        checkpoint.write_bytes(content)
        try:
            load_checkpoint(checkpoint, model())
        except InputError:
            continue
