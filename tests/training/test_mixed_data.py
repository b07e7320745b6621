"""Real and synthetic scans in one stream: in proportion, by number, to the bit after an interruption."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from flarecli.errors import UsageError
from flarecli.organs import ORGANS
from flarecli.training.data import CachedData, SyntheticData
from flarecli.training.folds import Split
from flarecli.training.learning.loop import Callbacks
from flarecli.training.machine import Machine
from flarecli.training.recipe import LossSettings, Recipe, SynthesisSettings
from flarecli.training.recipes import recipe_named
from flarecli.training.run import RunOptions, run_training
from flarecli.training.samples.anatomies import Anatomies
from flarecli.training.samples.loader import SampleLoader
from flarecli.training.samples.mixture.data import MixedData, recipe_for_mixing
from flarecli.training.samples.mixture.selection import ScanSelection, chosen_recipe
from flarecli.training.samples.mixture.stream import FIRST_REAL_SCAN, Interleaving, MixedSchedule
from flarecli.training.samples.schedule import Schedule
from flarecli.training.samples.variation.settings import VariationSettings
from flarecli.training.targets import UNSPECIFIED, Target
from flarecli.training.views.scan import Sample
from tests.training import small
from tests.training.small_scans import fake_cache

SPLIT = Split(("case_000", "case_002"), ("case_001",))
VARIED = VariationSettings(deformed_share=0.5, unenhanced_share=0.5, blurred_share=0.5)


def mixed(real_share: float = 0.5, recipe: Recipe | None = None) -> MixedData:
    recipe = recipe or small.recipe(variation=VARIED)
    real = CachedData(recipe, fake_cache(3, system=recipe.system, networks=(recipe.network,)), SPLIT)
    return MixedData(recipe, real, SyntheticData(recipe, Anatomies("phantoms")), real_share)


def equal(first: Sample, second: Sample) -> bool:
    return np.array_equal(first.image, second.image) and np.array_equal(first.labels, second.labels)


@pytest.mark.any_backend
@pytest.mark.parametrize("share", [0.1, 0.5, 2 / 3, 0.9])
def test_the_share_is_kept_all_the_way(share: float) -> None:
    interleaving = Interleaving(share)
    real = [interleaving.is_real(number) for number in range(300)]
    for stop in range(1, 301):
        assert abs(sum(real[:stop]) - share * stop) < 1
    for kind in (True, False):
        own = [interleaving.number_within(number) for number in range(300) if real[number] is kind]
        assert own == list(range(len(own)))


def test_no_scan_of_one_source_has_the_number_of_one_of_the_other() -> None:
    schedule = MixedSchedule(Interleaving(0.4), Schedule(2, 3), Schedule(4, 3))
    real = {schedule.scan_of(k) for k in range(200) if schedule.interleaving.is_real(k)}
    synthetic = {schedule.scan_of(k) for k in range(200) if not schedule.interleaving.is_real(k)}
    assert not real & synthetic
    assert min(real) >= FIRST_REAL_SCAN > max(synthetic)


@pytest.mark.any_backend
@pytest.mark.parametrize("share", [0.25, 0.5, 0.6])
def test_scans_are_reused_evenly_after_the_settling_samples(share: float) -> None:
    schedule = MixedSchedule(Interleaving(share), Schedule(2, 3), Schedule(4, 3))
    new, seen = [], set()
    for number in range(400):
        scan = schedule.scan_of(number)
        new.append(scan not in seen)
        seen.add(scan)
    usual = share / 2 + (1 - share) / 4
    assert sum(new[schedule.settling_samples :]) / len(new[schedule.settling_samples :]) == pytest.approx(
        usual, abs=0.03
    )
    assert sum(new[: schedule.settling_samples]) / schedule.settling_samples > usual


@pytest.mark.any_backend
@pytest.mark.parametrize("workers", [0, 2])
def test_samples_do_not_depend_on_who_makes_them(workers: int) -> None:
    expected = [mixed().stream(1).sample(number) for number in range(3, 9)]
    assert not equal(expected[0], expected[2])
    with SampleLoader(mixed().stream(1), 3, workers) as loader:
        samples = iter(loader)
        assert all(equal(next(samples), sample) for sample in expected)
    assert not equal(mixed().stream(2).sample(3), expected[0])


@pytest.mark.any_backend
def test_real_background_leaves_open_which_surroundings_it_is() -> None:
    recipe = recipe_for_mixing(recipe_named("flarelite", "locate", "standard"))
    assert recipe.loss.name == "partial_cross_entropy_dice"
    settings = SynthesisSettings((16, 20, 24), (16.0,) * 3)
    stream = mixed(0.5, small_flarelite(recipe, settings)).stream(0)
    values = {real: set() for real in (True, False)}
    for number in range(8):
        values[stream.interleaving.is_real(number)] |= set(np.unique(stream.sample(number).labels).tolist())
    assert UNSPECIFIED in values[True]
    assert values[True] <= {0, UNSPECIFIED, *(organ.label for organ in ORGANS)}
    assert UNSPECIFIED not in values[False]
    assert max(values[False]) > len(ORGANS)


@pytest.mark.any_backend
def test_surroundings_that_a_cache_knows_are_learnt_in_mixtures_and_background_elsewhere() -> None:
    labels = np.array([0, 1, 4, 6], np.uint8)
    assert Target.SURROUNDINGS.encoded(labels, is_partial=True).tolist() == [UNSPECIFIED, 1, 4, 6]
    assert Target.CLASSES.encoded(labels, is_partial=True).tolist() == [0, 1, 4, 0]
    assert Target.ANY_ORGAN.encoded(labels).tolist() == [0, 1, 1, 0]
    assert Target.SURROUNDINGS.scored(labels).tolist() == [0, 1, 4, 0]


def small_flarelite(recipe: Recipe, synthesis: SynthesisSettings) -> Recipe:
    view = replace(recipe.view, shape_zyx=(20, 24, 28), other_shapes_zyx=(), spacing_mm=0.0)  # type: ignore[type-var]
    return replace(recipe, view=view, synthesis=synthesis)


def test_losses_that_cannot_leave_surroundings_open_are_refused() -> None:
    recipe = small.recipe(target=Target.SURROUNDINGS, loss=LossSettings("generalized_dice"))
    with pytest.raises(UsageError, match="no form for partial labels"):
        recipe_for_mixing(recipe)
    with pytest.raises(UsageError, match="do not distinguish all surroundings"):
        CachedData(recipe, fake_cache(3), SPLIT)
    organs = small.recipe()
    assert recipe_for_mixing(organs) is organs


@pytest.mark.parametrize("share", [0.0, 1.0, -0.5])
def test_a_share_that_is_no_mixture_is_refused(share: float) -> None:
    with pytest.raises(UsageError, match="between 0 and 1"):
        mixed(share)


def test_scans_rendered_on_the_device_are_not_mixed() -> None:
    with pytest.raises(UsageError, match="scans rendered on the device cannot be mixed"):
        mixed(recipe=replace(small.rendered_recipe(), batch=1))


def test_what_is_held_out_is_real() -> None:
    data = mixed()
    assert [name for name, _ in data.final_scans(5)] == ["case_001"]
    assert data.facts["training"] == ["case_000", "case_002"]
    assert data.facts["real_share"] == 0.5
    assert data.licence == "NOASSERTION"


@pytest.mark.parametrize(
    ("source", "pairs", "share"),
    [
        ("maps", [], 0.0),
        ("maps", ["synthesis.held_out_share=0.2"], 0.2),
        # No label maps: as runs of former versions have it.
        ("phantoms", [], 0.1),
    ],
)
def test_no_label_map_is_held_out_of_a_mixture_for_nothing(source: str, pairs: list[str], share: float) -> None:
    scans = ScanSelection(Path("cache"), source)
    recipe = chosen_recipe("flarelite", "locate", None, pairs, None, scans)
    assert recipe.synthesis.held_out_share == share
    alone = chosen_recipe("flarelite", "locate", None, pairs, None, replace(scans, cache=None))
    assert alone.synthesis.held_out_share == (share or 0.1)


def test_a_recipe_file_may_hold_label_maps_out_of_a_mixture(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("synthesis.held_out_share = 0.1\n", encoding="utf-8")
    recipe = chosen_recipe("flarelite", "locate", str(path), [], None, ScanSelection(Path("cache"), "maps"))
    assert recipe.synthesis.held_out_share == 0.1


def test_a_mixture_says_which_label_maps_it_is_trained_on() -> None:
    recipe = chosen_recipe("flarelite", "locate", None, [], None, ScanSelection(Path("cache"), "maps"))
    real = CachedData(recipe, fake_cache(3, system="flarelite", networks=("locate",)), SPLIT)
    names = ("a", "b")
    data = MixedData(recipe, real, SyntheticData(recipe, Anatomies("maps", names, names)), 0.5)  # type: ignore[arg-type]
    assert data.title == "2 cases and synthetic scans (organs of 2 label maps) (50% of the samples real)"
    assert data.facts["label_maps"] == ["a", "b"]
    assert data.stream(0).synthetic.source.maps == names  # type: ignore[attr-defined]


@small.needs_training
def test_a_stopped_run_on_both_goes_on_with_the_same_losses(tmp_path: Path) -> None:
    def run(folder: Path, stop: int | None = None) -> None:
        done: list[int] = []
        callbacks = Callbacks(
            on_progress=lambda progress: done.append(progress.done),
            should_stop=lambda: stop is not None and done[-1] >= stop,
        )
        machine = Machine(small.BACKEND, "cpu", workers=0)
        recipe = small.recipe(variation=VARIED)
        run_training(folder, recipe, mixed(), 5, machine, RunOptions(checkpoint_every=2), callbacks, small.SPEC)

    run(tmp_path / "whole")
    run(tmp_path / "stopped", stop=3)
    assert len(small.losses(tmp_path / "stopped")) == 3
    run(tmp_path / "stopped")
    assert small.losses(tmp_path / "stopped") == small.losses(tmp_path / "whole")
