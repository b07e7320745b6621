"""What a process that shares its cases with others does about failures."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flarecli.errors import FlareError, InputError, OutputError
from flarecli.prediction.case import Case
from flarecli.prediction.case_result import CaseResult
from flarecli.prediction.failures import error_of_scan
from flarecli.prediction.output_options import OutputOptions
from flarecli.prediction.sharing.failed_cases import read_failure, write_failure
from flarecli.prediction.sharing.shared_cases import SharedCases


class Judge:
    """Knows no finished case."""

    files: tuple[Path, ...] = ()

    def load(self, steps: object) -> Any:
        raise AssertionError

    def completed(self, case: Case, extras: OutputOptions, *, contents: bool = True) -> Any:
        raise AssertionError


@pytest.fixture
def cases(tmp_path: Path) -> list[Case]:
    scans = [tmp_path / f"{number}.nii.gz" for number in range(9)]
    for scan in scans:
        scan.touch()
    return [Case(scan.name, scan, tmp_path / "out" / scan.name) for scan in scans]


@pytest.fixture
def shared(cases: list[Case]) -> Iterator[SharedCases]:
    with SharedCases(Judge(), cases, OutputOptions(), wait_s=0.01) as source:
        yield source


def end_next(shared: SharedCases, error: FlareError | None) -> Case:
    case = shared.next_case(idle=True)
    assert case is not None
    shared.ended(CaseResult(case, "done" if error is None else "failed", error=error))
    return case


def out_of_memory(case: Case) -> FlareError:
    return error_of_scan(MemoryError("8 GB"), case.scan)


def test_a_host_without_memory_records_nothing_and_ends(shared: SharedCases, cases: list[Case]) -> None:
    failed = [end_next(shared, out_of_memory(cases[0])) for _ in range(3)]
    with pytest.raises(InputError, match="memory ran out"):
        shared.next_case(idle=False)
    assert not any(case.failure.exists() for case in failed)
    assert list(cases[0].labels.parent.iterdir()) == []  # claims are given back


def test_a_large_scan_is_recorded_where_others_could_be_done(shared: SharedCases, cases: list[Case]) -> None:
    end_next(shared, None)
    assert end_next(shared, out_of_memory(cases[1])).failure.exists()


def test_a_host_whose_disk_is_full_records_nothing(shared: SharedCases, cases: list[Case]) -> None:
    full = OutputError("cannot be written", path=cases[0].labels, remedy="")
    end_next(shared, None)
    for _ in range(2):
        assert not end_next(shared, full).failure.exists()
    end_next(shared, InputError("is damaged", path=cases[3].scan, remedy=""))
    assert cases[3].failure.exists()
    for _ in range(3):
        end_next(shared, full)
    with pytest.raises(OutputError):
        shared.next_case(idle=True)


def test_failures_that_are_recorded_are_no_refusals(shared: SharedCases, cases: list[Case]) -> None:
    foreign = OutputError("exists already", path=cases[0].record, remedy="")
    for case in cases[:5]:
        write_failure(case, foreign)
    for _ in range(5):
        told = shared.next_case(idle=True)
        assert told is not None
        shared.ended(CaseResult(told, "failed", error=told.problem))
    assert end_next(shared, None) == cases[5]


def test_files_of_somebody_else_are_not_recorded(shared: SharedCases, cases: list[Case]) -> None:
    cases[0].labels.parent.mkdir()
    for case in cases[:5]:
        case.labels.write_bytes(b"manual")
    for case in cases[:5]:
        told = shared.next_case(idle=True)
        assert told is not None
        assert isinstance(told.problem, OutputError)
        shared.ended(CaseResult(told, "failed", error=told.problem))
        assert [path.name for path in case.labels.parent.glob("*.json")] == []
    assert end_next(shared, None) == cases[5]


@pytest.mark.parametrize("content", [{"failure": 1}, [1], "x", {"record_version": 3}])
def test_a_failure_replaces_failures_only(cases: list[Case], content: object) -> None:
    case, error = cases[0], InputError("is damaged", path=cases[0].scan, remedy="")
    write_failure(case, error)
    write_failure(case, error)
    assert (read_failure(case) or error).problem == "is damaged"
    case.failure.write_text(json.dumps(content))
    told = read_failure(case)
    assert isinstance(told, OutputError)
    assert "no record of a failure" in told.problem
    with pytest.raises(OutputError, match="no record of a failure"):
        write_failure(case, error)
    assert json.loads(case.failure.read_text()) == content
