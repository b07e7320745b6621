"""The share of a run's samples that one of several processes takes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from flarecli.errors import UsageError
from flarecli.training.recipe import Recipe
from flarecli.training.samples.schedule import ScanSchedule
from flarecli.training.samples.stream import Stream


def recipe_of_group(recipe: Recipe, processes: int) -> Recipe:
    """A recipe whose updates are those of so many processes: where it names no number of devices, each has its share.

    Raises:
        UsageError: when the devices of the recipe cannot be divided among the processes.
    """
    if recipe.devices == 1:
        return replace(recipe, devices=processes)
    if recipe.devices % processes:
        raise UsageError(
            "the samples of an update cannot be shared out evenly",
            seen=f"{processes} processes, devices = {recipe.devices} in the recipe",
            expected=f"a number of processes that divides {recipe.devices}",
            remedy=f"Start another number of processes, or say --set devices={processes}.",
        )
    return recipe


def recipe_of_process(recipe: Recipe, processes: int) -> Recipe:
    """What each of the processes does of a recipe of `recipe_of_group`: all batches of its devices, one by one."""
    return replace(recipe, accumulate=recipe.accumulate * recipe.devices // processes, devices=1)


@dataclass(frozen=True)
class SharedStream:
    """Every `processes`-th batch of a run, from that of a process on: together the processes take what one would take.

    Attributes:
        whole: The samples of the run.
        batch: Samples of a batch.
        rank: Number of the process, from 0 on.
        processes: How many there are.
    """

    whole: Stream
    batch: int
    rank: int
    processes: int

    @property
    def schedule(self) -> ScanSchedule:
        """Which scan, or patient, each sample of the share is from."""
        return _SharedSchedule(self.whole.schedule, self)

    def sample(self, number: int) -> Any:
        """Sample `number` of the share, counted from 0."""
        return self.whole.sample(self.number_in_run(number))

    def number_in_run(self, number: int) -> int:
        """The number that a sample of the share has in the run."""
        batch, place = divmod(number, self.batch)
        return (batch * self.processes + self.rank) * self.batch + place


@dataclass(frozen=True)
class _SharedSchedule:
    whole: ScanSchedule
    stream: SharedStream

    @property
    def reuse(self) -> int:
        return self.whole.reuse

    @property
    def settling_samples(self) -> int:
        return self.whole.settling_samples // self.stream.processes

    def scan_of(self, sample: int) -> int:
        return self.whole.scan_of(self.stream.number_in_run(sample))
