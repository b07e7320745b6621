"""Keeping graphs of networks on disk: what comes back, what never does, and what happens where nothing can be kept."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import keras
import numpy as np
import pytest

from flarecli.engine import entry_cache, load_network
from flarecli.engine.graph_cache import GraphCache
from flarecli.engine.graph_key import graph_cache_key
from flarecli.files.cache_folder import cache_folder
from flarecli.weights.card import sha256_of
from flarecli_models.efficientsegnet import coarse_unet
from tests.engine.small_network import build_localization, image_of
from tests.models import model_checks as checks

pytestmark = pytest.mark.skipif(checks.BACKEND != "openvino", reason="is about OpenVINO's graphs")

FACTS = {"weights": "1"}


@pytest.fixture
def weights_file(tmp_path: Path) -> Path:
    path = tmp_path / "localization.weights.h5"
    checks.with_weights(build_localization(), checks.seeded_weights(build_localization(), seed=31)).save_weights(path)
    return path


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FLARE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "graphs"


def small_graph(constants: int = 1) -> object:
    from openvino import Model, opset16

    image = opset16.parameter([1, constants], dtype=np.float32)
    added = opset16.add(image, opset16.constant(np.arange(constants, dtype=np.float32)[None]))
    return Model([opset16.result(added)], [image])


def entries(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))


def test_second_load_builds_nothing_and_gives_the_same(
    weights_file: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = image_of((8, 6, 4))
    first = load_network(build_localization, weights_file, checks.runtime())(image)
    assert len(entries(folder)) == 1

    def refuse(*_: object) -> None:
        raise AssertionError("the model was built again")

    monkeypatch.setattr("flarecli.engine.openvino_network.model_with_weights", refuse)
    network = load_network(build_localization, weights_file, checks.runtime())
    np.testing.assert_array_equal(network(image), first)
    assert network(image_of((4, 8, 2))).shape == (2, 4, 8, 2)


def test_second_process_imports_no_keras(weights_file: Path, folder: Path) -> None:
    load_network(build_localization, weights_file, checks.runtime())
    code = f"""
import sys
from pathlib import Path
import tests.late_builder as builder
from flarecli.engine import load_network, start_runtime
import numpy as np
runtime = start_runtime("openvino", "cpu", "float32")
load_network(builder.build, Path({str(weights_file)!r}), runtime)(np.zeros((4, 4, 4), np.float32))
print("keras" in sys.modules)
"""
    root = Path(__file__).resolve().parent.parent
    runs = [
        subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
        for _ in range(2)
    ]
    assert [run.stdout.strip() for run in runs] == ["True", "False"]


@pytest.mark.parametrize("change", ["weights", "output", "precision", "builder"])
def test_other_facts_another_key(change: str, weights_file: Path) -> None:
    facts = graph_cache_key(build_localization, sha256_of(weights_file), None, checks.runtime())
    assert facts == graph_cache_key(build_localization, sha256_of(weights_file), None, checks.runtime())
    if change == "weights":
        weights_file.write_bytes(weights_file.read_bytes() + b"\0")
    runtime = checks.runtime("bfloat16" if change == "precision" else "float32")
    build = checks.fixture_weights if change == "builder" else build_localization
    other = graph_cache_key(build, sha256_of(weights_file), "local" if change == "output" else None, runtime)
    assert facts is not None
    assert other is not None
    assert other != facts
    assert facts["keras"] == keras.__version__


def test_sizes_are_facts(weights_file: Path) -> None:
    def facts(build: Callable[..., keras.Model]) -> dict[str, str] | None:
        return graph_cache_key(build, sha256_of(weights_file), None, checks.runtime())

    small, large = facts(partial(coarse_unet, (16, 16, 16))), facts(partial(coarse_unet, (16, 16, 32)))
    assert small is not None
    assert small == facts(partial(coarse_unet, (16, 16, 16)))
    assert len({str(small), str(large), str(facts(coarse_unet))}) == 3
    assert facts(partial(coarse_unet, shape_zyx=(16, 16, 16))) is None


def test_builders_that_hide_what_they_make_are_not_kept(weights_file: Path, folder: Path) -> None:
    def build() -> keras.Model:
        return build_localization()

    assert graph_cache_key(build, sha256_of(weights_file), None, checks.runtime()) is None
    assert graph_cache_key(lambda: build_localization(), weights_file, None, checks.runtime()) is None
    load_network(build, weights_file, checks.runtime())(image_of((4, 4, 4)))
    assert not folder.exists()


@pytest.mark.parametrize("damage", ["cut constants", "changed constants", "no manifest", "manifest", "cut graph"])
def test_damaged_entries_are_made_again(damage: str, weights_file: Path, folder: Path) -> None:
    image = image_of((8, 6, 4))
    expected = load_network(build_localization, weights_file, checks.runtime())(image)
    (entry,) = entries(folder)
    graph, constants, manifest = entry / "graph.xml", entry / "graph.bin", entry / "entry.json"
    if damage == "cut constants":
        constants.write_bytes(constants.read_bytes()[:100])
    elif damage == "changed constants":
        content = bytearray(constants.read_bytes())
        content[40] ^= 1
        constants.write_bytes(bytes(content))
    elif damage == "no manifest":
        manifest.unlink()
    elif damage == "manifest":
        manifest.write_text("[1, 2", encoding="utf-8")
    else:
        graph.write_text(graph.read_text(encoding="utf-8")[:2000], encoding="utf-8")
    np.testing.assert_array_equal(load_network(build_localization, weights_file, checks.runtime())(image), expected)
    (entry,) = entries(folder)
    assert json.loads((entry / "entry.json").read_text(encoding="utf-8"))["checksums"]
    assert GraphCache(folder.parent).load(
        graph_cache_key(build_localization, sha256_of(weights_file), None, checks.runtime()) or {}
    )


@pytest.mark.skipif(os.name != "posix", reason="permissions are POSIX ones here")
def test_a_folder_that_cannot_be_written_is_no_obstacle(
    weights_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.write_bytes(b"")
    monkeypatch.setenv("FLARE_CACHE", str(in_the_way / "cache"))
    load_network(build_localization, weights_file, checks.runtime())(image_of((4, 4, 4)))
    closed = tmp_path / "closed"
    closed.mkdir()
    closed.chmod(stat.S_IRUSR | stat.S_IXUSR)
    monkeypatch.setenv("FLARE_CACHE", str(closed))
    load_network(build_localization, weights_file, checks.runtime())(image_of((4, 4, 4)))


def test_a_full_disk_leaves_nothing_behind(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(graph: object, path: Path, **_: object) -> None:
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("openvino.save_model", fail)
    GraphCache(folder.parent).store(FACTS, small_graph())
    assert list(folder.iterdir()) == []


def test_turned_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLARE_CACHE", "off")
    assert cache_folder() is None
    cache = GraphCache(cache_folder())
    cache.store(FACTS, small_graph())
    assert cache.load(FACTS) is None


def test_used_longest_ago_goes_first(folder: Path) -> None:
    cache = GraphCache(folder.parent, largest_bytes=3 * 40_000 + 20_000)
    for name in "abc":
        cache.store({"weights": name}, small_graph(constants=10_000))
    for age, entry in enumerate(entries(folder)):
        os.utime(entry / "entry.json", (1_000_000 - age, 1_000_000 - age))
    assert cache.load({"weights": "a"}) is not None
    cache.store({"weights": "d"}, small_graph(constants=10_000))
    assert cache.load({"weights": "a"}) is not None
    assert cache.load({"weights": "d"}) is not None
    assert sum(cache.load({"weights": name}) is None for name in "bc") == 1


def test_abandoned_entries_are_removed(folder: Path) -> None:
    abandoned, at_work = folder / f"{entry_cache._UNFINISHED}1", folder / f"{entry_cache._UNFINISHED}2"
    for part in (abandoned, at_work):
        part.mkdir(parents=True)
    os.utime(abandoned, (1, 1))
    GraphCache(folder.parent).store(FACTS, small_graph())
    assert not abandoned.exists()
    assert at_work.exists()
    shutil.rmtree(at_work)
    assert len(entries(folder)) == 1


def test_two_processes_store_the_same(folder: Path) -> None:
    for _ in range(2):
        GraphCache(folder.parent).store(FACTS, small_graph())
    assert len(list(folder.iterdir())) == 1
