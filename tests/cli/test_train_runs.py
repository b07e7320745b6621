"""Whole trainings on the command line, of a small network on a cache in memory: what they print and write."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from flarecli.cli.main import app
from flarecli.systems.base import NetworkSpec
from flarecli.training.recipe import Recipe, ValidationSettings
from tests.training import small
from tests.training.small_scans import fake_cache

pytestmark = small.needs_training

HERE = ("--backend", small.BACKEND, "--device", "cpu", "--workers", "0", "--seed", "5")


@pytest.fixture(autouse=True)
def small_network(monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = small.recipe(validation=ValidationSettings(scans=2, held_out_share=0.5))

    def chosen(*_: object) -> Recipe:
        return recipe

    def spec(*_: object) -> NetworkSpec:
        return small.SPEC

    monkeypatch.setattr("flarecli.training.samples.mixture.selection.chosen_recipe", chosen)
    monkeypatch.setattr("flarecli.preprocessing.cache.TrainingCache.open", lambda _: fake_cache(4))
    for module in ("run", "preparation"):
        monkeypatch.setattr(f"flarecli.training.{module}.network_spec", spec)


def train(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["train", "CACHE", *map(str, arguments), *HERE])


def test_a_run_prints_its_scores_and_where_its_weights_are(tmp_path: Path) -> None:
    result = train(tmp_path / "run")
    assert result.exit_code == 0, result.output
    rows = [line.split() for line in result.stdout.splitlines()]
    assert {"liver", "kidneys", "spleen", "pancreas", "overall"} <= {row[0] for row in rows if row}
    assert result.stdout.splitlines()[-1] == f"weights written to {tmp_path / 'run/segmentation.weights.h5'}"
    # The same command again takes what is there.
    again = train(tmp_path / "run", "--json")
    assert again.exit_code == 0, again.output
    card = json.loads(again.stdout)
    assert Path(card["path"]) == tmp_path / "run/segmentation.weights.h5"
    assert card["details"]["held_out"]["scans"] == 2
    assert train(tmp_path / "run", "--quiet").output == ""


def test_another_seed_is_refused_in_the_folder_of_a_run(tmp_path: Path) -> None:
    assert train(tmp_path / "run", "--quiet").exit_code == 0
    result = train(tmp_path / "run", "--seed", "6")
    assert result.exit_code == 0  # the last --seed counts, which is that of the run
    result = CliRunner().invoke(app, ["train", "CACHE", str(tmp_path / "run"), *HERE[:-1], "6"])
    assert result.exit_code == 2
    assert "seed = 6" in result.stderr


def test_folds_are_trained_and_tabulated(tmp_path: Path) -> None:
    result = train(tmp_path / "run", "--fold", "all", "--folds", "2")
    assert result.exit_code == 0, result.output
    titles = [line.split()[:2] for line in result.stdout.splitlines()]
    assert titles[-3:] == [["1", "2"], ["2", "2"], ["all", "4"]]
    again = train(tmp_path / "run", "--fold", "all", "--folds", "2", "--json")
    assert [row["fold"] for row in json.loads(again.stdout)] == ["1", "2", "all"]
    assert json.loads((tmp_path / "run/cross_validation.json").read_text()) == json.loads(again.stdout)


@pytest.mark.parametrize("fold", [(), ("--fold", "all", "--folds", "2")])
def test_a_stopped_run_says_where_and_how_to_resume(
    fold: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flarecli.cli.train_progress import TrainingDisplay

    begun = TrainingDisplay._on_progress

    def stopping(display: TrainingDisplay, progress: object) -> None:
        begun(display, progress)  # type: ignore[arg-type]
        if progress.done == 3:  # type: ignore[attr-defined]
            display.stop()

    monkeypatch.setattr(TrainingDisplay, "_on_progress", stopping)
    result = train(tmp_path / "run", *fold)
    assert result.exit_code == 130
    assert "stopped after iteration 3; the same command resumes there" in result.stderr
    monkeypatch.undo()


def test_rates_are_measured_and_nothing_is_written(tmp_path: Path) -> None:
    result = train(tmp_path / "run", "--measure", "--json", "--workers", "1")
    assert result.exit_code == 0, result.output
    rates = json.loads(result.stdout)
    assert rates["samples_per_s"] > 0
    assert rates["used_samples_per_s"] > 0
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--fold", "all", "--dry-run"), "this is done for one fold at a time"),
        (("--preview", "sheet.jpg"), "the preview has an unknown format"),
        (("--fold", "5"), "there is no such fold"),
    ],
)
def test_wrong_options_are_explained(arguments: tuple[str, ...], words: str, tmp_path: Path) -> None:
    result = train(tmp_path / "run", *arguments)
    assert result.exit_code == 2
    assert words in result.stderr
    assert not (tmp_path / "run").exists()


def test_without_matplotlib_a_run_has_no_curves_but_is_complete(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flarecli.training.run.has_matplotlib", lambda: False)
    result = train(tmp_path / "run", "--quiet")
    assert result.exit_code == 0, result.output
    assert (tmp_path / "run/scores.json").is_file()
    assert (tmp_path / "run/losses.csv").is_file()
    assert not (tmp_path / "run/curves.png").exists()
