"""`flare train --fold all`: folds one after the other here, or side by side on workers of a scheduler."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from flarecli.cli.many_scans.scheduling import check_no_addresses, tell_of_scheduler
from flarecli.cli.output import print_error, print_json, stderr_console
from flarecli.cli.rendering.train_tables import print_folds
from flarecli.cli.train_progress import STOPPED, say_stopped, shown_progress
from flarecli.errors import FlareError, UsageError

if TYPE_CHECKING:
    from flarecli.cluster.schedulers import Scheduler
    from flarecli.training.cross_validation import FoldRow
    from flarecli.training.fold_training import FoldProgress
    from flarecli.training.machine import Machine
    from flarecli.training.recipe import Recipe
    from flarecli.training.run import RunOptions
    from flarecli.training.samples.mixture.selection import ScanSelection
    from flarecli.training.scoring import CaseScores


@dataclass(frozen=True)
class AllFolds:
    """What `--fold all` is to train.

    Attributes:
        run: Folder of all folds.
        recipe: The recipe.
        scans: The scans to train on.
        folds: Number of folds.
        seed: Seed of all random numbers.
        machine: Backend, device and processes.
        options: Checkpoints, logs and initial weights.
        as_json: Whether the table is printed as JSON.
        quiet: Whether only errors are printed.
    """

    run: Path
    recipe: Recipe
    scans: ScanSelection
    folds: int
    seed: int
    machine: Machine
    options: RunOptions
    as_json: bool
    quiet: bool

    def train_here(self) -> None:
        """Train all folds in this process, and print the table."""
        from flarecli.training.cross_validation import cross_validate
        from flarecli.training.parallel.group import leave_group
        from flarecli.training.parallel.launch import present_launch
        from flarecli.training.samples.mixture.selection import fold_data

        data = fold_data(self.recipe, self.scans, self.folds, self.seed)
        is_silent = not present_launch().is_first
        with shown_progress(hidden=self.quiet or self.as_json or is_silent) as display:
            rows = cross_validate(
                self.run,
                self.recipe,
                data,
                self.seed,
                self.machine,
                self.options,
                display.callbacks,
                display.begin_fold,
            )
            leave_group()
        if rows is None:
            say_stopped(display.last_iteration, quiet=is_silent)
        if rows is not None and not is_silent:
            self._print(rows)

    def train_on_workers(self, scheduler: Scheduler) -> None:
        """Train folds side by side, each in a process of a worker, and print the table.

        A fold that fails does not end the others; its error is printed at once, and once more as that of the command.

        Raises:
            FlareError: that of the first fold that failed.
            InstallationError: as `ended_work` does.
        """
        from flarecli.cluster.long_work import ended_work
        from flarecli.cluster.schedulers import connected
        from flarecli.files.refusals import write_errors
        from flarecli.training.cross_validation import tabulated
        from flarecli.training.fold_training import FoldTraining
        from flarecli.training.samples.mixture.selection import fold_data

        check_no_addresses((self.scans.cache, self.run))
        fold_data(self.recipe, self.scans, self.folds, self.seed)  # what is wrong with it is said here and now
        hidden = self.quiet or self.as_json
        threads = scheduler.threads(self.machine.threads)
        run, scans = self.run.absolute(), replace(self.scans, cache=self.scans.cache and self.scans.cache.absolute())
        with write_errors(run):
            run.mkdir(parents=True, exist_ok=True)
        machine = replace(self.machine, threads=threads)
        if machine.workers is None and threads is not None:
            machine = replace(machine, workers=max(1, threads - 1))
        works = {
            f"fold {number}": FoldTraining(
                run, self.recipe, scans, number, self.folds, self.seed, machine, self.options
            )
            for number in range(1, self.folds + 1)
        }
        scores: dict[str, tuple[CaseScores, ...]] = {}
        errors: list[FlareError] = []
        engines: dict[str, str] = {}
        with shown_progress(hidden=hidden) as display, connected(scheduler, threads) as client:
            tell_of_scheduler(f"dashboard: {client.dashboard_link}", hidden=hidden)

            def on_told(name: str, told: FoldProgress) -> None:
                display.show_fold(name, told)
                if told.engine and name not in engines:
                    engines[name] = told.engine
                    _check_same_engine(engines)

            def on_again(name: str, why: str) -> None:
                tell_of_scheduler(f"{name}: begun again from its last checkpoint ({why})", hidden=hidden)

            ends = ended_work(
                client,
                works,
                Path.cwd(),
                should_stop=lambda: display.stops,
                on_told=on_told,
                on_again=on_again,
                reached=lambda told: float(told.done),
            )
            for name, ended in ends:
                if isinstance(ended, FlareError):
                    errors.append(ended)
                    if not self.as_json:
                        stderr_console().print(f"{name} failed", highlight=False)
                        print_error(ended)
                elif ended is not None:
                    scores[name] = ended
                    display.end_fold(name)
        if errors:
            raise errors[0]
        if len(scores) < self.folds:
            if not self.quiet:
                stderr_console().print(
                    "stopped; the same command resumes each fold where it was", markup=False, highlight=False
                )
            raise typer.Exit(STOPPED)
        self._print(tabulated(run, self.recipe, [scores[name] for name in works]))

    def _print(self, rows: tuple[FoldRow, ...]) -> None:
        if self.as_json:
            print_json([row.as_dict() for row in rows])
        else:
            print_folds(rows)


def _check_same_engine(engines: dict[str, str]) -> None:
    """Refuse workers that compute differently: scores of folds could not be compared, and folds not be resumed.

    Raises:
        UsageError: then.
    """
    first, *others = engines.items()
    for name, engine in others:
        if engine != first[1]:
            raise UsageError(
                "workers do not train alike",
                seen=f"{engine} ({name})",
                expected=f"{first[1]} ({first[0]})",
                remedy="Choose what all workers have with --backend and --device, and install the same versions.",
            )
