"""Folds: of the published shape, disjoint, the same for the same seed."""

from __future__ import annotations

from pathlib import Path

import pytest

from flarecli.errors import UsageError
from flarecli.training.cross_validation import recipe_of_fold
from flarecli.training.folds import fold_number, held_out, k_folds
from flarecli.training.recipe import FirstStageSettings
from tests.training import small

pytestmark = pytest.mark.any_backend

NAMES = tuple(f"train_{number:03d}" for number in range(361))


def test_361_cases_split_as_the_published_folds() -> None:
    folds = k_folds(NAMES, seed=0)
    assert [len(fold.validation) for fold in folds] == [90, 90, 90, 91]
    assert [len(fold.training) for fold in folds] == [271, 271, 271, 270]
    assert sorted(name for fold in folds for name in fold.validation) == sorted(NAMES)
    assert all(not set(fold.training) & set(fold.validation) for fold in folds)


def test_the_seed_decides_and_the_order_of_names_does_not() -> None:
    assert k_folds(NAMES, seed=1) == k_folds(NAMES[::-1], seed=1)
    assert k_folds(NAMES, seed=1) != k_folds(NAMES, seed=2)


@pytest.mark.parametrize(("share", "count"), [(0.0, 0), (73 / 361, 73), (10 / 361, 10), (1e-6, 1), (1.0, 360)])
def test_a_share_is_held_out(share: float, count: int) -> None:
    split = held_out(NAMES, share, seed=0)
    assert len(split.validation) == count
    assert set(split.training) | set(split.validation) == set(NAMES)


def test_more_folds_than_cases_are_refused() -> None:
    with pytest.raises(UsageError, match="4 folds of 3 cases"):
        k_folds(NAMES[:3], seed=0)


@pytest.mark.parametrize(
    ("text", "number"),
    [("1", 1), ("04", 4), ("²", None), ("٣", None), ("1.0", None), ("-1", None), ("", None), ("9" * 5000, None)],
)
def test_a_fold_is_named_by_plain_digits(text: str, number: int | None) -> None:
    assert fold_number(text) == number


def test_a_fold_takes_the_first_stage_of_the_same_fold(tmp_path: Path) -> None:
    recipe = small.recipe(first_stage=FirstStageSettings("localization", str(tmp_path)))
    assert recipe_of_fold(recipe, 2) == recipe
    (tmp_path / "fold2").mkdir()
    chosen = recipe_of_fold(recipe, 2).first_stage
    assert chosen == FirstStageSettings("localization", str(tmp_path / "fold2"))
    assert recipe_of_fold(recipe, 1) == recipe
    assert recipe_of_fold(small.recipe(), 1) == small.recipe()
