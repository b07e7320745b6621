"""A cache that several processes fill together: each case is checked and stored by one of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from flarecli import __version__
from flarecli.datasets.findings import Finding
from flarecli.datasets.pairs import LabelledPair
from flarecli.errors import InputError
from flarecli.files.atomic import write_json
from flarecli.files.refusals import name_that_fits
from flarecli.files.shared_work import SharedWork, shared_results
from flarecli.preprocessing.cache import case_folder
from flarecli.preprocessing.complete_cases import kept_by_content, kept_by_state
from flarecli.preprocessing.outcomes import CaseOutcome, PreprocessingStatus
from flarecli.preprocessing.sources import KeyFacts, SourceState
from flarecli.preprocessing.tasks import CheckedPair, CheckTask, WriteTask

FAULTY_FOLDER = "faulty"
_MOST_BYTES = 1 << 20


@dataclass(frozen=True)
class SharedCache:
    """The cases of a dataset that several processes store in one cache.

    What is faulty is recorded in `faulty/` of the cache, so that no other process checks it again; a record counts as
    long as its files and the settings are those that it was made from. Where this host is the reason (too little
    memory, a file that it does not show), nothing is recorded: other processes and later runs try the case again.

    Attributes:
        cache: Folder of the cache.
        check: Checks a pair.
        write: Stores a sound pair.
        facts: What decides about a cached case besides its files.
        begin_case: Called with a checked pair before it is stored; may refuse.
    """

    cache: Path
    check: CheckTask
    write: WriteTask
    facts: KeyFacts
    begin_case: Callable[[LabelledPair, CheckedPair], None]

    def outcomes(self, pairs: tuple[LabelledPair, ...]) -> Iterator[tuple[LabelledPair, CaseOutcome]]:
        """Each pair with its outcome, whichever process stored it.

        Raises:
            OutputError: when the cache cannot be written to.
        """
        work = SharedWork(self._place, self._found, self._stored, self._killed)
        return shared_results(pairs, work)

    def _place(self, pair: LabelledPair) -> Path:
        return case_folder(self.cache, pair.name)

    def _found(self, pair: LabelledPair) -> CaseOutcome | None:
        return kept_by_state(self.cache, pair, self.facts) or self._faulty_before(pair)

    def _stored(self, pair: LabelledPair) -> CaseOutcome:
        states = self._states(pair)
        checked = self.check(pair)
        report = checked.report
        if report.faults or checked.sources is None:
            return self._faulty(pair, states, report.findings, checked.seconds)
        if (kept := kept_by_content(self.cache, pair, checked.sources, self.facts)) is not None:
            return kept
        self.begin_case(pair, checked)
        fault, seconds = self.write((checked, self.facts.keys(*checked.sources)[0]))
        seconds += checked.seconds
        if fault is not None:
            return self._faulty(pair, states, (*report.findings, fault), seconds)
        return CaseOutcome(
            pair, PreprocessingStatus.WRITTEN, report.findings, report.figures, report.hu_counts, seconds
        )

    def _killed(self, pair: LabelledPair, deaths: int) -> CaseOutcome:
        error = InputError(
            "killed every process that worked on it",
            path=pair.scan,
            seen=f"{deaths} processes died",
            expected="a case that can be stored with the memory of the machine",
            remedy=f"Use a machine with more memory; remove {FAULTY_FOLDER}/{self._record(pair).name} of the cache to "
            "have the case tried again.",
        )
        return self._faulty(pair, self._states(pair), (Finding.of_error("files", error),), 0.0)

    def _faulty(
        self, pair: LabelledPair, states: list[Any] | None, findings: tuple[Finding, ...], seconds: float
    ) -> CaseOutcome:
        if not any(found.is_of_host for found in findings):
            facts = {"settings": self._settings, "sources": states, "findings": [found.as_dict() for found in findings]}
            write_json(self._record(pair), facts)
        return CaseOutcome(pair, PreprocessingStatus.FAULTY, findings, seconds=seconds)

    def _faulty_before(self, pair: LabelledPair) -> CaseOutcome | None:
        path = self._record(pair)
        try:
            if path.stat().st_size > _MOST_BYTES:
                return None
            record = json.loads(path.read_text(encoding="utf-8"))
            if (record["settings"], record["sources"]) != (self._settings, self._states(pair)):
                return None
            findings = tuple(Finding.from_dict(facts) for facts in record["findings"])
        except (OSError, ValueError, LookupError, TypeError, RecursionError):
            return None
        return CaseOutcome(pair, PreprocessingStatus.FAULTY, findings)

    def _record(self, pair: LabelledPair) -> Path:
        folder = self.cache / FAULTY_FOLDER
        return folder / name_that_fits(f"{case_folder(self.cache, pair.name).name}.json", folder)

    def _states(self, pair: LabelledPair) -> list[Any]:
        states: list[Any] = []
        for path in (pair.scan, pair.labels):
            try:
                states.append(None if path is None else asdict(SourceState.of(path)))
            except InputError:
                states.append("unreadable")
        return states

    @property
    def _settings(self) -> str:
        content = {
            "flare": __version__,
            "values": self.facts.values.as_dict(),
            "settings": self.facts.settings,
            "code": self.facts.code,
            "ignore_geometry": self.facts.ignore_geometry,
        }
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
