"""Keeping what OpenVINO compiled for a size: used again where everything is the same, and never where it is not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flarecli.engine import compiled_graphs
from flarecli.engine.compiled_graphs import CompiledGraphs
from tests.models import model_checks as checks

pytestmark = pytest.mark.skipif(checks.BACKEND != "openvino", reason="is about OpenVINO's graphs")

SETTINGS = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1}
FACTS = {"weights": "1"}


def doubled(shape: tuple[int, ...]) -> Any:
    from openvino import Model, opset16

    image = opset16.parameter(list(shape), dtype=np.float32)
    return Model([opset16.result(opset16.multiply(image, opset16.constant(np.float32(2))))], [image])


def never(shape: tuple[int, ...]) -> Any:
    raise AssertionError("the graph was compiled again")


def graphs(
    folder: Path | None,
    sized: Callable[[tuple[int, ...]], Any] = doubled,
    facts: dict[str, str] | None = FACTS,
    **settings: Any,
) -> CompiledGraphs:
    return CompiledGraphs(sized, {**SETTINGS, **settings}, facts, folder)


def twice(compiled: Any, shape: tuple[int, ...]) -> bool:
    image = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    return bool(np.array_equal(compiled(image)[0], 2 * image))


def test_a_size_is_compiled_once(tmp_path: Path) -> None:
    assert twice(graphs(tmp_path).compiled((2, 3)), (2, 3))
    assert twice(graphs(tmp_path, never).compiled((2, 3)), (2, 3))
    with pytest.raises(AssertionError, match="compiled again"):
        graphs(tmp_path, never).compiled((2, 4))


@pytest.mark.parametrize("change", ["facts", "threads", "precision", "instructions"])
def test_what_was_compiled_otherwise_is_not_used(change: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    graphs(tmp_path).compiled((2, 3))
    other = {
        "facts": graphs(tmp_path, never, {"weights": "2"}),
        "threads": graphs(tmp_path, never, INFERENCE_NUM_THREADS=2),
        "precision": graphs(tmp_path, never, INFERENCE_PRECISION_HINT="bf16"),
        "instructions": graphs(tmp_path, never),
    }
    if change == "instructions":
        monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "SSE41")
    with pytest.raises(AssertionError, match="compiled again"):
        other[change].compiled((2, 3))


@pytest.mark.parametrize(("facts", "kept"), [(None, True), (FACTS, False)])
def test_nothing_is_kept_without_facts_or_folder(facts: dict[str, str] | None, kept: bool, tmp_path: Path) -> None:
    assert twice(graphs(tmp_path if kept else None, facts=facts).compiled((2, 3)), (2, 3))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("damage", ["changed", "gone", "nonsense"])
def test_what_cannot_be_read_is_compiled_again(damage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    graphs(tmp_path).compiled((2, 3))
    (entry,) = (tmp_path / "compiled").iterdir()
    blob = entry / "compiled.blob"
    if damage == "changed":
        content = bytearray(blob.read_bytes())
        content[len(content) // 2] ^= 1
        blob.write_bytes(bytes(content))
    elif damage == "gone":
        blob.unlink()
    else:
        blob.unlink()
        monkeypatch.setattr(compiled_graphs, "_written", lambda file, _: file.write_bytes(b"nonsense"))
        graphs(tmp_path).compiled((2, 3))
        monkeypatch.undo()
        (entry,) = (tmp_path / "compiled").iterdir()
        assert (entry / "compiled.blob").read_bytes() == b"nonsense"
    assert twice(graphs(tmp_path).compiled((2, 3)), (2, 3))
    assert twice(graphs(tmp_path, never).compiled((2, 3)), (2, 3))


def test_a_disk_that_is_full_is_no_obstacle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(file: Path, _: object) -> None:
        file.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(compiled_graphs, "_written", fail)
    assert twice(graphs(tmp_path).compiled((2, 3)), (2, 3))
    assert list((tmp_path / "compiled").iterdir()) == []
