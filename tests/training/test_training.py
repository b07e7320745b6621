"""Training in its small form: it learns, stops, goes on, and leaves weights that prediction uses."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import keras
import numpy as np
import pytest

from flarecli.errors import FlareError, InputError
from flarecli.training.recipes import STARTER_RECIPES, Recipe
from flarecli.training.sample_stream import SampleStream
from flarecli.training.samples import LabelledScan, Sample, cut_sample, synthetic_scan
from flarecli_models.efficientscn import localization_unet, spatial_configuration_net

needs_training = pytest.mark.skipif(keras.backend.backend() == "openvino", reason="OpenVINO does not train")

RECIPE = Recipe(
    "efficientscn",
    "segmentation",
    scan_shape_zyx=(32, 32, 64),
    shape_zyx=(32, 32, 32),
    spacing_mm=8.0,
    iterations=6,
    learning_rate=1e-3,
    warmup=2,
)
SMALL_SCN = partial(spatial_configuration_net, local_filters=4, spatial_filters=2)


def constant_samples() -> Iterator[Sample]:
    labels = np.zeros(RECIPE.shape_zyx, np.uint8)
    for label in range(1, 5):
        labels[:, :, 4 * label : 4 * label + 4] = label
    while True:
        yield Sample((labels / 4).astype(np.float32), labels)


def logged(run_dir: Path) -> list[list[float]]:
    with (run_dir / "losses.csv").open(encoding="utf-8") as file:
        return [[float(value) for value in row] for row in csv.reader(file)]


@needs_training
def test_interrupted_run_goes_on_where_it_stopped(tmp_path: Path) -> None:
    from flarecli.training.trainer import train

    steps: list[int] = []
    first = replace(RECIPE, iterations=3)
    train(SMALL_SCN, first, constant_samples(), tmp_path, lambda iteration, losses: steps.append(iteration))
    train(SMALL_SCN, RECIPE, constant_samples(), tmp_path, lambda iteration, losses: steps.append(iteration))
    assert steps == [1, 2, 3, 4, 5, 6]
    rows = logged(tmp_path)
    assert [row[0] for row in rows] == steps
    released = SMALL_SCN()
    released.load_weights(tmp_path / "ema.weights.h5")


@needs_training
def test_the_loss_falls(tmp_path: Path) -> None:
    from flarecli.training.trainer import train

    keras.utils.set_random_seed(0)
    totals: list[float] = []
    longer = replace(RECIPE, iterations=30, learning_rate=5e-3)
    train(SMALL_SCN, longer, constant_samples(), tmp_path, lambda iteration, losses: totals.append(losses["loss"]))
    assert np.mean(totals[-5:]) < 0.9 * np.mean(totals[:5])


@needs_training
def test_checkpoint_of_another_network(tmp_path: Path) -> None:
    from flarecli.training.trainer import train

    train(SMALL_SCN, RECIPE, constant_samples(), tmp_path, lambda iteration, losses: None)
    other = partial(spatial_configuration_net, local_filters=3, spatial_filters=2)
    with pytest.raises(InputError, match="another network"):
        train(other, RECIPE, constant_samples(), tmp_path, lambda iteration, losses: None)


@needs_training
def test_divergence_is_an_error_and_writes_nothing(tmp_path: Path) -> None:
    from flarecli.training.trainer import train

    def broken() -> Iterator[Sample]:
        for sample in constant_samples():
            yield Sample(np.full_like(sample.image, np.nan), sample.labels)

    with pytest.raises(FlareError, match="diverged"):
        train(SMALL_SCN, RECIPE, broken(), tmp_path, lambda iteration, losses: None)
    assert not (tmp_path / "checkpoint.npz").exists()


def test_samples_are_cut_from_scans() -> None:
    scan = synthetic_scan(RECIPE, seed=3)
    assert scan.voxels.shape == scan.labels.shape == RECIPE.scan_shape_zyx
    assert scan.voxels.dtype == np.int16
    again = synthetic_scan(RECIPE, seed=3)
    assert np.array_equal(scan.voxels, again.voxels)

    positions = np.arange(scan.voxels.size).reshape(scan.voxels.shape)
    marked = LabelledScan(np.zeros_like(scan.voxels), (positions % 200).astype(np.uint8))
    rng = np.random.default_rng(0)
    starts = {int(cut_sample(marked, RECIPE, rng).labels[0, 0, 0]) for _ in range(30)}
    assert len(starts) > 5
    sample = cut_sample(scan, RECIPE, rng)
    assert sample.image.shape == sample.labels.shape == RECIPE.shape_zyx
    assert sample.image.dtype == np.float32
    assert -1.0 <= sample.image.min() < sample.image.max() <= 1.0


def test_stream_generates_in_another_process() -> None:
    with SampleStream(RECIPE, seed=1) as stream:
        samples = iter(stream)
        first = [next(samples) for _ in range(3)]
    assert all(sample.image.shape == RECIPE.shape_zyx for sample in first)


def test_every_network_of_the_system_has_a_recipe() -> None:
    builders = {"localization": localization_unet, "segmentation": spatial_configuration_net}
    assert {recipe.network for recipe in STARTER_RECIPES} == set(builders)
    for recipe in STARTER_RECIPES:
        assert all(size % 32 == 0 for size in recipe.shape_zyx)
        assert all(part <= whole for part, whole in zip(recipe.shape_zyx, recipe.scan_shape_zyx, strict=True))
