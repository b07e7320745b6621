"""Prediction over a scheduler: cases go to the workers, results are written by them, and only records come back."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Generator, Iterable
from pathlib import Path
from typing import Any

from flarecli.cluster.bounded import ended_tasks, gone, result_of
from flarecli.cluster.packages import distributed
from flarecli.cluster.waiting import wait_for_workers
from flarecli.cluster.worker_facts import WorkerFacts, check_same
from flarecli.errors import FlareError, InputError, InstallationError
from flarecli.files.unfinished import clear_abandoned
from flarecli.prediction.case import Case
from flarecli.prediction.case_result import CaseResult
from flarecli.prediction.supervised.request import PredictionRequest
from flarecli.weights.selection import weighted_system


def predict_on_cluster(
    client: Any, request: PredictionRequest, cases: Iterable[Case], *, timeout_s: float | None = None
) -> Generator[CaseResult, None, None]:
    """Segment scans on the workers of a scheduler, which see the same files as this process.

    A case whose worker dies goes to another one. Where workers die again (as often as the scheduler allows), the case
    is tried once more at the end, with no other case running; then it fails.

    Args:
        client: Client of the scheduler.
        request: How to segment; relative paths start at its folder.
        cases: The cases; outputs have been checked.
        timeout_s: How long a case may take.

    Yields:
        The outcome of each case, as they end. Closing the generator ends the processes on the workers. At the end,
        what workers that died on this host left unfinished is removed.

    Raises:
        InstallationError: when workers cannot predict, differ from each other, or the scheduler goes away.
        UsageError, InputError: what `Predictor` raises on a worker.
    """
    from flarecli.cluster.prediction_worker import PredictionPlugin, predict_case

    dask = distributed()
    name = f"flare-predict-{secrets.token_hex(8)}"
    wait_for_workers(client)
    _register(client, PredictionPlugin(request, timeout_s, name))
    folders: set[Path] = set()
    try:
        expected = _facts_of_workers(client, name, request)
        suspects: list[Case] = []
        for case, future in ended_tasks(client, predict_case, cases, name, expected, name="flare-predict"):
            folders.add(case.labels.parent)
            try:
                yield result_of(future)
            except dask.KilledWorker:
                suspects.append(case)
        for case, future in ended_tasks(client, predict_case, suspects, name, expected, name="flare-predict", most=1):
            try:
                yield result_of(future)
            except dask.KilledWorker as error:
                yield CaseResult(case, "failed", error=_killed(case, error))
    finally:
        with contextlib.suppress(Exception):  # where the scheduler is gone, so are its workers
            client.unregister_worker_plugin(name)
        for folder in folders:
            clear_abandoned(folder, again=True)


def _register(client: Any, plugin: Any) -> None:
    """Start a process with the networks on each worker, also on those to come."""
    try:
        answers = client.register_plugin(plugin)
    except (OSError, TimeoutError) as error:
        raise gone() from error
    except FlareError:
        raise
    except Exception as error:  # what a worker raised while it unpickled or set up the plugin
        raise _useless(error) from error
    for answer in (answers or {}).values():
        if isinstance(answer, dict) and answer.get("status") == "error":
            cause = answer.get("exception")
            raise cause if isinstance(cause, FlareError) else _useless(cause)


def _useless(error: object) -> InstallationError:
    return InstallationError(
        "a worker cannot run flare",
        seen=f"{type(error).__name__}: {error}",
        expected="workers with the same versions of Python, Dask and flare as here",
        remedy="Start the workers from the same environment: pip install 'flarecli[cluster]' on every host.",
    )


def _facts_of_workers(client: Any, name: str, request: PredictionRequest) -> WorkerFacts:
    from flarecli.cluster.prediction_worker import tell_facts

    try:
        answers = client.run(tell_facts, name)
    except (OSError, TimeoutError) as error:
        raise gone() from error
    facts = {}
    for address, told in answers.items():
        if told.error is not None:
            raise told.error
        facts[address] = told.facts
    return check_same(facts, weighted_system(request.system, request.weights).cards)


def _killed(case: Case, error: BaseException) -> InputError:
    return InputError(
        "killed every worker that had it",
        path=case.scan,
        seen=error,
        expected="a scan that can be segmented with the memory of the workers",
        remedy="Give workers more memory, or segment a part of the scan with --roi.",
    )
