"""How `flare train` shows where it stands, and how it is stopped."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

import typer

from flarecli.cli.output import stderr_console

if TYPE_CHECKING:
    from flarecli.training.fold_training import FoldProgress
    from flarecli.training.learning.loop import Callbacks, Progress, Validation

STOPPED = 130
"""Exit code of a program that was interrupted from the keyboard."""

_MUCH_WAITING = 0.2
"""Share of the time spent waiting for samples from which on it is reported."""


class TrainingDisplay:
    """A bar with the loss, the rate and the time left; knows whether the user wants to stop.

    Args:
        bar: A rich progress bar with one task.
    """

    def __init__(self, bar: Any) -> None:
        from flarecli.training.learning.loop import Callbacks

        self._bar = bar
        self._task = bar.add_task("starting", total=None)
        self._prefix = ""
        self._waiting_share = 0.0
        self._stops = False
        self._folds: dict[str, FoldProgress] = {}
        self._ended_folds: set[str] = set()
        self.last_iteration = 0
        self.callbacks: Callbacks = Callbacks(
            self._on_progress, self._on_validation, self._on_stage, lambda: self._stops, self._on_warning
        )

    def begin_fold(self, number: int) -> None:
        """Say which fold comes."""
        self._prefix = f"fold {number}: "
        self._bar.reset(self._task, total=None, description=f"{self._prefix}starting")

    @property
    def stops(self) -> bool:
        """Whether the user wants to stop."""
        return self._stops

    def show_fold(self, name: str, told: FoldProgress) -> None:
        """Show how far one of several folds is that are trained side by side."""
        before = self._folds.get(name)
        if told == before:
            return
        self._folds[name] = told
        for warning in told.warnings[len(before.warnings) if before else 0 :]:
            self._on_warning(warning, name)
        if told.validated and (before is None or before.validated != told.validated):
            organs = ", ".join(f"{organ} {dice:.3f}" for organ, dice in told.dice.items())
            self._bar.console.print(f"{name}: iteration {told.validated}: DSC {organs}", highlight=False)
        self._show_folds()

    def end_fold(self, name: str) -> None:
        """Say that one of several folds is finished."""
        self._ended_folds.add(name)
        self._bar.console.print(f"{name}: finished", highlight=False)
        self._show_folds()

    def _show_folds(self) -> None:
        parts = []
        for name, told in sorted(self._folds.items()):
            if name not in self._ended_folds:
                parts.append(f"{name}: {told.stage or f'{told.done}/{told.total}'}")
        begun = [told.total for told in self._folds.values() if told.total]
        self._bar.update(
            self._task,
            completed=sum(told.done for told in self._folds.values()),
            total=max(begun, default=0) * len(self._folds) or None,
            description=("stopping: " if self._stops else "") + ", ".join(parts),
        )

    def stop(self) -> None:
        """Let the training end after the present iteration."""
        self._stops = True
        self._bar.update(self._task, description=f"{self._prefix}stopping")

    def say_waiting(self) -> None:
        """Say so when the network waited for samples."""
        if self._waiting_share > _MUCH_WAITING:
            stderr_console().print(
                f"[yellow]note:[/yellow] the network waited for samples {self._waiting_share:.0%} of the time; "
                "--workers gives more processes that make them",
                highlight=False,
            )

    def _on_stage(self, words: str) -> None:
        self._bar.update(self._task, description=f"{self._prefix}{words}")

    def _on_warning(self, text: str, name: str = "") -> None:
        from rich.markup import escape

        who = f"{name}: " if name else self._prefix
        self._bar.console.print(f"[yellow]warning:[/yellow] {escape(who + text)}", highlight=False, soft_wrap=True)

    def _on_progress(self, progress: Progress) -> None:
        self.last_iteration, self._waiting_share = progress.done, progress.waiting_share
        parts = "".join(
            f" {name.removesuffix('_loss')} {value:.3f}" for name, value in progress.losses.items() if name != "loss"
        )
        self._bar.update(
            self._task,
            completed=progress.done,
            total=progress.total,
            description=f"{self._prefix}loss {progress.losses['loss']:.3f}{parts}, {progress.rate:.2f}/s",
        )

    def _on_validation(self, iteration: int, found: Validation) -> None:
        organs = ", ".join(f"{name} {dice:.3f}" for name, dice in found.dice.items())
        self._bar.console.print(f"{self._prefix}iteration {iteration}: DSC {organs}", highlight=False)


@contextmanager
def shown_progress(*, hidden: bool) -> Iterator[TrainingDisplay]:
    """Show a bar on a terminal; the first Ctrl-C ends the training after the current iteration, a second at once."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = stderr_console()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    is_quiet = hidden or not console.is_terminal
    if hidden:
        console.quiet = True
    with Progress(*columns, console=console, transient=True, disable=is_quiet) as bar:
        display = TrainingDisplay(bar)

        def on_signal(number: int, _: Any) -> None:
            signal.signal(number, earlier[number])
            display.stop()

        earlier = {number: signal.signal(number, on_signal) for number in (int(signal.SIGINT), int(signal.SIGTERM))}
        try:
            yield display
        finally:
            for number, handler in earlier.items():
                signal.signal(number, handler)


def say_stopped(iteration: int, *, quiet: bool) -> NoReturn:
    """End the command after a training that was stopped."""
    if not quiet:
        stderr_console().print(f"stopped after iteration {iteration}; the same command resumes there", highlight=False)
    raise typer.Exit(STOPPED)
