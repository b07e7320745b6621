"""The progress of `flare predict` over its cases."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from flarecli.cli.output import stderr_console
from flarecli.files.printable import printable_name

if TYPE_CHECKING:
    from rich.progress import Progress

    from flarecli.prediction.cases import Case


class CaseProgress:
    """A progress bar over the cases with the current step, on standard error, where that is a terminal.

    Args:
        total: Number of cases.
        hidden: Whether to show nothing at all.
    """

    def __init__(self, total: int, *, hidden: bool) -> None:
        self._bar: Progress | None = None
        self._case = ""
        # Asked before Rich is imported, which takes a tenth of a second while networks wait to be loaded.
        if hidden or not sys.stderr.isatty():
            return
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=stderr_console(),
            transient=True,
        )
        self._task = self._bar.add_task("starting", total=total)

    def __enter__(self) -> CaseProgress:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.hide()

    def hide(self) -> None:
        """Remove the bar, so that something else can be printed."""
        if self._bar is not None:
            self._bar.stop()

    def start(self, case: Case) -> None:
        """The work on a case begins."""
        self._case = case.name
        self.step("waiting")

    def step(self, name: str) -> None:
        """A step of it begins."""
        if self._bar is not None:
            from rich.markup import escape

            self._bar.update(self._task, description=f"{escape(printable_name(self._case))}: {name}")

    def finish(self) -> None:
        """A case has ended."""
        if self._bar is not None:
            self._bar.advance(self._task)
