"""Signals that come while a cache is written: nothing is half-written, and the next run ends as if nothing had been."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from flarecli.files.unfinished import PREFIX
from flarecli.preprocessing import TrainingCache
from tests.datasets.labelled_files import flare_dataset
from tests.forked_process import run_forked

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)
NEVER = 10_000


def preprocess(dataset: Path, cache: Path, ending: int = signal.SIGINT, at_flush: int = NEVER) -> int:
    arguments = ("preprocess", dataset, cache, "--system", "flarelite", "--jobs", "1")
    return run_forked("tests.interrupted_command", int(ending), at_flush, *arguments, timeout=60).returncode


def arrays(cache: Path) -> dict[str, bytes]:
    return {str(path.relative_to(cache)): path.read_bytes() for path in sorted(cache.rglob("*.npy"))}


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return flare_dataset(tmp_path_factory.mktemp("set"), 2)


@pytest.fixture(scope="module")
def undisturbed(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    cache = tmp_path_factory.mktemp("undisturbed") / "cache"
    assert preprocess(dataset, cache) == 0
    return arrays(cache)


@pytest.mark.parametrize("at_flush", [1, 6, 16])
@pytest.mark.parametrize("ending", SIGNALS)
def test_preprocess(
    dataset: Path, undisturbed: dict[str, bytes], tmp_path: Path, ending: signal.Signals, at_flush: int
) -> None:
    cache = tmp_path / "cache"
    assert preprocess(dataset, cache, ending, at_flush) in (-signal.SIGKILL, 128 + ending)
    assert (list(cache.rglob(f"{PREFIX}*")) == []) or ending == signal.SIGKILL
    for name, written in arrays(cache).items():
        if PREFIX not in name:
            assert written == undisturbed[name]
    assert preprocess(dataset, cache) == 0
    assert list(cache.rglob(f"{PREFIX}*")) == []
    assert arrays(cache) == undisturbed
    assert TrainingCache.open(cache).names == ("train_000", "train_001")
