"""`flare evaluate` and `flare preprocess` with the workers of a scheduler, and parts of an evaluation."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.datasets.labelled_files import flare_dataset
from tests.shared_runs import run

pytest.importorskip("distributed", reason="needs the extra 'cluster'")

from tests.cluster.schedulers import ROOT, RunningScheduler, running_scheduler

CASES = 3


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningScheduler]:
    with running_scheduler(tmp_path_factory.mktemp("scheduler"), 2) as running:
        yield running


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return flare_dataset(tmp_path_factory.mktemp("dataset") / "set", CASES)


def test_evaluate(scheduler: RunningScheduler, dataset: Path, tmp_path: Path) -> None:
    truth = dataset / "TrainingMask"
    _, alone, errors = run("evaluate", truth, truth, "--json", "--jobs", 1)
    assert json.loads(alone)["counts"]["scored"] == CASES, errors
    code, together, errors = run("evaluate", truth, truth, "--json", "--scheduler", scheduler.address)
    assert code == 0, errors
    assert json.loads(together) == json.loads(alone)
    relative = os.path.relpath(truth, ROOT)
    assert run("evaluate", relative, relative, "--scheduler", scheduler.address)[0] == 0


def test_parts_of_an_evaluation(dataset: Path, tmp_path: Path) -> None:
    truth, lines = dataset / "TrainingMask", set()
    whole = tmp_path / "whole.csv"
    assert run("evaluate", truth, truth, "--csv", whole, "--jobs", 1)[0] == 0
    for number in (1, 2):
        table = tmp_path / f"{number}.csv"
        code, _, errors = run("evaluate", truth, truth, "--csv", table, "--part", f"{number}/2", "--jobs", 1)
        assert code == 0, errors
        lines |= set(table.read_text().splitlines())
    assert lines == set(whole.read_text().splitlines())


def test_preprocess(scheduler: RunningScheduler, dataset: Path, tmp_path: Path) -> None:
    alone, together = tmp_path / "alone", tmp_path / "together"
    options = ("--system", "flarelite")
    assert run("preprocess", dataset, alone, *options, "--jobs", 1)[0] == 0
    source, cache = os.path.relpath(dataset, ROOT), os.path.relpath(together, ROOT)
    code, _, errors = run("preprocess", source, cache, *options, "--scheduler", scheduler.address)
    assert code == 0, errors
    arrays = sorted(path.relative_to(alone) for path in alone.rglob("*.npy"))
    assert len(arrays) > CASES
    for path in arrays:
        assert (together / path).read_bytes() == (alone / path).read_bytes()
    assert json.loads((together / "figures.json").read_text()) == json.loads((alone / "figures.json").read_text())


def test_wrong_calls(dataset: Path, tmp_path: Path) -> None:
    for options in (("--workers", "2"), ("--scheduler", "here"), ("--scheduler", "slurm")):
        assert run("evaluate", dataset, dataset, *options)[0] == 2
        assert run("preprocess", dataset, tmp_path / "cache", *options)[0] == 2
    assert run("evaluate", dataset, dataset, "--part", "3/2")[0] == 2
