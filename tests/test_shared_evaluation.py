"""`flare evaluate` and `flare preprocess` by several processes that share the cases."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

import pytest

from flarecli.preprocessing.cache import TrainingCache
from tests.datasets.labelled_files import flare_dataset
from tests.folder_content import hidden
from tests.shared_runs import run, start

CASES = 4


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return flare_dataset(tmp_path_factory.mktemp("dataset") / "set", CASES)


def test_scores_are_shared(dataset: Path, tmp_path: Path) -> None:
    truth, pred, scores = dataset / "TrainingMask", tmp_path / "pred", tmp_path / "scores"
    pred.mkdir()
    names = sorted(path.name for path in truth.iterdir())
    for name in names[:-1]:
        (pred / name).write_bytes((truth / name).read_bytes())
    (pred / names[0]).write_bytes(b"no image")
    _, alone, errors = run("evaluate", pred, truth, "--json", "--jobs", 1, "--metrics", "dsc,hd95")
    counts = json.loads(alone)["counts"]
    assert (counts["scored"], counts["missing"], counts["failed"]) == (CASES - 2, 1, 1), errors
    processes = [start("evaluate", pred, truth, "--share", scores, "--json", "--metrics", "dsc,hd95") for _ in range(2)]
    for process in processes:
        output, errors = process.communicate(timeout=300)
        assert process.returncode == 4, errors
        assert json.loads(output) == json.loads(alone)
    assert sorted(path.name for path in scores.iterdir()) == [f"{name}.json" for name in names]

    times = {path: path.stat().st_mtime_ns for path in scores.iterdir()}
    table = tmp_path / "scores.csv"
    assert run("evaluate", pred, truth, "--share", scores, "--metrics", "dsc,hd95", "--csv", table)[0] == 4
    assert len(table.read_text().splitlines()) == CASES + 1
    assert {path: path.stat().st_mtime_ns for path in scores.iterdir()} == times
    (pred / names[0]).write_bytes((truth / names[0]).read_bytes())  # mended: this one is scored anew
    _, output, _ = run("evaluate", pred, truth, "--share", scores, "--json", "--metrics", "dsc,hd95")
    assert json.loads(output)["counts"]["scored"] == CASES - 1
    assert [path.name for path in times if path.stat().st_mtime_ns != times[path]] == [f"{names[0]}.json"]
    _, output, _ = run("evaluate", pred, truth, "--share", scores, "--json")  # other metrics
    assert set(json.loads(output)["summary"]) == {"dsc", "nsd"}


def test_wrong_calls(dataset: Path, tmp_path: Path) -> None:
    truth = dataset / "TrainingMask"
    for option in (("--jobs", "2"), ("--part", "1/2"), ("--scheduler", "local:2")):
        assert run("evaluate", truth, truth, "--share", tmp_path / "scores", *option)[0] == 2
    code, _, errors = run("evaluate", truth, truth, "--share", "s3://bucket/scores")
    assert (code, "a bucket cannot be shared" in errors) == (2, True)
    (tmp_path / "note.txt").write_text("mine")
    code, _, errors = run("evaluate", truth, truth, "--share", tmp_path)
    assert (code, "holds something else than scores" in errors) == (2, True)
    for option in (("--jobs", "2"), ("--overwrite",), ("--check-only",), ("--scheduler", "local:2")):
        assert run("preprocess", dataset, tmp_path / "cache", "--share", *option)[0] == 2


def test_a_cache_is_filled_together(dataset: Path, tmp_path: Path) -> None:
    faulty = flare_dataset(tmp_path / "set", CASES)
    first = next((faulty / "TrainingImg").iterdir())
    whole = first.read_bytes()
    first.write_bytes(b"no image")
    alone, together = tmp_path / "alone", tmp_path / "together"
    assert run("preprocess", faulty, alone, "--jobs", 1)[0] == 4
    processes = [start("preprocess", faulty, together, "--share", "--json") for _ in range(2)]
    for process in processes:
        output, errors = process.communicate(timeout=300)
        assert process.returncode == 4, errors
        counts = json.loads(output)["counts"]
        assert (counts["faulty"], counts["written"] + counts["kept"]) == (1, CASES - 1)
    arrays = sorted(path.relative_to(alone) for path in alone.rglob("*.npy"))
    assert sorted(path.relative_to(together) for path in together.rglob("*.npy")) == arrays
    for path in arrays:
        assert (together / path).read_bytes() == (alone / path).read_bytes()
    assert (together / "figures.json").read_text() == (alone / "figures.json").read_text()
    assert TrainingCache.open(together).names == TrainingCache.open(alone).names
    assert [path.name for path in hidden(together)] == [".lock"]
    assert len(list((together / "faulty").iterdir())) == 1

    first.write_bytes(whole)
    code, output, errors = run("preprocess", faulty, together, "--share", "--json")
    assert code == 0, errors
    assert json.loads(output)["counts"] == {"sound": 0, "written": 1, "kept": CASES - 1, "faulty": 0}
    assert len(TrainingCache.open(together).names) == CASES


def test_a_killed_process_is_made_up_for(dataset: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    process = start("preprocess", dataset, cache, "--share")
    deadline = time.monotonic() + 120
    while process.poll() is None and not list(cache.glob("cases/.flare-claim-*")) and time.monotonic() < deadline:
        time.sleep(0.005)
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    code, _, errors = run("preprocess", dataset, cache, "--share")
    assert code == 0, errors
    assert len(TrainingCache.open(cache).names) == CASES
    assert [path for path in hidden(cache) if ".flare-claim" in path.name] == []


def test_a_cache_of_another_dataset_is_not_shared(dataset: Path, tmp_path: Path) -> None:
    cache, other = tmp_path / "cache", flare_dataset(tmp_path / "other", CASES)
    for folder in ("TrainingImg", "TrainingMask"):  # the same cases, under each other's names
        paths = sorted((other / folder).iterdir())
        contents = [path.read_bytes() for path in paths]
        for path, content in zip(paths, (*contents[1:], contents[0]), strict=True):
            path.write_bytes(content)
    assert run("preprocess", dataset, cache, "--share")[0] == 0
    code, _, errors = run("preprocess", other, cache, "--share")
    assert (code, "is the cache of another dataset" in errors) == (2, True), errors
    assert len(TrainingCache.open(cache).names) == CASES
    for path in sorted((other / "TrainingImg").iterdir()) + sorted((other / "TrainingMask").iterdir()):
        path.rename(path.with_name(path.name.replace("train", "other")))  # cases that the cache does not have
    code, _, errors = run("preprocess", other, cache, "--share")
    assert (code, "is the cache of another dataset" in errors) == (2, True), errors
    assert len(TrainingCache.open(cache).names) == CASES


@pytest.mark.parametrize("option", [("--share",), ()])
def test_a_dataset_of_faulty_cases_leaves_a_cache_as_it_is(
    dataset: Path, tmp_path: Path, option: tuple[str, ...]
) -> None:
    cache, faulty = tmp_path / "cache", flare_dataset(tmp_path / "set", CASES)
    assert run("preprocess", faulty, cache, *option)[0] == 0
    for path in (faulty / "TrainingImg").iterdir():
        path.write_bytes(b"no image")
    assert run("preprocess", faulty, cache, *option)[0] == 3
    assert len(TrainingCache.open(cache).names) == CASES
