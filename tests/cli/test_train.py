"""`flare train` on the command line: what it refuses, what it shows, and that its loaders start as users start them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from flarecli.cli.main import app
from flarecli.engine import load_network, start_runtime
from flarecli.systems import system_named
from flarecli.weights.card import read_card
from flarecli.weights.selection import weighted_system
from tests.training import small
from tests.training.small_scans import fake_cache

PHANTOMS = ("--synthesize-from", "phantoms", "--system", "efficientscn")


def train(*arguments: str | Path | int) -> Result:
    return CliRunner().invoke(app, ["train", *map(str, arguments)])


def dry_run(*arguments: str | Path) -> dict[str, object]:
    result = train("RUN", *PHANTOMS, "--dry-run", "--json", *arguments)
    assert result.exit_code == 0, result.output
    settings: dict[str, object] = json.loads(result.output)
    return settings


def test_a_dry_run_shows_the_recipe_and_writes_nothing(tmp_path: Path) -> None:
    run = tmp_path / "run"
    result = train(run, *PHANTOMS, "--dry-run")
    assert result.exit_code == 0
    assert 'base = "starter"' in result.output
    assert "optimiser.learning_rate = 0.0005" in result.output
    assert not run.exists()


def test_what_a_dry_run_shows_is_a_recipe_file(tmp_path: Path) -> None:
    path = tmp_path / "shown.toml"
    path.write_text(train("RUN", *PHANTOMS, "--dry-run", "--set", "batch=3").output, encoding="utf-8")
    assert dry_run("--recipe", path)["settings"] == dry_run("--set", "batch=3")["settings"]


def test_recipes_files_and_settings_are_applied_in_this_order(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('base = "published"\niterations = 50\nbatch = 1\n', encoding="utf-8")
    shown = dry_run("--recipe", path, "--set", "accumulate=4", "--iterations", "60", "--network", "segmentation")
    assert (shown["network"], shown["recipe"]) == ("segmentation", "published")
    settings = shown["settings"]
    assert isinstance(settings, dict)
    assert (settings["iterations"], settings["accumulate"]) == (60, 4)


def test_the_example_is_a_recipe_file() -> None:
    example = Path(__file__).parents[2] / "examples/train.toml"
    assert dry_run("--recipe", example, "--network", "localization")["recipe"] == "starter"


@pytest.mark.parametrize("system", ["flarelite", "efficientscn", "efficientsegnet", "vgg13"])
def test_every_system_can_be_trained_on_phantoms(system: str) -> None:
    assert dry_run("--system", system)["system"] == system


def test_real_and_synthetic_scans_are_mixed_in_a_share(tmp_path: Path) -> None:
    cache = fake_cache(4, system="flarelite", networks=("locate",))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("flarecli.preprocessing.cache.TrainingCache.open", lambda _: cache)
        both = ("CACHE", "RUN", "--synthesize-from", "phantoms", "--real-share", "0.25", "--fold", "1", "--folds", "2")
        result = train(*both, "--dry-run", "--json")
    assert result.exit_code == 0, result.output
    shown = json.loads(result.output)
    assert shown["data"]["real_share"] == 0.25
    assert shown["settings"]["target"] == "classes_and_surroundings"
    assert shown["settings"]["loss.name"] == "partial_cross_entropy_dice"
    assert len(shown["data"]["validation"]) == 2


@pytest.mark.parametrize("fold", ["²", "٣", "0", "3", "one", "9" * 5000])
def test_a_fold_that_is_none_is_refused(fold: str, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = fake_cache(4, system="flarelite", networks=("locate",))
    monkeypatch.setattr("flarecli.preprocessing.cache.TrainingCache.open", lambda _: cache)
    result = train("CACHE", "RUN", "--fold", fold, "--folds", 2, "--dry-run")
    assert result.exit_code == 2, result.output
    assert "there is no such fold" in " ".join(result.output.split())


def test_a_preview_is_drawn(tmp_path: Path) -> None:
    small = ("--set", "synthesis.scan_shape_zyx=[16, 16, 16]", "--set", "synthesis.spacing_mm=[20, 20, 20]")
    crop = ("--set", "view.shape_zyx=[16, 16, 16]")
    result = train(tmp_path / "run", *PHANTOMS, *small, *crop, "--dry-run", "--preview", tmp_path / "seen.png")
    assert result.exit_code == 0, result.output
    assert (tmp_path / "seen.png").read_bytes().startswith(b"\x89PNG")


@small.needs_training
def test_a_network_of_one_size_is_trained_at_another_and_predicts_at_that(tmp_path: Path) -> None:
    result = train(
        *(tmp_path / "run", "--system", "efficientsegnet", "--network", "coarse", "--synthesize-from", "phantoms"),
        *("--backend", small.BACKEND, "--iterations", 1, "--workers", 0),
        *("--set", "view.shape_zyx=[16, 16, 32]", "--set", "synthesis.reuse=1", "--set", "validation.scans=1"),
        *("--set", "synthesis.scan_shape_zyx=[16, 16, 20]", "--set", "synthesis.spacing_mm=[18, 18, 18]"),
    )
    assert result.exit_code == 0, result.output
    weights = tmp_path / "run" / "coarse.weights.h5"
    shape = read_card(weights).input_shape
    assert shape == (16, 16, 32)
    spec = system_named("efficientsegnet").at_input_shapes({"coarse": shape}).networks[0]
    network = load_network(spec.build, weights, start_runtime(small.BACKEND, "cpu", "float32"))
    assert network(np.zeros(shape, np.float32)).shape == (4, *shape)


@small.needs_training
def test_slices_are_trained_at_another_size_and_width_and_predict_so(tmp_path: Path) -> None:
    result = train(
        *(tmp_path / "run", "--system", "vgg13", "--synthesize-from", "phantoms", "--backend", small.BACKEND),
        *("--iterations", 1, "--workers", 0, "--set", "view.slice_size=32", "--set", "base_filters=4"),
        *("--set", "synthesis.scan_shape_zyx=[16, 20, 20]", "--set", "synthesis.spacing_mm=[20, 18, 18]"),
        *("--set", "validation.scans=1", "--set", "synthesis.reuse=1"),
    )
    assert result.exit_code == 0, result.output
    weights = tmp_path / "run" / "segmentation.weights.h5"
    card = read_card(weights)
    assert (card.input_shape, card.base_filters) == ((32, 32), 4)
    spec = weighted_system("vgg13", [str(tmp_path / "run")]).system.networks[0]
    network = load_network(spec.build, weights, start_runtime(small.BACKEND, "cpu", "float32"))
    assert network(np.zeros((2, 3, 32, 32), np.float32)).shape == (2, 5, 32, 32)


@pytest.mark.parametrize("filters", [0, -4])
def test_a_width_that_is_none_is_explained(filters: int, tmp_path: Path) -> None:
    result = train(tmp_path / "run", *PHANTOMS[:2], "--system", "vgg13", "--set", f"base_filters={filters}")
    assert result.exit_code == 2
    assert "base_filters" in result.stderr


@small.needs_training
def test_a_size_that_the_network_cannot_have_is_explained(tmp_path: Path) -> None:
    result = train(
        *(tmp_path / "run", "--system", "efficientsegnet", "--network", "fine", "--synthesize-from", "phantoms"),
        *("--backend", small.BACKEND, "--set", "view.shape_zyx=[48, 48, 50]"),
    )
    assert result.exit_code == 2
    assert "cannot be built for the size of its samples" in " ".join(result.output.split())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["RUN"], "a cache or a source of synthetic scans is needed"),
        (["RUN", *PHANTOMS, "--set", "rate=1"], "no such setting"),
        (["RUN", *PHANTOMS, "--set", "batch"], "a setting needs a name and a value"),
        (["RUN", *PHANTOMS, "--fold", "1"], "synthetic scans have no folds"),
        (["RUN", *PHANTOMS, "--real-share", "0.5"], "--real-share 0.5 without a CACHE"),
        (["CACHE", "RUN", "--real-share", "0.5"], "--real-share 0.5 without --synthesize-from"),
        (["CACHE", "RUN", "--folds", "3"], "--folds 3 without --fold"),
        (["RUN", *PHANTOMS, "--recipe", "quick"], "published, starter"),
        (["RUN", *PHANTOMS, "--network", "fine"], "no training recipe"),
        (["RUN", *PHANTOMS, "--preview", "sheet.jpg", "--dry-run"], "the preview has an unknown format"),
        (["RUN", *PHANTOMS, "--backend", "openvino"], "cannot train"),
        (["RUN", *PHANTOMS, "--set", "view.shape_zyx=[48, 64, 72]"], "multiples of 16"),
        (["RUN", *PHANTOMS, "--set", "view.multiple=8"], "takes no inputs of these sizes"),
    ],
)
def test_wrong_usage_is_explained(
    arguments: list[str], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = train(*arguments)
    assert result.exit_code == 2
    assert words in " ".join(result.output.split())


def test_folders_that_are_no_source_are_named(tmp_path: Path) -> None:
    result = train(tmp_path / "run", "--synthesize-from", tmp_path / "nothing")
    assert result.exit_code == 3
    assert "is not a folder of label maps" in " ".join(result.output.split())
    result = train(tmp_path / "cache", tmp_path / "run")
    assert result.exit_code == 3


def array_task(monkeypatch: pytest.MonkeyPatch, task: int, count: int) -> None:
    for name, value in (("ID", task), ("COUNT", count), ("MIN", 1), ("MAX", count)):
        monkeypatch.setenv(f"SLURM_ARRAY_TASK_{name}", str(value))


def test_a_task_of_an_array_trains_its_fold_where_all_folds_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    monkeypatch.setattr("flarecli.training.run.run_training", lambda run, *rest: asked.append(run))
    monkeypatch.setattr("flarecli.training.samples.mixture.selection.data_of", lambda *rest: asked.append(rest[2]))
    array_task(monkeypatch, 3, 4)
    assert train(tmp_path / "cache", tmp_path / "run", "--fold", "auto").exit_code == 130  # as if it was stopped
    assert asked == ["3", tmp_path / "run" / "fold3"]


def test_an_array_that_is_none_of_folds_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = train(tmp_path / "cache", tmp_path / "run", "--fold", "auto")
    assert result.exit_code == 2
    assert "--fold auto needs a Slurm job array" in result.output
    assert "--fold K" in result.output
    array_task(monkeypatch, 3, 5)
    result = train(tmp_path / "cache", tmp_path / "run", "--fold", "auto")
    assert result.exit_code == 2
    assert "sbatch --array=1-4" in result.output


def test_several_processes_measure_and_draw_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    launched = {"TORCHELASTIC_RUN_ID": "1", "RANK": "1", "WORLD_SIZE": "2", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "2"}
    for name, value in launched.items():
        monkeypatch.setenv(name, value)
    result = train(tmp_path / "run", *PHANTOMS, "--dry-run")
    assert result.exit_code == 2
    assert "Start it without torchrun" in result.output
