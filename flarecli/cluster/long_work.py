"""Long work over a scheduler: each worker does one at a time, reports progress, and can be stopped."""

from __future__ import annotations

import contextlib
import secrets
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flarecli import __version__
from flarecli.cluster.bounded import gone, result_of
from flarecli.cluster.packages import distributed
from flarecli.cluster.pool import check_versions
from flarecli.cluster.waiting import wait_for_workers
from flarecli.errors import InstallationError
from flarecli.processes.child import as_message
from flarecli.processes.stoppable import Work

if TYPE_CHECKING:
    from flarecli.cluster.long_work_worker import WorkEnded

MOST_DEATHS = 2
"""Work whose processes died so often in a row without progress is given up."""

_LOOK_S = 1.0


@dataclass
class _Attempt:
    address: str
    future: Any
    told: Any = None


def ended_work(
    client: Any,
    works: Mapping[str, Work],
    folder: Path,
    *,
    should_stop: Callable[[], bool] = lambda: False,
    on_told: Callable[[str, Any], None] = lambda name, told: None,
    on_again: Callable[[str, str], None] = lambda name, why: None,
    reached: Callable[[Any], float] = lambda told: 0.0,
) -> Iterator[tuple[str, Any]]:
    """Run long work, each item in a process of one worker.

    Work whose process or worker dies is restarted on any free worker; it may die any number of times as long as it
    resumes from its files and makes progress each time.

    Args:
        client: Client of the scheduler, whose workers see the same files under the same paths.
        works: What to do, by name.
        folder: Where relative paths start.
        should_stop: Whether to stop gracefully; called once a second.
        on_told: Called with the name of work and what it told.
        on_again: Called with the name of work that is restarted, and why.
        reached: Progress of work, from what it told.

    Yields:
        Names with what the work returned, or the error that it raised. Where it was stopped, None.

    Raises:
        InstallationError: when workers have another version of flare, or the scheduler goes away.
    """
    from flarecli.cluster.long_work_worker import LongWorkPlugin

    name = f"flare-work-{secrets.token_hex(8)}"
    if not wait_for_workers(client, should_stop):
        return
    check_versions(client)
    run = _Run(client, name, works, reached, on_again)
    try:
        run.register(LongWorkPlugin(name, folder, __version__))
        while not run.is_done:
            workers = run.look(stops=should_stop(), on_told=on_told)
            yield from run.ended(workers)
            run.begin(workers)
            time.sleep(_LOOK_S)
    finally:
        with contextlib.suppress(Exception):  # where the scheduler is gone, so are its workers
            client.unregister_worker_plugin(name)


class _Run:
    def __init__(
        self,
        client: Any,
        name: str,
        works: Mapping[str, Work],
        reached: Callable[[Any], float],
        on_again: Callable[[str, str], None],
    ) -> None:
        self._client, self._name, self._works = client, name, works
        self._reached, self._on_again = reached, on_again
        self._left = deque(works)
        self._under_way: dict[str, _Attempt] = {}
        self._deaths: Counter[str] = Counter()
        self._furthest: dict[str, float] = {}
        self._numbers: Counter[str] = Counter()

    @property
    def is_done(self) -> bool:
        return not (self._left or self._under_way)

    def register(self, plugin: Any) -> None:
        """Prepare each worker, also those to come."""
        try:
            self._client.register_plugin(plugin)
        except (OSError, TimeoutError) as error:
            raise gone() from error

    def look(self, *, stops: bool, on_told: Callable[[str, Any], None]) -> list[str]:
        """Poll the progress of all workers; returns the workers that there are now."""
        from flarecli.cluster.long_work_worker import look

        if stops:
            self._left.clear()
        try:
            answers = self._client.run(look, self._name, stops=stops, on_error="return")
            workers = list(self._client.nthreads())
        except (OSError, TimeoutError, AttributeError, RuntimeError, distributed().CancelledError) as error:
            raise gone() from error
        for work, attempt in self._under_way.items():
            answer = answers.get(attempt.address)
            if isinstance(answer, tuple) and answer[1] is not None:
                attempt.told = answer[1]
                on_told(work, attempt.told)
        # One that does not answer, or joined just now, gets no new work yet.
        return [address for address in workers if isinstance(answers.get(address), tuple) and answers[address][0]]

    def begin(self, workers: list[str]) -> None:
        """Give work to workers that have none."""
        from flarecli.cluster.long_work_worker import do_work

        busy = {attempt.address for attempt in self._under_way.values()}
        for address in sorted(set(workers) - busy):
            if not self._left:
                return
            work = self._left.popleft()
            self._numbers[work] += 1
            key = f"{self._name}-{work}-{self._numbers[work]}"
            future = self._client.submit(
                do_work,
                self._works[work],
                self._name,
                key,
                key=key,
                pure=False,
                workers=[address],
                allow_other_workers=False,
            )
            self._under_way[work] = _Attempt(address, future)

    def ended(self, workers: list[str]) -> Iterator[tuple[str, Any]]:
        """What has ended since the last look."""
        dask = distributed()
        for work, attempt in list(self._under_way.items()):
            future = attempt.future
            if not future.done():
                if attempt.address not in workers and attempt.address not in self._present():
                    future.cancel()
                    yield from self._died(work, attempt, "its worker has gone")
                continue
            try:
                ended: WorkEnded = result_of(future)
            except dask.KilledWorker as error:
                yield from self._died(work, attempt, str(error))
                continue
            except InstallationError:  # the scheduler went away; what work raises is in `ended`
                raise
            except Exception as error:
                del self._under_way[work]
                yield work, as_message(error)
                continue
            attempt.told = ended.told if ended.told is not None else attempt.told
            if ended.died:
                yield from self._died(work, attempt, ended.died)
                continue
            del self._under_way[work]
            yield work, ended.result if ended.error is None else ended.error

    def _present(self) -> list[str]:
        try:
            return list(self._client.nthreads())
        except (OSError, TimeoutError, AttributeError, RuntimeError) as error:
            raise gone() from error

    def _died(self, work: str, attempt: _Attempt, why: str) -> Iterator[tuple[str, Any]]:
        del self._under_way[work]
        now = 0.0 if attempt.told is None else self._reached(attempt.told)
        is_further = now > self._furthest.get(work, 0.0)
        self._furthest[work] = max(now, self._furthest.get(work, 0.0))
        self._deaths[work] = 1 if is_further else self._deaths[work] + 1
        if self._deaths[work] < MOST_DEATHS:
            self._on_again(work, why)
            self._left.append(work)
            return
        yield (
            work,
            InstallationError(
                f"{work}: processes died repeatedly",
                seen=f"{MOST_DEATHS} in a row, without progress: {why}",
                expected="workers with enough memory for it",
                remedy="Give workers more memory, and run the same command again: it resumes.",
            ),
        )
