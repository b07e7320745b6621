"""The options of verbs whose work can be done by the workers of a scheduler."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flarecli.cli.output import stderr_console
from flarecli.errors import UsageError

if TYPE_CHECKING:
    from flarecli.cluster.schedulers import Scheduler
    from flarecli.processes.workers import Pool

SCHEDULER_METAVAR = "tcp://HOST:PORT|slurm|local:N"

SchedulerOption = Annotated[
    str | None,
    typer.Option(
        "--scheduler",
        metavar=SCHEDULER_METAVAR,
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


def check_no_addresses(paths: Iterable[Path | None]) -> None:
    """Refuse addresses of servers: their files are brought to this process only.

    Raises:
        UsageError: then.
    """
    from flarecli.addresses import is_staged

    found = next((path for path in paths if path is not None and is_staged(path)), None)
    if found is not None:
        raise UsageError(
            "addresses of servers are for one process that does the work itself",
            path=found,
            seen="--scheduler and an address",
            expected="paths of files",
            remedy="Mount the bucket, or give each process a part of the scans: --part 1/4 to --part 4/4.",
        )


def absolute(path: Path | None) -> Path | None:
    """A path that does not depend on the working folder."""
    return None if path is None else path.absolute()


@contextmanager
def worker_pool(scheduler: Scheduler | None, paths: Iterable[Path | None]) -> Iterator[Pool | None]:
    """The workers of a scheduler for the body; None where none is asked for.

    Raises:
        InstallationError: as `flarecli.cluster.schedulers.connected` and `ClusterPool` do.
        UsageError: when a path is an address of a server.
    """
    if scheduler is None:
        yield None
        return
    from flarecli.cluster.pool import ClusterPool
    from flarecli.cluster.schedulers import connected

    check_no_addresses(paths)
    with connected(scheduler, 1) as client:
        yield ClusterPool(client)


def tell_of_scheduler(text: str, *, hidden: bool) -> None:
    """Print a line about the scheduler on standard error."""
    if not hidden:
        stderr_console().print(text, markup=False, highlight=False, soft_wrap=True)
