"""Cases that several processes work through together, each case by one of them.

A process claims a case (`flarecli.files.claims`), works on it, writes its files and gives the claim back.
What has a record that agrees with what is asked is done, whoever did it; what has a record of its failure has failed. A
case whose process died is taken over by another one when nothing else is left for it to begin. It works on nothing else
at the same time: where it dies, too, this case was the reason. Then the case is recorded as failed.

What a host refuses (a full disk, too little memory for any scan) is not recorded, because other hosts may do the case;
after a few such cases in a row the process ends, so that one broken host does not work through the list in vain.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable
from dataclasses import replace
from types import TracebackType
from typing import Self

from flarecli.errors import FlareError, InputError, OutputError
from flarecli.files.claims import Claim, Claims
from flarecli.files.shared_work import MOST_DEATHS
from flarecli.prediction.case_result import CaseResult
from flarecli.prediction.cases import Case
from flarecli.prediction.failures import is_out_of_memory
from flarecli.prediction.output_options import OutputOptions
from flarecli.prediction.outputs import check_outputs
from flarecli.prediction.predictor_facts import JudgesCases
from flarecli.prediction.resume import CaseDiffersError
from flarecli.prediction.sharing.failed_cases import read_failure, write_failure
from flarecli.steps import Steps

_WAIT_S = 1.0
_MOST_REFUSALS = 3
"""A process to which its host refused so many cases in a row ends."""


class SharedCases:
    """A source of cases (`flarecli.prediction.sharing.case_sources.CaseSource`) that several processes share.

    Args:
        predictor: What makes the label maps, or its facts.
        cases: The list.
        extras: Additional outputs.
        verify: Whether what is done already is compared by checksums.
        claims: The claims of this process.
        wait_s: How long to wait between looks at the last cases, which other processes hold.
    """

    def __init__(
        self,
        predictor: JudgesCases,
        cases: Iterable[Case],
        extras: OutputOptions,
        *,
        verify: bool = False,
        claims: Claims | None = None,
        wait_s: float = _WAIT_S,
    ) -> None:
        self._predictor, self._extras, self._verify = predictor, extras, verify
        self._left = iter(cases)
        self._claims = claims or Claims()
        self._wait_s = wait_s
        self._mine: dict[Case, Claim] = {}
        self._waiting: deque[Case] = deque()  # held by others, dead or alive
        self._is_alone = False
        self._has_done_one = False
        self._refusals = 0
        self._refusal: FlareError | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._claims.__exit__(kind, error, trace)

    def next_case(self, *, idle: bool) -> Case | None:
        """The next case that is to be done and that no other process works on.

        With nothing else to do, it waits until the cases that others hold are done, or those processes have died.

        Raises:
            FlareError: when this host has refused several cases in a row.
        """
        if self._refusal is not None and self._refusals >= _MOST_REFUSALS:
            raise self._refusal
        if self._is_alone and not idle:
            return None
        self._is_alone = False
        for case in self._left:
            taken = self._take(case, over=False)
            if taken is not None:
                return taken
        return self._next_of_others() if idle else None

    def ended(self, outcome: CaseResult) -> None:
        """Record a failure that is the scan's, and give the case back."""
        claim = self._mine.pop(outcome.case, None)
        if claim is None:
            return
        error = outcome.error
        if error is None:
            self._refusals, self._has_done_one = 0, True
        elif self._is_refusal(outcome.case, error):
            self._refused(error)
        else:
            self._refusals = 0
            try:
                write_failure(outcome.case, error, anonymous=self._extras.anonymous)
            except OutputError as refusal:
                self._refused(refusal)
        self._claims.release(claim)

    def _is_refusal(self, case: Case, error: FlareError) -> bool:
        """Whether a case failed because of this host."""
        if isinstance(error, OutputError):
            return case.problem is None  # else known before the work: a file of somebody else, for example
        return is_out_of_memory(error) and not self._has_done_one

    def _refused(self, error: FlareError) -> None:
        self._refusal = error
        self._refusals += 1

    def _next_of_others(self) -> Case | None:
        while self._waiting:
            for _ in range(len(self._waiting)):
                taken = self._take(self._waiting.popleft(), over=True)
                if taken is not None:
                    self._is_alone = True
                    return taken
            if self._waiting:
                time.sleep(self._wait_s)
        return None

    def _take(self, case: Case, *, over: bool) -> Case | None:
        """The case with what is known of it, where it is for this process to do or to report; else None."""
        if self._is_done(case):
            self._claims.clear(case.labels)
            return None
        failure = read_failure(case)
        if failure is not None:
            self._claims.clear(case.labels)
            return replace(case, problem=failure)
        try:
            claim = self._claims.take(case.labels, over=over)
        except FlareError as error:
            self._refused(error)
            return replace(case, problem=error)
        if claim is None:
            self._waiting.append(case)
            return None
        failure = read_failure(case)
        if failure is not None or self._is_done(case):  # by the process that held it until now
            self._claims.release(claim)
            return None if failure is None else replace(case, problem=failure)
        case = replace(case, problem=case.problem or self._problem(case, claim))
        self._mine[case] = claim
        return case

    def _problem(self, case: Case, claim: Claim) -> FlareError | None:
        if claim.turn > MOST_DEATHS:
            return InputError(
                "killed every process that worked on it",
                path=case.scan,
                seen=f"{claim.turn - 1} processes died, the last one worked on nothing else",
                expected="a scan that can be segmented with the memory of the machine",
                remedy=f"Use a machine with more memory; remove {case.failure.name} to have the scan tried again.",
            )
        try:
            check_outputs([case], self._extras, "resume", inputs=self._predictor.files)
        except FlareError as error:
            return error
        return None

    def _is_done(self, case: Case) -> bool:
        if not case.record.exists():
            return False
        self._predictor.load(Steps())
        try:
            self._predictor.completed(case, self._extras, contents=self._verify)
        except (CaseDiffersError, InputError):  # of a scan that cannot be read, the work says so
            return False
        return True
