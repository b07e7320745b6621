"""Schedulers: one that runs already, one of this machine, or one whose workers are jobs of SLURM."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from flarecli.cluster import interrupts
from flarecli.cluster.packages import dask_jobqueue, distributed
from flarecli.errors import InstallationError, UsageError
from flarecli.hardware.processors import available_processors

_LOCAL = re.compile(r"local:([1-9][0-9]{0,3})")
_ADDRESS = re.compile(r"(tcp|tls)://[^\s/]+:[0-9]{1,5}")
_CONNECT_S = 20
_MOST_DEATHS = 2
_THREADS_OF_A_JOB = 4
_MEMORY_OF_A_JOB = "8 GB"


@dataclass(frozen=True)
class Scheduler:
    """Which scheduler.

    Attributes:
        kind: "address", "local" or "slurm".
        address: Of one that runs already.
        workers: Number of workers that are started; 0 for one that runs already.
    """

    kind: str
    address: str = ""
    workers: int = 0

    def threads(self, asked: int | None) -> int | None:
        """Threads of each worker's networks: those asked for, else a share of this machine or a job's processors."""
        if asked is not None:
            return asked
        if self.kind == "local":
            return max(1, available_processors() // self.workers)
        return _configured("cores") or _THREADS_OF_A_JOB if self.kind == "slurm" else None


def parsed_scheduler(text: str, workers: int | None) -> Scheduler:
    """The scheduler that `tcp://host:8786`, `local:4` or `slurm` means.

    Args:
        text: The value of --scheduler.
        workers: The value of --workers: the number of jobs, with "slurm" only.

    Raises:
        UsageError: when it means none.
    """
    local, needs_workers = _LOCAL.fullmatch(text), text == "slurm"
    if not (local or needs_workers or _ADDRESS.fullmatch(text)):
        raise UsageError(
            "there is no such scheduler",
            seen=repr(text),
            expected="tcp://host:8786, local:N or slurm",
            remedy="Give one of these.",
        )
    if needs_workers != (workers is not None):
        raise UsageError(
            "--scheduler slurm and --workers go together",
            seen=f"--scheduler {text}" + ("" if workers is None else f" --workers {workers}"),
            remedy="Give the number of jobs: --scheduler slurm --workers 20."
            if needs_workers
            else "Leave --workers out: local:N gives the number, and a scheduler that runs has its own.",
        )
    if local:
        return Scheduler("local", workers=int(local[1]))
    return Scheduler("slurm", workers=workers or 0) if needs_workers else Scheduler("address", text)


@contextmanager
def connected(scheduler: Scheduler, threads: int | None) -> Iterator[Any]:
    """A client (`distributed.Client`) of a scheduler; what was started for it ends with the block.

    Args:
        scheduler: Which one.
        threads: Threads of each worker's networks, for jobs of SLURM.

    Raises:
        InstallationError: when Dask is not installed, the scheduler does not answer, or jobs cannot be submitted.
    """
    dask = distributed()
    with ExitStack() as stack:
        if scheduler.kind == "address":
            target: Any = scheduler.address
        else:
            import dask.config as settings

            stack.enter_context(settings.set({"distributed.scheduler.allowed-failures": _MOST_DEATHS - 1}))
            start = _local if scheduler.kind == "local" else _slurm
            target = stack.enter_context(start(dask, scheduler.workers, threads))
        try:
            client = dask.Client(target, timeout=_CONNECT_S, set_as_default=False)
        except (OSError, ValueError) as error:
            raise InstallationError(
                "the scheduler does not answer",
                seen=str(error) or type(error).__name__,
                expected=f"a scheduler of Dask at {scheduler.address}",
                remedy="Start one with `dask scheduler`, and workers with `dask worker ADDRESS --nthreads 1`.",
            ) from error
        try:
            yield client
        finally:
            client.close(timeout=5)


def _local(dask: Any, workers: int, threads: int | None) -> Any:
    return dask.LocalCluster(
        n_workers=workers,
        threads_per_worker=1,
        processes=True,
        host="127.0.0.1",
        dashboard_address="127.0.0.1:0",
        memory_limit=0,  # of the worker, which segments in a process of its own
        silence_logs=50,
        preload=[interrupts.__name__],
    )


@contextmanager
def _slurm(dask: Any, workers: int, threads: int | None) -> Iterator[Any]:
    jobqueue = dask_jobqueue()
    try:
        cluster = jobqueue.SLURMCluster(
            cores=1,
            processes=1,
            job_cpu=threads or _THREADS_OF_A_JOB,
            memory=_configured("memory") or _MEMORY_OF_A_JOB,
            python=sys.executable,
            silence_logs=50,
        )
        cluster.scale(jobs=workers)
    except (OSError, ValueError, RuntimeError) as error:
        raise InstallationError(
            "jobs of SLURM cannot be submitted",
            seen=str(error) or type(error).__name__,
            expected="a host where sbatch works",
            remedy="Queue, account and time limit of jobs are set in ~/.config/dask/jobqueue.yaml.",
        ) from error
    with cluster:
        yield cluster


def _configured(key: str) -> Any:
    """What the configuration of jobs says; None where it says nothing."""
    import dask.config as settings

    dask_jobqueue()
    return settings.get(f"jobqueue.slurm.{key}", None)
