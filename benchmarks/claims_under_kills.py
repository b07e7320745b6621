"""Kill processes that share one list of cases, a thousand times, and count claims that were lost or doubled.

    python -m benchmarks.claims_under_kills --kills 1000

The claims, the taking over and the records of failures are those of `flare predict --share`; only the segmentation is
replaced by a wait and two small files. Processes are forked, so that a kill costs no import.

* lost: a case that in the end has neither result nor record of its failure, or a claim that stays behind.
* doubled: a case that two living processes worked on at a time, or that was done twice.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections import defaultdict
from itertools import pairwise
from pathlib import Path
from typing import Any

from flarecli.prediction.case import Case
from flarecli.prediction.case_result import CaseResult
from flarecli.prediction.output_options import OutputOptions
from flarecli.prediction.resume import CaseDiffersError
from flarecli.prediction.sharing.shared_cases import SharedCases
from flarecli.steps import Steps

_CASES = 60  # of a round


class _Judge:
    """Takes a case for done where its label map is there."""

    files: tuple[Path, ...] = ()

    def load(self, steps: Steps) -> Any:
        return None

    def completed(self, case: Case, extras: OutputOptions, *, contents: bool = True) -> dict[str, Any]:
        if not case.labels.exists():
            raise CaseDiffersError("no label map")
        return {}


def _work(cases: list[Case], journal: Path, seconds: float) -> None:
    """Drain the list as one of several processes."""
    log = os.open(journal, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def note(event: str, case: Case) -> None:
        entry = {"event": event, "case": case.name, "process": os.getpid(), "at": time.monotonic()}
        os.write(log, json.dumps(entry).encode() + b"\n")

    with SharedCases(_Judge(), cases, OutputOptions(), wait_s=0.01) as shared:
        while (case := shared.next_case(idle=True)) is not None:
            if case.problem is not None:
                shared.ended(CaseResult(case, "failed", error=case.problem))
                continue
            note("begun", case)
            time.sleep(random.uniform(0, 2 * seconds))
            for path in (case.record, case.labels):
                temporary = path.with_name(f"{path.name}.{os.getpid()}")
                temporary.write_text("{}")
                temporary.rename(path)
            note("done", case)
            shared.ended(CaseResult(case, "done"))


def _fork(cases: list[Case], journal: Path, seconds: float) -> int:
    process = os.fork()
    if process:
        return process
    random.seed(os.getpid())
    code = 1
    try:
        _work(cases, journal, seconds)
        code = 0
    finally:
        os._exit(code)


def main() -> None:
    """Run it, and print one line of JSON; the exit code is 1 where a claim was lost or doubled."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--processes", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=0.01, help="what a case takes on average")
    parser.add_argument("--between", type=float, default=0.1, help="seconds between two kills on average")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    draw = random.Random(options.seed)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as place:
        kills = rounds = cases_done = killed_cases = 0
        lost: list[str] = []
        doubled: list[str] = []
        while kills < options.kills:
            folder = Path(place, f"round{rounds}")
            folder.mkdir()
            cases = [
                Case(f"c{number}", folder / f"c{number}.in", folder / f"c{number}.nii.gz") for number in range(_CASES)
            ]
            for case in cases:
                case.scan.touch()
            journal = folder / "journal"
            died_at: dict[int, float] = {}
            running = {_fork(cases, journal, options.seconds) for _ in range(options.processes)}
            while running:
                time.sleep(draw.expovariate(1 / options.between))
                while running and (ended := os.waitpid(-1, os.WNOHANG)[0]):
                    running.discard(ended)
                if running and kills < options.kills:
                    victim = draw.choice(sorted(running))
                    died_at[victim] = time.monotonic()
                    os.kill(victim, signal.SIGKILL)
                    os.waitpid(victim, 0)
                    running.remove(victim)
                    kills += 1
                    running.add(_fork(cases, journal, options.seconds))
            _drain(cases, journal, options.seconds)
            lost += _lost(folder, cases)
            doubled += _doubled(journal, died_at)
            cases_done += sum(case.labels.exists() for case in cases)
            killed_cases += sum(case.failure.exists() for case in cases)
            rounds += 1
    result = {
        "kills": kills,
        "cases": rounds * _CASES,
        "done": cases_done,
        "recorded as killed": killed_cases,
        "lost": len(lost),
        "doubled": len(doubled),
        "seconds": round(time.monotonic() - began, 1),
    }
    print(json.dumps(result))
    for name in (*lost, *doubled):
        print(name, file=sys.stderr)
    sys.exit(bool(lost or doubled))


def _drain(cases: list[Case], journal: Path, seconds: float) -> None:
    """One last process, as a user starts it after all have ended."""
    os.waitpid(_fork(cases, journal, seconds), 0)


def _lost(folder: Path, cases: list[Case]) -> list[str]:
    without = [case.name for case in cases if not (case.record.exists() and case.labels.exists())]
    without = [name for name in without if not (folder / f"{name}.failed.json").exists()]
    return [*without, *(path.name for path in folder.glob(".flare-claim-*"))]


def _doubled(journal: Path, died_at: dict[int, float]) -> list[str]:
    begun: dict[str, list[dict[str, Any]]] = defaultdict(list)
    done: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for line in journal.read_text().splitlines():
        entry = json.loads(line)
        (begun if entry["event"] == "begun" else done)[entry["case"]].append(entry)
    found = [case for case, entries in done.items() if len(entries) > 1]
    for case, entries in begun.items():
        ends = {entry["process"]: entry["at"] for entry in done[case]}
        for earlier, later in pairwise(entries):
            ended = ends.get(earlier["process"], died_at.get(earlier["process"], float("inf")))
            if later["at"] < ended:
                found.append(case)
    return found


if __name__ == "__main__":
    main()
