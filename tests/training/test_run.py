"""Whole runs with a small network: they learn, stop, go on exactly, and leave weights that prediction takes."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flarecli.errors import FlareError, InputError, UsageError
from flarecli.training.data import CachedData, SyntheticData
from flarecli.training.folds import Split
from flarecli.training.learning.checkpoint import checkpoints
from flarecli.training.learning.log import read_rows
from flarecli.training.learning.loop import Callbacks
from flarecli.training.machine import Machine
from flarecli.training.recipe import FORMER_NAMES, LATER_SETTINGS, ClippingSettings, Recipe, ValidationSettings
from flarecli.training.recipes import RECIPES
from flarecli.training.run import Finished, RunOptions, run_training
from flarecli.training.samples.anatomies import Anatomies
from flarecli.weights.store import resolve_weights
from tests.training import small
from tests.training.small_scans import fake_cache, labelled_scan

pytestmark = small.needs_training

HERE = Machine(small.BACKEND, "cpu", workers=0)
SPLIT = Split(("case_000", "case_002"), ("case_001", "case_003"))
CLIPPINGS = list(dict.fromkeys(recipe.clipping for recipe in RECIPES))


def run(folder: Path, recipe: Recipe | None = None, **changes: Any) -> Finished | None:
    recipe = recipe or small.recipe()
    arguments = {
        "data": CachedData(recipe, fake_cache(4), SPLIT),
        "seed": 5,
        "machine": HERE,
        "options": RunOptions(checkpoint_every=2),
        "spec": small.SPEC,
        **changes,
    }
    return run_training(folder, recipe, **arguments)


def stop_after(iteration: int) -> Callbacks:
    seen: list[int] = []
    return Callbacks(on_progress=lambda progress: seen.append(progress.done), should_stop=lambda: seen[-1] >= iteration)


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Finished]:
    folder = tmp_path_factory.mktemp("run")
    finished = run(folder)
    assert finished is not None
    return folder, finished


def test_a_run_leaves_weights_with_card_scores_logs_and_a_picture(uninterrupted: tuple[Path, Finished]) -> None:
    folder, finished = uninterrupted
    assert resolve_weights("efficientscn", ["segmentation"], [str(folder)])["segmentation"] == finished.weights
    details = finished.card.details
    assert details["recipe"]["iterations"] == 6
    assert details["held_out"]["scans"] == 2
    assert set(details["held_out"]["nsd"]) == {"liver", "kidneys", "spleen", "pancreas", "overall"}
    assert details["data"]["validation"] == ["case_001", "case_003"]
    rows = read_rows(folder / "losses.csv")
    assert [int(row["iteration"]) for row in rows] == [1, 2, 3, 4, 5, 6]
    total = sum(float(rows[0][name]) for name in ("final_loss", "local_loss", "spatial_loss"))
    # The total has the penalty of the kernels besides.
    assert total < float(rows[0]["loss"]) < total + 0.01
    assert (folder / "curves.png").stat().st_size > 1000
    assert [path.name for path in checkpoints(folder / "checkpoints")] == ["step_00000004.npz", "step_00000006.npz"]
    released = small.build()
    released.load_weights(finished.weights)


def test_a_finished_run_is_not_done_again(uninterrupted: tuple[Path, Finished]) -> None:
    folder, finished = uninterrupted
    again = run(folder, callbacks=Callbacks(on_progress=lambda _: pytest.fail("trained again")))
    assert again is not None
    assert again.card == finished.card
    assert [result.scores for result in again.scores] == [result.scores for result in finished.scores]


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


def test_held_out_cases_that_the_initial_weights_were_trained_on_are_named(
    uninterrupted: tuple[Path, Finished], tmp_path: Path
) -> None:
    recipe = small.recipe(iterations=1)
    warnings: list[str] = []
    turned = CachedData(recipe, fake_cache(4), Split(SPLIT.validation, SPLIT.training[:1]))
    options = RunOptions(initial_weights=str(uninterrupted[0]))
    finished = run(tmp_path, recipe, data=turned, options=options, callbacks=Callbacks(on_warning=warnings.append))
    assert finished is not None
    assert len(warnings) == 1
    assert "was trained on 1 of 1 held-out case (case_000)" in warnings[0]
    held_out = finished.card.details["held_out"]
    assert held_out["trained_on_by"] == {"initial_weights": ["case_000"]}
    assert held_out["kind"] != uninterrupted[1].card.details["held_out"]["kind"]
    assert finished.card.details["sha256"]["initial_weights"] == uninterrupted[1].card.sha256


def test_a_run_without_validations_in_between_is_scored_at_its_end(tmp_path: Path) -> None:
    recipe = small.recipe(validation=ValidationSettings(interval=2, scans=0))
    finished = run(tmp_path, recipe)
    assert finished is not None
    assert [result.name for result in finished.scores] == list(SPLIT.validation)
    assert read_rows(tmp_path / "validation.csv") == []


def test_a_damaged_checkpoint_is_named(tmp_path: Path) -> None:
    assert run(tmp_path, callbacks=stop_after(4)) is None
    newest = checkpoints(tmp_path / "checkpoints")[-1]
    newest.write_bytes(newest.read_bytes()[:1000])
    with pytest.raises(InputError, match="damaged checkpoint"):
        run(tmp_path)
    newest.unlink()
    assert run(tmp_path) is not None


class SpoiltScans:
    """Scans whose intensities are not numbers from the fourth on."""

    def scan(self, number: int) -> Any:
        scan = labelled_scan(number)
        return replace(scan, image=np.full(scan.image.shape, np.nan, np.float32)) if number >= 3 else scan


class SpoiltData(CachedData):
    def stream(self, seed: int) -> Any:
        return replace(super().stream(seed), source=SpoiltScans())


def test_divergence_ends_the_run_and_leaves_the_last_good_checkpoint(tmp_path: Path) -> None:
    data = SpoiltData(small.recipe(), fake_cache(4), SPLIT)
    # A rectifier may turn what is not a number into 0: then the gradients spoil the weights, and these are noticed.
    problem = r"diverged; the last good checkpoint is step_00000002\.npz; seen: loss nan|weights are no longer finite"
    with pytest.raises(FlareError, match=problem):
        run(tmp_path, data=data)
    with np.load(checkpoints(tmp_path / "checkpoints")[-1]) as kept:
        assert all(np.isfinite(kept[key]).all() for key in kept.files if key.startswith("weights"))
    assert not (tmp_path / "segmentation.weights.h5").exists()


def test_the_best_validation_is_released(tmp_path: Path) -> None:
    recipe = small.recipe(iterations=6, validation=ValidationSettings(interval=2, select="dice", scans=1))
    found: list[tuple[int, float]] = []
    callbacks = Callbacks(on_validation=lambda iteration, result: found.append((iteration, result.mean_dice)))
    finished = run(tmp_path, recipe, callbacks=callbacks)
    assert finished is not None
    assert [iteration for iteration, _ in found] == [2, 4, 6]
    best = max(found, key=lambda pair: pair[1])[1]
    assert finished.card.details["weights_of_iteration"] == next(i for i, dice in found if dice == best)
    rows = read_rows(tmp_path / "validation.csv")
    assert [int(row["iteration"]) for row in rows] == [2, 4, 6]


def test_the_best_cannot_be_chosen_without_held_out_cases(tmp_path: Path) -> None:
    recipe = small.recipe(validation=ValidationSettings(select="dice"))
    data = CachedData(recipe, fake_cache(2), Split(("case_000", "case_001"), ()))
    with pytest.raises(UsageError, match="without held-out cases"):
        run(tmp_path, recipe, data=data)


def test_a_run_starts_from_given_weights(uninterrupted: tuple[Path, Finished], tmp_path: Path) -> None:
    recipe = small.recipe(iterations=1)
    finished = run(tmp_path, recipe, options=RunOptions(initial_weights=str(uninterrupted[0])))
    assert finished is not None
    first, last = (float(small.losses(folder)[row][1]) for folder, row in ((tmp_path, 0), (uninterrupted[0], 0)))
    assert first < 0.97 * last


def test_a_network_is_trained_on_phantoms_and_scored_on_others(tmp_path: Path) -> None:
    recipe = small.recipe(iterations=2)
    finished = run(tmp_path, recipe, data=SyntheticData(recipe, Anatomies("phantoms")))
    assert finished is not None
    assert finished.card.licence == "Apache-2.0"
    assert json.loads((tmp_path / "scores.json").read_text(encoding="utf-8"))[0]["name"] == "synthetic 0"


@pytest.mark.parametrize("clipping", CLIPPINGS, ids=lambda clipping: clipping.name)
def test_gradients_are_clipped_in_all_ways_of_the_recipes(clipping: ClippingSettings, tmp_path: Path) -> None:
    recipe = small.recipe(iterations=1, clipping=clipping)
    assert run(tmp_path, recipe, data=CachedData(recipe, fake_cache(4), SPLIT)) is not None
    assert len(small.losses(tmp_path)) == 1


@pytest.mark.skipif(small.BACKEND != "tensorflow", reason="TensorFlow alone traces")
def test_an_update_is_traced_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import keras

    traced: list[int] = []
    step = keras.Model.train_step

    def counted(model: keras.Model, data: Any) -> Any:
        traced.append(1)
        return step(model, data)

    monkeypatch.setattr(keras.Model, "train_step", counted)
    assert run(tmp_path, small.recipe(iterations=2)) is not None
    assert len(small.losses(tmp_path)) == 2
    assert len(traced) == 1


def test_the_network_is_not_computed_without_values(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As Keras would before the first update: with PyTorch that takes seconds."""
    import keras

    computed: list[keras.Model] = []
    compute = keras.src.backend.compute_output_spec

    def watched(function: Any, *inputs: Any, **options: Any) -> Any:
        if isinstance(function, keras.Model):
            computed.append(function)
        return compute(function, *inputs, **options)

    monkeypatch.setattr(keras.src.backend, "compute_output_spec", watched)
    assert run(tmp_path, small.recipe(iterations=1)) is not None
    assert len(small.losses(tmp_path)) == 1
    assert computed == []


def test_samples_that_do_not_fit_the_network_are_refused(tmp_path: Path) -> None:
    fixed = replace(small.SPEC, build=partial(small.build, (32, 16, 16)))
    with pytest.raises(UsageError, match="do not fit the network"):
        run(tmp_path, spec=fixed)


def test_the_model_of_vgg13_that_is_trained_has_all_layers_of_the_one_that_predicts() -> None:
    from flarecli_models.vgg13_unet import vgg13_unet

    trained, predicting = (vgg13_unet((32, 32), base_filters=2, deep_supervision=deep) for deep in (True, False))
    assert {layer.name for layer in predicting.layers if layer.weights} < {layer.name for layer in trained.layers}


def test_openvino_cannot_train(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot train"):
        run(tmp_path, machine=Machine("openvino"))


def test_the_scores_of_a_first_stage_are_input_and_computed_once_a_scan() -> None:
    from flarecli.training.samples.batches import BatchBuilder
    from flarecli.training.views import CropView, FirstStageGrid

    counted_scores: list[int] = []

    def first_stage(image: np.ndarray) -> np.ndarray:
        counted_scores.append(1)
        return np.stack([image, -image])

    view = CropView((16, 16, 16), orientation="LPS", first_stage=FirstStageGrid(spacing_mm=16.0, multiple=4))
    builder = BatchBuilder(1, first_stage)
    scan = labelled_scan()
    samples = [view.cut(scan, np.random.default_rng(seed)) for seed in range(3)]
    images, values = builder.batch(samples)
    assert images.shape == (3, 3, 16, 16, 16)
    assert values.shape == (3, 1, 16, 16, 16)
    assert len(counted_scores) == 1
    np.testing.assert_allclose(images[:, 1], -images[:, 2])
    # The coarse scores follow the fine image.
    assert np.corrcoef(images[0, 0].ravel(), images[0, 1].ravel())[0, 1] > 0.7
