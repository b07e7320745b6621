"""A small network and a cache in memory for `flare train --fold all`, also on workers of a scheduler."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flarecli.preprocessing.cache import TrainingCache
from flarecli.systems.base import NetworkSpec
from flarecli.training import preparation, run
from flarecli.training.fold_training import FoldProgress, FoldTraining
from flarecli.training.recipe import Recipe, ValidationSettings
from flarecli.training.samples.mixture import selection
from tests.training import small
from tests.training.small_scans import fake_cache

SECONDS, DEADLY = "FLARE_TEST_SECONDS", "FLARE_TEST_DEADLY_FOLD"
_DIES_AT = 3


@dataclass(frozen=True)
class SmallFoldTraining(FoldTraining):
    """Trains the small network."""

    seconds: float = 0.0
    deadly: str = ""

    def __call__(self, tell: Callable[[FoldProgress], None], should_stop: Callable[[], bool]) -> Any:
        choose_small_network()

        def tell_slowly(told: FoldProgress) -> None:
            tell(told)
            if told.done and not told.stage:
                time.sleep(self.seconds)
            if str(self.number) == self.deadly and told.done == _DIES_AT:
                os.kill(os.getpid(), signal.SIGKILL)

        return super().__call__(tell_slowly, should_stop)


def small_fold_training(*arguments: Any) -> SmallFoldTraining:
    return SmallFoldTraining(*arguments, seconds=float(os.environ[SECONDS]), deadly=os.environ[DEADLY])


def choose_small_network() -> None:
    recipe = small.recipe(validation=ValidationSettings(scans=2, interval=2), iterations=10)

    def chosen(*_: object) -> Recipe:
        return recipe

    def spec(*_: object) -> NetworkSpec:
        return small.SPEC

    selection.chosen_recipe = chosen
    run.network_spec = preparation.network_spec = spec
    TrainingCache.open = lambda _: fake_cache(4)
