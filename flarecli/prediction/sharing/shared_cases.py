"""Cases that several processes work through together, each case by one of them.

A process claims a case (`flarecli.files.claims`), works on it, writes its files and gives the claim back.
What has a record that agrees with what is asked is done, whoever did it; what has a record of its failure has failed. A
case whose process died is taken over by another one when nothing else is left for it to begin. It works on nothing else
at the same time: where it dies, too, this case was the reason. Then the case is recorded as failed.

What a host refuses (a full disk, too little memory, a scan that it does not show) is not recorded, because other hosts
may do the case, or this one later; see `flarecli.errors.Blame`. Each process comes to a case once, so that one that no
host can do is tried by each process once. After a few cases in a row at which the host failed in the midst of the work,
the process ends, so that one broken host does not work through the list in vain; a host that has done a case is not
taken for broken where memory ends at others. Scans that it does not show or cannot hold cost no work, and end nothing:
behind them others may follow. What this host lacks altogether, such as a package, ends the process at once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Self

from flarecli.errors import Blame, FlareError, InputError, InstallationError, OutputError
from flarecli.files.claims import Claim, Claims
from flarecli.files.shared_work import MOST_DEATHS, SharedQueue
from flarecli.files.sources import exists
from flarecli.prediction.case_result import CaseResult
from flarecli.prediction.cases import Case
from flarecli.prediction.failures import error_of_scan
from flarecli.prediction.output_options import OutputOptions
from flarecli.prediction.outputs import check_outputs
from flarecli.prediction.predictor_facts import JudgesCases
from flarecli.prediction.resume import CaseDiffersError
from flarecli.prediction.sharing.failed_cases import read_failure, write_failure
from flarecli.steps import Steps

_WAIT_S = 1.0
_MOST_REFUSALS = 3
"""A process to which its host refused so many cases in a row ends."""


@dataclass(frozen=True)
class _Settled:
    """A case that is done, or has failed.

    Attributes:
        failure: Why it failed.
    """

    failure: FlareError | None = None


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
        self._queue: SharedQueue[Case, _Settled] = SharedQueue(
            cases, lambda case: case.labels, self._settled, claims=claims, wait_s=wait_s
        )
        self._mine: dict[Path, Claim] = {}  # by label map: what another process returns is a copy of the case
        self._has_done_one = False
        self._refusals = 0
        self._refusal: FlareError | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._queue.__exit__(kind, error, trace)

    def next_case(self, *, idle: bool) -> Case | None:
        """The next case that is to be done, or has failed, and that no other process works on; see `SharedQueue.next`.

        Raises:
            FlareError: when this host has refused several cases in a row.
            InstallationError: when a case needs what is not installed here.
        """
        is_useless = self._refusals >= _MOST_REFUSALS or isinstance(self._refusal, InstallationError)
        if self._refusal is not None and is_useless:
            raise self._refusal
        while (taken := self._queue.next(idle=idle)) is not None:
            case = taken.item
            if taken.error is not None:
                self._refused(taken.error)
                return replace(case, problem=taken.error)
            if taken.claim is not None:
                case = replace(case, problem=case.problem or self._problem(case, taken.claim))
                self._mine[case.labels] = taken.claim
                return case
            if taken.result is not None and taken.result.failure is not None:
                return replace(case, problem=taken.result.failure)
        return None

    def ended(self, outcome: CaseResult) -> None:
        """Record a failure that is the scan's, and give the case back."""
        claim = self._mine.pop(outcome.case.labels, None)
        if claim is None:
            return
        error = outcome.error
        if error is None:
            self._refusals, self._has_done_one = 0, True
        elif self._is_recorded(outcome.case, error):
            self._refusals = 0
        elif self._is_in_vain(outcome.case, error):
            self._refused(error)
        self._queue.release(claim)

    def _is_recorded(self, case: Case, error: FlareError) -> bool:
        """Record a failure that the scan is the reason of; no where it is none, or nothing can be written."""
        if isinstance(error, OutputError) or error.blame is not Blame.INPUT:
            return False
        try:
            write_failure(case, error, anonymous=self._extras.anonymous)
        except OutputError as refusal:
            if refusal.blame is not Blame.INPUT:  # else the name is too long, or somebody else's: of this case alone
                self._refused(refusal)
            return False
        return True

    def _is_in_vain(self, case: Case, error: FlareError) -> bool:
        """Whether the host failed at a case in a way that it would fail at others, too."""
        if isinstance(error, OutputError):
            # Before the work, and where it is not the host's matter: a file of somebody else.
            return case.problem is None and error.blame is not Blame.INPUT
        if isinstance(error, InstallationError):
            return True
        return error.blame is Blame.HOST and not self._has_done_one

    def _refused(self, error: FlareError) -> None:
        self._refusal = error
        self._refusals += 1

    def _settled(self, case: Case) -> _Settled | None:
        if self._is_done(case):
            return _Settled()
        failure = read_failure(case)
        return None if failure is None else _Settled(failure)

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
        except (FlareError, OSError) as error:
            return error_of_scan(error, case.scan)
        return None

    def _is_done(self, case: Case) -> bool:
        if not exists(case.record):
            return False
        self._predictor.load(Steps())
        try:
            self._predictor.completed(case, self._extras, contents=self._verify)
        except (CaseDiffersError, InputError):  # of a scan that cannot be read, the work says so
            return False
        return True
