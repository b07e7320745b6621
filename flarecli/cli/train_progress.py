"""How `flare train` shows where it stands, and how it is stopped."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from flarecli.cli.output import stderr_console

if TYPE_CHECKING:
    from flarecli.training.learning.loop import Callbacks, Progress, Validation

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
        self.last_iteration = 0
        self.callbacks: Callbacks = Callbacks(
            self._on_progress, self._on_validation, self._on_stage, lambda: self._stops
        )

    def begin_fold(self, number: int) -> None:
        """Say which fold comes."""
        self._prefix = f"fold {number}: "
        self._bar.reset(self._task, total=None, description=f"{self._prefix}starting")

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
