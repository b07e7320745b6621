"""The predicting process: it asks its parent for one case after the other, and reports how each ends."""

from __future__ import annotations

import threading
from enum import StrEnum
from types import TracebackType
from typing import Any, Self

from flarecli.prediction.batch import predict_from
from flarecli.prediction.case_result import CaseResult
from flarecli.prediction.cases import Case
from flarecli.prediction.failures import error_of_engine
from flarecli.prediction.supervised.request import PredictionRequest
from flarecli.processes.child import Receive, Send
from flarecli.processes.working_folder import enter_folder
from flarecli.steps import Steps


class Told(StrEnum):
    """Kinds of messages; each comes with a value."""

    READY = "ready"
    """Networks are loaded: the `PredictorFacts`."""
    USELESS = "useless"
    """They cannot be: the error."""
    WANTED = "wanted"
    """The next case is asked for: whether there is nothing else to do."""
    BEGUN = "begun"
    """The work on a case begins: the case."""
    STEP = "step"
    """A step of it begins: its name."""
    ENDED = "ended"
    """A case has ended: the `CaseResult`."""
    FINISHED = "finished"
    """No case is left: nothing."""


def serve(request: PredictionRequest, receive: Receive, send: Send) -> None:
    """Load the networks, then work through cases whenever the parent says so."""
    sending = threading.Lock()

    def tell(kind: Told, value: Any = None) -> None:
        with sending:
            send((kind, value))

    try:
        if request.folder is not None:
            enter_folder(request.folder)
        predictor = request.predictor()
        predictor.load(Steps())
    except Exception as error:
        tell(Told.USELESS, error_of_engine(error))
        return
    tell(Told.READY, predictor.facts)
    while True:
        receive()
        told: set[str] = set()

        def end(outcome: CaseResult, told: set[str] = told) -> None:
            told.add(str(outcome.case.labels))
            tell(Told.ENDED, outcome)

        outcomes = predict_from(
            predictor,
            _AskedCases(receive, tell),
            request.extras,
            request.existing,
            on_start=lambda case: tell(Told.BEGUN, case),
            on_step=lambda step: tell(Told.STEP, step),
            on_written=end,
        )
        for outcome in outcomes:
            if str(outcome.case.labels) in told:
                told.discard(str(outcome.case.labels))
            else:
                tell(Told.ENDED, outcome)
        tell(Told.FINISHED)


class _AskedCases:
    """A source of cases that asks the parent for each."""

    def __init__(self, receive: Receive, tell: Any) -> None:
        self._receive, self._tell = receive, tell

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def next_case(self, *, idle: bool) -> Case | None:
        self._tell(Told.WANTED, idle)
        case: Case | None = self._receive()
        return case

    def ended(self, outcome: CaseResult) -> None:
        """Nothing is to be done: the parent is notified by a message of its own."""
