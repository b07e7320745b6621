"""Whole runs with a small network: they learn, and leave weights that prediction takes."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flarecli.errors import FlareError, UsageError
from flarecli.training.data import CachedData, SyntheticData
from flarecli.training.folds import Split
from flarecli.training.learning.checkpoint import checkpoints
from flarecli.training.learning.log import read_rows
from flarecli.training.learning.loop import Callbacks
from flarecli.training.machine import Machine
from flarecli.training.recipe import ClippingSettings, ValidationSettings
from flarecli.training.recipes import RECIPES
from flarecli.training.run import Finished, RunOptions
from flarecli.training.run_card import licence_of
from flarecli.training.samples.anatomies import Anatomies
from flarecli.weights.store import resolve_weights
from tests.training import small
from tests.training.small_runs import SPLIT, run
from tests.training.small_scans import fake_cache, labelled_scan

pytestmark = small.needs_training

CLIPPINGS = list(dict.fromkeys(recipe.clipping for recipe in RECIPES))


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


@pytest.mark.skipif(small.BACKEND == "tensorflow", reason="builds two trainings; PyTorch stands for both")
def test_a_card_says_what_the_initial_weights_were_trained_on(
    uninterrupted: tuple[Path, Finished], tmp_path: Path
) -> None:
    """However many runs ago: synthetic scans afterwards do not make them weights that no patient's scan has touched."""
    recipe = small.recipe(iterations=1)
    given, synthetic = uninterrupted[1].card, SyntheticData(recipe, Anatomies("phantoms"))
    options = RunOptions(initial_weights=str(uninterrupted[0]))
    second = run(tmp_path / "second", recipe, data=synthetic, options=options)
    assert second is not None
    assert second.card.title.endswith(f" for 1 iterations, from the weights {given.set_name!r}")
    assert second.card.source.endswith(f", from: {given.title}")
    assert second.card.licence == given.licence == "NOASSERTION"
    assert second.card.details["initial_weights"]["sha256"] == given.sha256
    assert second.card.details["initial_weights"]["training_cases"] == sorted(SPLIT.training)
    warnings: list[str] = []
    turned = CachedData(recipe, fake_cache(4), Split(SPLIT.validation, SPLIT.training[:1]))
    options = RunOptions(initial_weights=str(tmp_path / "second"))
    callbacks = Callbacks(on_warning=warnings.append)
    third = run(tmp_path / "third", recipe, data=turned, options=options, callbacks=callbacks)
    assert third is not None
    assert "was trained on 1 of 1 held-out case (case_000)" in warnings[0]
    assert third.card.details["initial_weights"]["training_cases"] == sorted(SPLIT.training)


@pytest.mark.parametrize(
    ("ours", "theirs", "licence"),
    [
        ("Apache-2.0", "Apache-2.0", "Apache-2.0"),
        ("Apache-2.0", "GPL-3.0-only", "Apache-2.0 AND GPL-3.0-only"),
        ("Apache-2.0", "NOASSERTION", "NOASSERTION"),
        ("NOASSERTION", "GPL-3.0-only", "NOASSERTION"),
    ],
)
def test_weights_have_the_licence_of_those_that_they_started_from(ours: str, theirs: str, licence: str) -> None:
    assert licence_of(ours, theirs) == licence


def test_a_run_without_validations_in_between_is_scored_at_its_end(tmp_path: Path) -> None:
    recipe = small.recipe(validation=ValidationSettings(interval=2, scans=0))
    finished = run(tmp_path, recipe)
    assert finished is not None
    assert [result.name for result in finished.scores] == list(SPLIT.validation)
    assert read_rows(tmp_path / "validation.csv") == []


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
    warnings: list[str] = []
    data = SyntheticData(recipe, Anatomies("phantoms", warning="masks are left out"))
    finished = run(tmp_path, recipe, data=data, callbacks=Callbacks(on_warning=warnings.append))
    assert finished is not None
    assert warnings == ["masks are left out"]
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
