"""Interrupted and finished runs: they go on exactly, and only with what they began with."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from flarecli.errors import InputError, UsageError
from flarecli.training.data import CachedData
from flarecli.training.folds import Split
from flarecli.training.learning.checkpoint import checkpoints
from flarecli.training.learning.loop import Callbacks
from flarecli.training.recipe import FORMER_NAMES, LATER_SETTINGS
from flarecli.training.run import Finished, RunOptions
from tests.training import small
from tests.training.small_runs import SPLIT, run, stop_after
from tests.training.small_scans import fake_cache

pytestmark = small.needs_training


def test_a_finished_run_is_not_done_again(uninterrupted: tuple[Path, Finished]) -> None:
    folder, finished = uninterrupted
    again = run(folder, callbacks=Callbacks(on_progress=lambda _: pytest.fail("trained again")))
    assert again is not None
    assert again.card == finished.card
    assert [result.scores for result in again.scores] == [result.scores for result in finished.scores]


def test_a_finished_run_is_told_on_another_kind_of_machine(
    uninterrupted: tuple[Path, Finished], tmp_path: Path
) -> None:
    """As the table of folds that a job array has trained is made on a host without a GPU."""
    folder = tmp_path / "run"
    shutil.copytree(uninterrupted[0], folder)
    plan = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps({**plan, "backend": "jax", "precision": "bfloat16", "processes": 4}))
    again = run(folder, callbacks=Callbacks(on_progress=lambda _: pytest.fail("trained again")))
    assert again is not None
    assert again.card == uninterrupted[1].card
    (folder / "scores.json").unlink()
    with pytest.raises(UsageError, match=r"backend = \w+ \(and 2 more\)"):
        run(folder)


@pytest.mark.parametrize("stop", [3, 4])
def test_a_stopped_run_goes_on_with_the_same_losses(
    uninterrupted: tuple[Path, Finished], tmp_path: Path, stop: int
) -> None:
    assert run(tmp_path, callbacks=stop_after(stop)) is None
    assert len(small.losses(tmp_path)) == stop
    finished = run(tmp_path)
    assert finished is not None
    assert small.losses(tmp_path) == small.losses(uninterrupted[0])
    with (
        np.load(checkpoints(tmp_path / "checkpoints")[-1]) as resumed,
        np.load(checkpoints(uninterrupted[0] / "checkpoints")[-1]) as whole,
    ):
        assert resumed.files == whole.files
        assert all(np.array_equal(resumed[key], whole[key]) for key in whole.files if key != "facts")


def test_a_run_with_the_settings_of_a_former_version_is_resumed(
    uninterrupted: tuple[Path, Finished], tmp_path: Path
) -> None:
    assert run(tmp_path, callbacks=stop_after(3)) is None
    plan = json.loads((tmp_path / "run.json").read_text())
    for former, name in FORMER_NAMES.items():
        plan["settings"][former] = plan["settings"].pop(name)
    for later in LATER_SETTINGS:
        del plan["settings"][later]
    del plan["sha256"]
    (tmp_path / "run.json").write_text(json.dumps(plan))
    checkpoint = checkpoints(tmp_path / "checkpoints")[-1]
    with np.load(checkpoint) as stored:
        arrays = dict(stored)
    facts = json.loads(str(arrays["facts"]))
    facts["best_merit"] = facts.pop("best_metric")
    np.savez(checkpoint, **{**arrays, "facts": np.array(json.dumps(facts))})

    assert run(tmp_path) is not None
    assert small.losses(tmp_path) == small.losses(uninterrupted[0])


def test_a_killed_process_goes_on_with_the_same_losses(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.training.small", str(tmp_path / "killed"), "5"]
    environment = {**os.environ, "KERAS_BACKEND": small.BACKEND}
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, cwd=root, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.strip() == "8":
                process.send_signal(signal.SIGKILL)
                break
        process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert [path.name for path in checkpoints(tmp_path / "killed/checkpoints")] == ["step_00000005.npz"]
    for folder in ("killed", "whole"):
        small.main(str(tmp_path / folder), "5")
    assert len(small.losses(tmp_path / "whole")) == 12
    assert small.losses(tmp_path / "killed") == small.losses(tmp_path / "whole")


def test_a_folder_with_another_run_is_refused(uninterrupted: tuple[Path, Finished]) -> None:
    folder, _ = uninterrupted
    with pytest.raises(UsageError, match=r"settings\.iterations = 7; expected: settings\.iterations = 6"):
        run(folder, small.recipe(iterations=7))
    with pytest.raises(UsageError, match="other settings"):
        run(folder, seed=6)
    other = CachedData(small.recipe(), fake_cache(4), Split(SPLIT.training[:1], SPLIT.validation))
    with pytest.raises(UsageError, match=r"data\.training"):
        run(folder, data=other)


def test_other_data_under_the_same_names_are_refused(uninterrupted: tuple[Path, Finished], tmp_path: Path) -> None:
    corrected = CachedData(small.recipe(), fake_cache(4, contents="corrected"), SPLIT)
    with pytest.raises(UsageError, match=r"sha256\.cases"):
        run(uninterrupted[0], data=corrected)
    assert run(tmp_path, callbacks=stop_after(3)) is None
    with pytest.raises(UsageError, match=r"sha256\.cases"):
        run(tmp_path, data=corrected)


def test_other_initial_weights_under_the_same_name_are_refused(
    uninterrupted: tuple[Path, Finished], tmp_path: Path
) -> None:
    given, folder = tmp_path / "given", tmp_path / "run"
    shutil.copytree(uninterrupted[0], given)
    options = RunOptions(checkpoint_every=2, initial_weights=str(given))
    assert run(folder, options=options, callbacks=stop_after(3)) is None
    card = json.loads((given / "segmentation.json").read_text())
    (given / "segmentation.json").write_text(json.dumps({**card, "sha256": "0" * 64}))
    with pytest.raises(UsageError, match=r"sha256\.initial_weights = 0{64}"):
        run(folder, options=options)


def test_a_damaged_checkpoint_is_named(tmp_path: Path) -> None:
    assert run(tmp_path, callbacks=stop_after(4)) is None
    newest = checkpoints(tmp_path / "checkpoints")[-1]
    newest.write_bytes(newest.read_bytes()[:1000])
    with pytest.raises(InputError, match="damaged checkpoint"):
        run(tmp_path)
    newest.unlink()
    assert run(tmp_path) is not None
