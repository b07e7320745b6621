"""The side of the parent: a process that predicts, is ended where a case takes too long, and is replaced when it dies.

A case during which the process dies is tried once more, alone; where the process dies again, it was
this case that killed it. So one scan never ends a run, and fails no other scan.
"""

from __future__ import annotations

import contextlib
import gc
import tempfile
import threading
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from flarecli.engine import Runtime
from flarecli.errors import FlareError, InputError, InstallationError
from flarecli.files.shared_work import MOST_DEATHS
from flarecli.files.unfinished import discard_of
from flarecli.prediction.anonymity import shown_error
from flarecli.prediction.case_result import CaseResult
from flarecli.prediction.cases import Case
from flarecli.prediction.output_options import OutputOptions
from flarecli.prediction.predictor_facts import PredictorFacts
from flarecli.prediction.result_files import result_files
from flarecli.prediction.sharing.case_sources import CaseSource
from flarecli.prediction.supervised.request import PredictionRequest
from flarecli.prediction.supervised.serving import Told, serve
from flarecli.processes.child import Child, ChildEnded, stop_children
from flarecli.steps import Steps

_MOST_IDLE_DEATHS = 3
"""A process that ends so often in a row without having a case is not started again."""

_IDLE_S = 2.0


class PredictionProcess:
    """A process that predicts for this one; ends with the `with` block.

    Args:
        request: How.
        timeout_s: How long a case may take from the beginning of its reading until its files are there, without the
            loading of networks; None without a limit.
    """

    def __init__(self, request: PredictionRequest, timeout_s: float | None = None) -> None:
        self._request, self._timeout_s = request, timeout_s
        self._child: Child | None = None
        self._facts: PredictorFacts | None = None
        self._is_closed = False

    def __enter__(self) -> PredictionProcess:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start the process where it does not run, without waiting for its networks.

        Raises:
            InstallationError: when the system starts no more processes, or after `close`.
        """
        if self._is_closed:
            raise InstallationError("the run is ending", remedy="Run the command again with --resume.")
        if self._child is None:
            self._child = Child(partial(serve, self._request))
            self._facts = None

    def stop(self) -> None:
        """End the process: what it is writing is removed."""
        child, self._child = self._child, None
        if child is not None:
            stop_children([child])

    def close(self) -> None:
        """End the process for good, from whatever thread: none takes its place."""
        self._is_closed = True
        self.stop()

    @property
    def facts(self) -> PredictorFacts:
        """What predicts; waits until it is loaded.

        Raises:
            UsageError, InputError, InstallationError: as `Predictor` and `Predictor.load` do. InstallationError, too,
                when the process is killed.
        """
        self.start()
        if self._facts is None and self._child is not None:
            try:
                kind, value = self._child.receive()
            except ChildEnded as ended:
                self.stop()
                raise _ended_too_early(ended) from None
            if kind is not Told.READY:
                self.stop()
                raise value
            self._facts = value
        assert self._facts is not None
        return self._facts

    @property
    def files(self) -> tuple[Path, ...]:
        """The weights files and their cards; waits as `facts`."""
        return self.facts.files

    def load(self, steps: Steps) -> Runtime:
        """What computes the networks; waits as `facts`."""
        with steps("load"):
            return self.facts.runtime

    def completed(self, case: Case, extras: OutputOptions, *, contents: bool = True) -> dict[str, Any]:
        """As `PredictorFacts.completed`."""
        return self.facts.completed(case, extras, contents=contents)

    def outcomes(
        self,
        cases: CaseSource,
        *,
        on_start: Callable[[Case], None] | None = None,
        on_step: Callable[[str], None] | None = None,
    ) -> Generator[CaseResult, None, None]:
        """Work through cases.

        Args:
            cases: Where they come from; asked in this process.
            on_start: Called as the work on a case begins.
            on_step: Called as each step begins.

        Yields:
            The outcome of each case as it ends.

        Raises:
            As `facts`.
        """
        run = _Run(self._request, self._timeout_s, cases, on_start, on_step)
        idle_deaths = 0
        with cases:
            while True:
                self.facts  # noqa: B018 - waits, and raises where networks cannot be loaded
                child = self._child
                assert child is not None
                try:
                    yield from run.of(child)
                    return
                except ChildEnded as ended:
                    self.stop()
                    idle_deaths = 0 if run.had_cases else idle_deaths + 1
                    if idle_deaths == _MOST_IDLE_DEATHS:
                        raise _ended_too_early(ended) from None
                    yield from run.after(child.pid, ended)


class _Run:
    """One run through the cases of a source, over several processes where some die."""

    def __init__(
        self,
        request: PredictionRequest,
        timeout_s: float | None,
        cases: CaseSource,
        on_start: Callable[[Case], None] | None,
        on_step: Callable[[str], None] | None,
    ) -> None:
        self._request, self._timeout_s, self._cases = request, timeout_s, cases
        self._on_start, self._on_step = on_start, on_step
        self._held: dict[Path, Case] = {}  # by label map: given to the process, not ended
        self._again: deque[Case] = deque()
        self._deaths: Counter[Path] = Counter()
        self._is_alone = False
        self.had_cases = False

    def of(self, child: Child) -> Iterator[CaseResult]:
        """What one process does, until no case is left."""
        self._is_alone = self.had_cases = False
        self._clock = _Clock(child, self._timeout_s)
        try:
            child.send(None)
            while True:
                while not child.has_message(_IDLE_S):
                    gc.collect()  # frees an interruption that some code discarded, so that it is raised once more
                kind, value = child.receive()
                if kind is Told.WANTED:
                    case = self._next(idle=value)
                    if case is not None:
                        self._held[case.labels] = case
                        self.had_cases = True
                    child.send(case)
                elif kind is Told.BEGUN:
                    self._clock.start(value.labels)
                    if self._on_start is not None:
                        self._on_start(value)
                elif kind is Told.STEP and self._on_step is not None:
                    self._on_step(value)
                elif kind is Told.ENDED:
                    self._clock.stop(value.case.labels)
                    self._held.pop(value.case.labels, None)
                    self._cases.ended(value)
                    yield value
                elif kind is Told.FINISHED:
                    return
        finally:
            self._clock.stop_all()

    def after(self, process: int, ended: ChildEnded) -> Iterator[CaseResult]:
        """What follows from the end of a process: of a case that took too long, or of one that killed it."""
        held, self._held = self._held, {}
        for case in held.values():
            self._discard_unfinished(case, process)
        late = self._clock.expired
        for labels, case in held.items():
            error: FlareError | None = None
            if labels == late:
                error = _took_too_long(case, self._timeout_s or 0.0)
            elif late is None:
                self._deaths[labels] += 1
                if self._deaths[labels] >= MOST_DEATHS and len(held) == 1:
                    error = _killed(case, ended)
            if error is None:
                self._again.append(case)
                continue
            error = shown_error(error, anonymous=self._request.extras.anonymous)
            outcome = CaseResult(case, "failed", error=error)
            self._cases.ended(outcome)
            yield outcome

    def _next(self, *, idle: bool) -> Case | None:
        if not idle and (self._is_alone or self._again):
            return None
        if self._again:
            case = self._again.popleft()
            self._is_alone = self._deaths[case.labels] > 0
            return case
        self._is_alone = False
        return self._cases.next_case(idle=idle)

    def _discard_unfinished(self, case: Case, process: int) -> None:
        folders = {case.labels.parent, *(file.path.parent for file in result_files(case, self._request.extras))}
        start = self._request.folder or Path()
        for folder in (*(start / folder for folder in folders), Path(tempfile.gettempdir())):  # there: of archives
            discard_of(folder, process)


class _Clock:
    """Kills a process when a case has taken too long.

    Attributes:
        expired: Label map of the case that did; None where none has.
    """

    def __init__(self, child: Child, timeout_s: float | None) -> None:
        self._child, self._timeout_s = child, timeout_s
        self._timers: dict[Path, threading.Timer] = {}
        self.expired: Path | None = None

    def start(self, labels: Path) -> None:
        if self._timeout_s is None:
            return
        timer = threading.Timer(self._timeout_s, self._expire, (labels,))
        timer.daemon = True
        self._timers[labels] = timer
        timer.start()

    def stop(self, labels: Path) -> None:
        if (timer := self._timers.pop(labels, None)) is not None:
            timer.cancel()

    def stop_all(self) -> None:
        for labels in list(self._timers):
            self.stop(labels)

    def _expire(self, labels: Path) -> None:
        if self.expired is None:
            self.expired = labels
            with contextlib.suppress(OSError, ValueError):
                self._child.kill()


def _took_too_long(case: Case, timeout_s: float) -> InputError:
    return InputError(
        "took longer than the time allowed, and was ended",
        path=case.scan,
        seen=f"more than {timeout_s:g} s",
        expected=f"--timeout {timeout_s:g}",
        remedy="Give it more time, or segment a part of the scan with --roi.",
    )


def _killed(case: Case, ended: ChildEnded) -> InputError:
    return InputError(
        "killed every process that worked on it",
        path=case.scan,
        seen=f"{MOST_DEATHS} processes died, the last one worked on nothing else: {ended}",
        expected="a scan that can be segmented with the memory of the machine",
        remedy="Use a machine with more memory, or segment a part of the scan with --roi.",
    )


def _ended_too_early(ended: ChildEnded) -> InstallationError:
    return InstallationError(
        "the process that segments was killed before it had a scan",
        seen=ended,
        expected="a process that loads the networks",
        remedy="Most likely the memory ran out: use fewer processes, or a machine with more memory.",
    )
