"""The options of verbs whose work can be done by the workers of a scheduler."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from flarecli.cli.output import stderr_console
from flarecli.errors import UsageError

if TYPE_CHECKING:
    from flarecli.cluster.schedulers import Scheduler

SchedulerOption = Annotated[
    str | None,
    typer.Option(
        "--scheduler",
        metavar="tcp://HOST:PORT|slurm|local:N",
        help="Have the work done by workers of Dask: of a scheduler that runs, jobs of SLURM, or N of this machine.",
    ),
]
WorkersOption = Annotated[
    int | None, typer.Option("--workers", min=1, metavar="N", help="Number of jobs, with --scheduler slurm.")
]


def chosen_scheduler(scheduler: str | None, workers: int | None) -> Scheduler | None:
    """The scheduler that is asked for; None where none is.

    Raises:
        UsageError: when the options do not go together.
    """
    if scheduler is None:
        if workers is not None:
            raise UsageError(
                "--workers is for jobs of SLURM", seen=f"--workers {workers}", remedy="Add --scheduler slurm."
            )
        return None
    from flarecli.cluster.schedulers import parsed_scheduler

    return parsed_scheduler(scheduler, workers)


def tell_of_scheduler(text: str, *, hidden: bool) -> None:
    """Print a line about the scheduler on standard error."""
    if not hidden:
        stderr_console().print(text, markup=False, highlight=False, soft_wrap=True)
