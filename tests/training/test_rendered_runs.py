"""Runs whose scans are rendered on the device: which recipes, on which backend, and that they are learnt from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from flarecli.errors import UsageError
from flarecli.training.checks import check_recipe
from flarecli.training.data import CachedData, SyntheticData
from flarecli.training.folds import Split
from flarecli.training.machine import Machine
from flarecli.training.recipe import SynthesisSettings
from flarecli.training.recipes import recipe_named
from flarecli.training.run import run_training
from flarecli.training.samples.anatomies import Anatomies
from flarecli.training.views import CropView
from tests.training import small
from tests.training.small_scans import fake_cache


@pytest.mark.parametrize(
    "changes",
    [
        {"view": CropView((16, 16, 16), orientation="LPS")},
        {"view": CropView((16, 16, 16), spacing_mm=3.0)},
        {"synthesis": SynthesisSettings((20, 20, 24), (16.0, 16.0, 12.0), rendered_on_device=True)},
        {"view": recipe_named("efficientsegnet", "coarse", "starter").view},
    ],
)
def test_what_cannot_be_rendered_on_the_device_is_refused(changes: dict) -> None:
    with pytest.raises(UsageError, match="cannot be rendered on the device like this"):
        check_recipe(replace(small.rendered_recipe(), **changes))


def test_batches_of_several_sizes_are_for_rendered_scans_only() -> None:
    check_recipe(small.rendered_recipe())
    with pytest.raises(UsageError, match="different sizes do not make a batch"):
        CachedData(small.rendered_recipe(), fake_cache(2), Split(("case_000",), ("case_001",)))


@small.needs_training
def test_a_network_learns_from_rendered_scans_on_pytorch_only(tmp_path: Path) -> None:
    recipe = small.rendered_recipe()
    data = SyntheticData(recipe, Anatomies("phantoms"))
    machine = Machine(small.BACKEND, "cpu", workers=1)
    if small.BACKEND != "torch":
        with pytest.raises(UsageError, match="rendered by PyTorch only"):
            run_training(tmp_path / "run", recipe, data, 5, machine, spec=small.SPEC)
        return
    finished = run_training(tmp_path / "run", recipe, data, 5, machine, spec=small.SPEC)
    assert finished is not None
    assert finished.card.details["held_out"]["scans"] == 1
    again = run_training(tmp_path / "again", recipe, data, 5, machine, spec=small.SPEC)
    assert again is not None
    assert small.losses(tmp_path / "run") == small.losses(tmp_path / "again")
