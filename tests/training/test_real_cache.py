"""From files to samples: what `flare preprocess` writes is what training reads, for every system."""

from __future__ import annotations

import functools
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from flarecli.cli.main import app
from flarecli.preprocessing.cache import TrainingCache
from flarecli.training.data import CachedData
from flarecli.training.folds import Split, held_out
from flarecli.training.recipe import Recipe
from flarecli.training.recipes import recipe_named
from flarecli.training.samples.loader import SampleLoader
from flarecli.training.samples.variation.settings import VariationSettings
from flarecli.training.targets import Target
from flarecli.training.views import ResampledView, SliceView, WindowView
from flarecli.training.views.scan import Sample

pytestmark = pytest.mark.any_backend

Cached = Callable[[str], TrainingCache]


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("phantoms")
    made = CliRunner().invoke(
        app, ["phantom", str(folder), "-n", "2", "--shape", "30x48x60", "--spacing", "9x7x7", "--quiet"]
    )
    assert made.exit_code == 0, made.output
    return folder


@pytest.fixture(scope="module")
def cached(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Cached:
    """The cache of a system, made when it is first wanted."""

    @functools.cache
    def made(system: str) -> TrainingCache:
        folder = tmp_path_factory.mktemp("caches") / system
        result = CliRunner().invoke(app, ["preprocess", str(dataset), str(folder), "--system", system, "--json"])
        assert result.exit_code == 0, result.output
        return TrainingCache.open(folder)

    return made


def perfect(sample: Sample) -> np.ndarray:
    return (sample.labels[None] == np.arange(5)[:, None, None, None]).astype(np.float32)


def data_of(cache: TrainingCache, recipe: Recipe) -> CachedData:
    return CachedData(recipe, cache, held_out(cache.names, 0.5, seed=0))


def test_efficientscn(cached: Cached) -> None:
    cache = cached("efficientscn")
    for network in cache.networks:
        data = data_of(cache, recipe_named("efficientscn", network, "published"))
        stream = data.stream(seed=1)
        with SampleLoader(stream, 3, workers=1) as loader:
            sample = next(iter(loader))
        assert np.array_equal(sample.image, stream.sample(3).image)
        assert sample.labels.max() == (1 if network == "localization" else 4)
        view = data.recipe.view
        assert isinstance(view, ResampledView)
        assert all(size in sizes for size, sizes in zip(sample.labels.shape, view.sizes, strict=True))
        ((_, scan),) = data.validation_scans(5)
        values = view.segment(scan, perfect, Target.CLASSES.decoded)
        assert (values == scan.labels)[scan.labels > 0].mean() > 0.9


def test_efficientsegnet(cached: Cached) -> None:
    cache = cached("efficientsegnet")
    for network in cache.networks:
        recipe = recipe_named("efficientsegnet", network, "published")
        view = recipe.view
        assert isinstance(view, WindowView)
        sample = data_of(cache, recipe).stream(seed=1).sample(0)
        assert sample.labels.shape == view.shape_zyx
        assert set(np.unique(sample.labels)) == {0, 1, 2, 3, 4}
        assert abs(float(sample.image.mean())) < 1e-3


def test_vgg13(cached: Cached) -> None:
    cache = cached("vgg13")
    recipe = recipe_named("vgg13", "segmentation", "published")
    assert isinstance(recipe.view, SliceView)
    data = data_of(cache, replace(recipe, view=replace(recipe.view, batch_slices=8)))
    sample = data.stream(seed=1).sample(0)
    assert sample.image.shape == (3, 512, 512)
    assert sample.labels.shape == (512, 512)


@pytest.mark.parametrize(
    ("system", "network"),
    [
        ("efficientscn", "localization"),
        ("efficientscn", "segmentation"),
        ("efficientsegnet", "coarse"),
        ("efficientsegnet", "fine"),
        ("vgg13", "segmentation"),
    ],
)
def test_scans_of_every_system_are_augmented_as_a_whole(system: str, network: str, cached: Cached) -> None:
    cache = cached(system)
    plain = recipe_named(system, network, "published")
    brighter = replace(plain, variation=VariationSettings(blurred_share=1.0, slice_mm=0.0, blur_mm=0.0, noise_hu=200.0))
    samples = [data_of(cache, recipe).stream(seed=1).sample(0) for recipe in (plain, brighter)]
    assert samples[0].image.shape == samples[1].image.shape
    assert np.array_equal(samples[0].labels, samples[1].labels)
    assert not np.allclose(samples[0].image, samples[1].image)


@pytest.mark.parametrize("system", ["efficientsegnet", "vgg13"])
def test_air_of_held_out_scans_that_are_clipped_is_restored(system: str, cached: Cached, tmp_path: Path) -> None:
    shutil.copytree(cached(system).folder, tmp_path / "cache")
    cache = TrainingCache.open(tmp_path / "cache")
    network = cache.networks[-1]
    for name in cache.names:
        case = cache.load(name, network)
        clipped = np.clip(case.image, -125, 275)
        clipped[:, :8] = -125
        path = next((cache.folder / "cases" / name).glob(f"*{network}-image.npy"))
        np.save(path, clipped)
    recipe = recipe_named(system, network, "published")
    for restored in (False, True):
        changed = replace(recipe, validation=replace(recipe.validation, restored_air=restored))
        data = CachedData(changed, cache, Split(cache.names[:1], cache.names[:1]))
        (_, scan), *_ = data.validation_scans(1)
        assert bool(scan.image.min() == -1000) is restored
        assert scan.image.dtype == np.int16
