"""One training in several processes, as torchrun starts them, on the processor with gloo."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flarecli.errors import UsageError
from flarecli.training.learning.checkpoint import checkpoints
from flarecli.training.parallel.group import Group
from flarecli.training.parallel.launch import Launch, present_launch
from flarecli.training.parallel.shared_stream import SharedStream, recipe_of_group, recipe_of_process
from flarecli.training.recipes import recipe_named
from flarecli.training.samples.schedule import Schedule
from tests.training import parallel_run, small

pytestmark = pytest.mark.skipif(small.BACKEND != "torch", reason="several processes train with PyTorch alone")

ROOT = Path(__file__).parents[2]
TORCHRUN = {"TORCHELASTIC_RUN_ID": "1", "RANK": "3", "WORLD_SIZE": "8", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "2"}


GIVEN = {"batch": 2, "iterations": 20}


def train(run: Path, processes: int, **settings: Any) -> subprocess.CompletedProcess[str]:
    """A run of `tests.training.parallel_run` in so many processes."""
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    command = [sys.executable, *launcher, "-m", "tests.training.parallel_run", str(run), json.dumps(GIVEN | settings)]
    environment = {**os.environ, "KERAS_BACKEND": "torch", "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)


def train_alone(run: Path, **settings: Any) -> None:
    """The same in this process."""
    facts = parallel_run.train(run, GIVEN | settings)
    assert facts["scored"] == ["case_001", "case_003", "case_005"]


def told(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    """What the processes printed, by their number."""
    assert done.returncode == 0, done.stderr[-3000:]
    decoder, found = json.JSONDecoder(), []
    # Processes write to one stream, and a line may begin before that of another one has ended.
    start = done.stdout.find('{"rank"')
    while start >= 0:
        facts, end = decoder.raw_decode(done.stdout, start)
        found.append(facts)
        start = done.stdout.find('{"rank"', end)
    return sorted(found, key=lambda facts: int(facts["rank"]))


def state(run: Path) -> dict[str, np.ndarray]:
    """Weights and optimiser's state of the last checkpoint."""
    with np.load(checkpoints(run / "checkpoints")[-1]) as stored:
        return {key: stored[key] for key in stored.files if key != "facts"}


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty updates by two processes, with two samples each."""
    run = tmp_path_factory.mktemp("runs") / "two"
    facts = told(train(run, 2))
    assert [process["scored"] for process in facts] == [["case_001", "case_003", "case_005"]] * 2
    # They abort the process when they meet the end of the interpreter.
    assert [process["threads_left"] for process in facts] == [[], []]
    return run


def test_two_processes_do_what_one_does_with_twice_the_batch(two: Path, tmp_path: Path) -> None:
    train_alone(tmp_path / "one", batch=4)
    ours, theirs = (np.array(small.losses(run), np.float64) for run in (two, tmp_path / "one"))
    assert ours.shape == (20, 2)
    assert np.abs(ours - theirs).max() < 1e-5
    assert ours[-1, 1] < 0.8 * ours[0, 1], "it learns"
    ours, theirs = state(two), state(tmp_path / "one")
    assert ours.keys() == theirs.keys()
    for key in ours:
        assert np.abs(ours[key].astype(np.float64) - theirs[key]).max() < 1e-5, key
    for name in ("validation.csv", "scores.json"):
        assert (two / name).read_text() == (tmp_path / "one" / name).read_text()


@pytest.mark.slow
def test_devices_of_a_recipe_are_shared_among_fewer_processes(two: Path, tmp_path: Path) -> None:
    train_alone(tmp_path / "one", devices=2)
    ours, theirs = (np.array(small.losses(run), np.float64) for run in (two, tmp_path / "one"))
    assert np.abs(ours - theirs).max() < 1e-5


@pytest.mark.slow
def test_a_stopped_run_goes_on_to_the_bit_in_as_many_processes(tmp_path: Path) -> None:
    settings = {"iterations": 10, "dropout": 0.2}
    told(train(tmp_path / "whole", 2, **settings))
    first = told(train(tmp_path / "parts", 2, stop_after=5, **settings))
    assert [facts["updates"][-1] for facts in first] == [5, 5], "all stop where one wants to"
    with pytest.raises(UsageError, match=r"settings\.devices = 2, as it was started with"):
        train_alone(tmp_path / "parts", **settings)
    told(train(tmp_path / "parts", 2, **settings))
    assert small.losses(tmp_path / "parts") == small.losses(tmp_path / "whole")
    ours, theirs = state(tmp_path / "parts"), state(tmp_path / "whole")
    for key in ours:
        assert np.array_equal(ours[key], theirs[key]), key
    names = [sorted(path.name for path in (tmp_path / run).rglob("*")) for run in ("parts", "whole")]
    assert names[0] == names[1]


def test_shares_are_the_run_together() -> None:
    class Numbers:
        schedule = Schedule(reuse=3, mixing=2)

        def sample(self, number: int) -> int:
            return number

    whole = Numbers()
    shares = [SharedStream(whole, batch=2, rank=rank, processes=3) for rank in range(3)]
    for update in range(4):
        taken = [share.sample(number) for share in shares for number in range(2 * update, 2 * update + 2)]
        assert sorted(taken) == list(range(6 * update, 6 * update + 6))
    for share in shares:
        assert [share.schedule.scan_of(n) for n in range(9)] == [
            whole.schedule.scan_of(share.sample(n)) for n in range(9)
        ]


@pytest.mark.parametrize(("network", "samples", "devices"), [("coarse", 16, 8), ("fine", 20, 4)])
def test_the_published_sizes_are_shared_out(network: str, samples: int, devices: int) -> None:
    recipe = recipe_named("efficientsegnet", network, "published")
    for processes in (1, 2, devices):
        group = recipe_of_group(recipe, processes)
        assert group == recipe
        share = recipe_of_process(group, processes)
        assert share.batch * share.accumulate * processes == samples
    with pytest.raises(UsageError, match="cannot be shared out evenly"):
        recipe_of_group(recipe, 3)


def test_a_recipe_without_devices_gives_each_process_its_batch() -> None:
    recipe = recipe_of_group(small.recipe(batch=3, accumulate=2), 4)
    assert recipe.devices == 4
    assert (recipe_of_process(recipe, 4).batch, recipe_of_process(recipe, 4).accumulate) == (3, 2)


def test_processes_are_known_by_the_variables_of_torchrun() -> None:
    assert present_launch(TORCHRUN) == Launch(3, 8, 1, 2)
    assert not present_launch(TORCHRUN).is_first
    assert present_launch({**TORCHRUN, "TORCHELASTIC_RUN_ID": "1", "RANK": "0"}).is_first
    assert present_launch({"RANK": "1", "WORLD_SIZE": "2"}) == Launch(), "set by schedulers, too"
    with pytest.raises(UsageError, match="not the one of a process of torchrun"):
        present_launch({**TORCHRUN, "RANK": "x"})


def test_alone_nothing_is_sent() -> None:
    group = Group()
    assert (group.highest(3), group.mean([1.0, 2.0]), group.gathered("a"), group.from_first("b")) == (
        3,
        [1.0, 2.0],
        ["a"],
        "b",
    )
