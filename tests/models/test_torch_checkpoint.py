"""PyTorch's files without PyTorch: what is read, and what is refused unread."""

from __future__ import annotations

import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flarecli_models.importers.torch_checkpoint import read_state_dict
from flarecli_models.importers.torch_pickle import CheckpointError
from tests.models.originals.checkpoint_writer import Call, pickled, storage, tensor, write_archive, write_legacy

pytestmark = pytest.mark.any_backend

NUMBERS = np.arange(12, dtype="<f4")


def test_an_archive_is_read(tmp_path: Path) -> None:
    whole = storage("0", 12)
    content = {
        "a": tensor(whole, 0, (3, 4), (4, 1)),
        "b.c": tensor(whole, 2, (3, 2), (1, 3)),
        "d": tensor(whole, 5, (), ()),
    }
    state = read_state_dict(write_archive(tmp_path / "a.pt", content, {"0": NUMBERS.tobytes()}))
    assert list(state) == ["a", "b.c", "d"]
    np.testing.assert_array_equal(state["a"], NUMBERS.reshape(3, 4))
    np.testing.assert_array_equal(state["b.c"], [[2, 5], [3, 6], [4, 7]])
    assert state["d"] == 5
    assert {array.dtype for array in state.values()} == {np.dtype("float32")}


def test_an_older_file_is_read_past_the_storages_of_the_optimiser(tmp_path: Path) -> None:
    content = {
        "epoch": 3,
        "state_dict": OrderedDict(w=tensor(storage("20", 12, "FloatStorage", None), 0, (12,), (1,))),
        "optimizer_dict": {"step": tensor(storage("10", 2, "LongStorage", None), 0, (2,), (1,))},
    }
    storages = {"10": np.array([7, 8], "<i8"), "20": NUMBERS}
    state = read_state_dict(write_legacy(tmp_path / "a.pt", content, storages))
    assert list(state) == ["w"]
    np.testing.assert_array_equal(state["w"], NUMBERS)


@pytest.mark.parametrize("is_archive", [True, False])
def test_files_of_pytorch_itself_are_read(tmp_path: Path, is_archive: bool) -> None:
    torch = pytest.importorskip("torch", reason="writes a checkpoint with PyTorch")
    model = torch.nn.Sequential(torch.nn.Conv3d(2, 3, 3), torch.nn.BatchNorm3d(3))
    optimiser = torch.optim.Adam(model.parameters())
    model(torch.ones(1, 2, 4, 4, 4)).sum().backward()
    optimiser.step()
    state = model.state_dict()
    state["transposed"] = torch.arange(12.0).reshape(3, 4).T
    state["half"] = torch.ones(3).half()
    content = {"epoch": 1, "state_dict": state, "optimizer_dict": optimiser.state_dict(), "lr": 1e-3}
    torch.save(content, tmp_path / "a.pt", _use_new_zipfile_serialization=is_archive)
    read = read_state_dict(tmp_path / "a.pt")
    assert list(read) == list(state)
    for key, values in state.items():
        assert read[key].dtype == values.numpy().dtype
        np.testing.assert_array_equal(read[key], values.numpy())


@pytest.mark.parametrize("protocol", range(2, 6))
def test_every_protocol_is_read(tmp_path: Path, protocol: int) -> None:
    torch = pytest.importorskip("torch", reason="writes a checkpoint with PyTorch")
    content = {
        "state_dict": torch.nn.Conv2d(2, 3, 3).state_dict(),
        "plain": [1, -(2**70), 1.5, None, True, "é" * 300, (1, 2, 3, 4), {"a": {1: []}}],
        **({} if protocol < 4 else {"sets": [{1, 2}, frozenset("ab"), b"bytes"]}),
    }
    torch.save(content, tmp_path / "a.pt", pickle_protocol=protocol)
    assert list(read_state_dict(tmp_path / "a.pt")) == ["weight", "bias"]


CALLED: list[str] = []


def trap(word: str) -> None:
    """Must never be called by reading a file."""
    CALLED.append(word)


@pytest.mark.parametrize("write", [write_archive, write_legacy])
@pytest.mark.parametrize(
    ("module", "name"),
    [
        (__name__, "trap"),
        ("builtins", "eval"),
        ("os", "system"),
        ("torch._utils", "_rebuild_parameter"),
        ("torch", "BFloat16Storage"),
        ("torch", "load"),
    ],
)
def test_whatever_else_a_pickle_names_is_refused_and_not_run(
    tmp_path: Path, module: str, name: str, write: Any
) -> None:
    path = write(tmp_path / "a.pt", {"w": Call(module, name, "CALLED.append('eval')")}, {})
    with pytest.raises(CheckpointError, match=f"asks for {module}.{name}, which is refused"):
        read_state_dict(path)
    assert CALLED == []


def test_the_trap_works() -> None:
    """The same pickle runs what it names when it is read without care."""
    pickle.loads(pickled(Call(__name__, "trap", "sprung")))
    assert CALLED.pop() == "sprung"


def test_the_readers_own_functions_cannot_be_changed(tmp_path: Path) -> None:
    """A pickle may set attributes of what it made; what stands for PyTorch's functions has none."""
    rebuild = pickle.GLOBAL + b"torch._utils\n_rebuild_tensor_v2\n"
    changed = b"\x80\x02" + rebuild + pickled({"harmless": 1})[2:-1] + pickle.BUILD + pickle.STOP
    with pytest.raises(CheckpointError, match="pickle is damaged"):
        read_state_dict(write_archive(tmp_path / "a.pt", changed, {}))


WHOLE = storage("0", 12)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"w": tensor(WHOLE, 1, (12,), (1,))}, "exceeds its storage of 12 elements"),
        ({"w": tensor(WHOLE, 0, (10**12,), (0,))}, "exceeds its storage of 12 elements"),
        ({"w": tensor(WHOLE, -1, (2,), (1,))}, "describes a tensor wrongly"),
        ({"w": tensor(WHOLE, 0, (2, 2), (1,))}, "describes a tensor wrongly"),
        ({"w": tensor(storage("0", 11), 0, (2,), (1,))}, "has 48 bytes, expected 44"),
        ({"w": tensor(storage("1", 12), 0, (2,), (1,))}, "storage of w is not in the file"),
        ({"w": tensor(WHOLE, 0, (2,), (1,)), "v": tensor(storage("0", 12, "IntStorage"), 0, (2,), (1,))}, "two ways"),
        ({"w": tensor(storage("0", 12, "FloatStorage", ("1", 0, 3)), 0, (2,), (1,))}, "expected a whole storage"),
        ({"w": 1}, "entry 'w' is not a tensor but a int"),
        ({"model": {"w": tensor(WHOLE, 0, (2,), (1,))}}, "entry 'model' is not a tensor but a dict"),
        ({"state_dict": {}}, "expected a state dictionary"),
        ([1, 2], "holds a list, expected a state dictionary"),
        (b"\x80\x02no pickle", "pickle is damaged"),
    ],
)
def test_descriptions_that_do_not_fit_are_refused(tmp_path: Path, content: Any, message: str) -> None:
    path = write_archive(tmp_path / "a.pt", content, {"0": NUMBERS.tobytes()})
    with pytest.raises(CheckpointError, match=message) as caught:
        read_state_dict(path)
    assert str(caught.value).startswith(str(path))


def test_other_files_are_refused(tmp_path: Path) -> None:
    def refusal(path: Path) -> str:
        with pytest.raises(CheckpointError) as caught:
            read_state_dict(path)
        return str(caught.value)

    content = {"w": tensor(WHOLE, 0, (12,), (1,))}
    older = {"w": tensor(storage("0", 12, "FloatStorage", None), 0, (12,), (1,))}
    (tmp_path / "text.pt").write_text("weights", encoding="ascii")
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("readme", "hello")
    cut = write_legacy(tmp_path / "cut.pt", older, {"0": NUMBERS})
    cut.write_bytes(cut.read_bytes()[:-4])
    assert "cannot be read" in refusal(tmp_path / "missing.pt")
    assert "neither a zip archive nor an older file" in refusal(tmp_path / "text.pt")
    assert "not one of torch.save" in refusal(tmp_path / "other.zip")
    assert "12 elements in 44 bytes, expected 12 in 48" in refusal(cut)
    assert "not little-endian" in refusal(write_archive(tmp_path / "b.pt", content, {}, byteorder=b"big"))
    assert "not little-endian" in refusal(write_legacy(tmp_path / "c.pt", older, {}, little_endian=False))
    assert "list of storages is damaged" in refusal(write_legacy(tmp_path / "d.pt", older, {"9": NUMBERS}))
    assert "storage of w is not in the file" in refusal(write_legacy(tmp_path / "e.pt", older, {}))


def test_a_pointer_of_git_lfs_is_told_from_the_file(tmp_path: Path) -> None:
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0123\nsize 32146978\n"
    (tmp_path / "best_model.pt").write_text(pointer, encoding="ascii")
    with pytest.raises(CheckpointError, match="`git lfs pull` fetches it"):
        read_state_dict(tmp_path / "best_model.pt")
