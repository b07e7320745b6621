"""Cross-validation: every fold in its folder, one table, nothing done twice."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from flarecli.metrics.protocol import Metric
from flarecli.training import cross_validation
from flarecli.training.data import CachedData
from flarecli.training.folds import k_folds
from flarecli.training.learning.loop import Callbacks
from flarecli.training.machine import Machine
from flarecli.training.run import run_training
from tests.training import small
from tests.training.small_scans import fake_cache

pytestmark = small.needs_training


def test_all_folds_are_trained_scored_and_tabulated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def with_small_network(*arguments: Any) -> Any:
        return run_training(*arguments, spec=small.SPEC)

    monkeypatch.setattr(cross_validation, "run_training", with_small_network)
    recipe, cache = small.recipe(iterations=2), fake_cache(5)
    folds = [CachedData(recipe, cache, split) for split in k_folds(cache.names, seed=0, folds=2)]
    begun: list[int] = []
    iterations: list[int] = []
    arguments = (tmp_path, recipe, folds, 0, Machine(small.BACKEND, "cpu", workers=0), None)
    callbacks = Callbacks(on_progress=lambda progress: iterations.append(progress.done))
    rows = cross_validation.cross_validate(*arguments, callbacks, begun.append)
    assert rows is not None
    assert begun == [1, 2]
    assert [(row.title, row.cases) for row in rows] == [("1", 2), ("2", 3), ("all", 5)]
    by_fold = [row.means[Metric.DSC]["liver"] for row in rows]
    assert by_fold[2] == pytest.approx((2 * by_fold[0] + 3 * by_fold[1]) / 5)
    written = json.loads((tmp_path / "cross_validation.json").read_text(encoding="utf-8"))
    assert written == [row.as_dict() for row in rows]
    assert (tmp_path / "fold2/segmentation.weights.h5").exists()

    again = cross_validation.cross_validate(*arguments, callbacks)
    assert again == rows
    assert iterations == [1, 2, 1, 2]
