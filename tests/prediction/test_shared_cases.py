"""What a process that shares its cases with others does about failures."""

from __future__ import annotations

import errno
import json
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from flarecli.errors import FlareError, InputError, InstallationError, OutputError
from flarecli.files.sources import check_memory
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


def test_large_scans_end_no_host_that_can_do_others(shared: SharedCases, cases: list[Case]) -> None:
    end_next(shared, None)
    failed = [end_next(shared, out_of_memory(case)) for case in cases[1:6]]
    assert not any(case.failure.exists() for case in failed)  # memory may be short here, or only now
    assert end_next(shared, None) == cases[6]


def not_there(case: Case) -> FlareError:
    return error_of_scan(FileNotFoundError(errno.ENOENT, "No such file or directory"), case.scan)


def too_large(case: Case) -> FlareError:
    with pytest.raises(InputError) as caught:
        check_memory(1e18, case.scan, "voxels")
    return caught.value


def denied(case: Case) -> FlareError:
    try:
        raise InputError("cannot be read", path=case.scan, remedy="") from OSError(errno.EIO, "Input/output error")
    except InputError as error:
        return pickle.loads(pickle.dumps(error))  # as a process that is watched over sends it


@pytest.mark.parametrize("refusal", [too_large, denied])
def test_scans_that_this_host_cannot_hold_or_read_are_left_to_others(
    shared: SharedCases, cases: list[Case], refusal: Callable[[Case], FlareError]
) -> None:
    failed = [end_next(shared, refusal(case)) for case in cases[:5]]
    assert failed == cases[:5]
    assert [path.name for path in cases[0].labels.parent.iterdir()] == []
    assert end_next(shared, None) == cases[5]  # they cost nothing, and others lie behind them
    assert shared.next_case(idle=False) == cases[6]


def test_a_file_system_that_fails_in_the_work_ends_the_process(shared: SharedCases, cases: list[Case]) -> None:
    for _ in range(3):
        assert not end_next(shared, not_there(cases[0])).failure.exists()
    with pytest.raises(InputError, match="operating system refused"):
        shared.next_case(idle=True)


def test_a_missing_package_ends_the_process_with_its_own_exit_code(shared: SharedCases, cases: list[Case]) -> None:
    missing = InstallationError("pydicom is not installed", remedy="")
    end_next(shared, None)
    assert not end_next(shared, missing).failure.exists()
    with pytest.raises(InstallationError) as caught:
        shared.next_case(idle=False)
    assert caught.value.exit_code == 5
    assert list(cases[0].labels.parent.glob(".flare-claim-*")) == []


def test_a_case_that_comes_back_as_a_copy_is_given_back(shared: SharedCases, cases: list[Case]) -> None:
    cases[0].labels.parent.mkdir()
    cases[0].labels.write_bytes(b"manual")
    told = shared.next_case(idle=True)
    assert told is not None
    copy = pickle.loads(pickle.dumps(CaseResult(told, "failed", error=told.problem)))
    shared.ended(copy)
    assert list(cases[0].labels.parent.glob(".flare-claim-*")) == []


@pytest.mark.parametrize("length", [243, 244, 247, 248, 249, 251, 260])
def test_long_names_end_no_other_case(tmp_path: Path, length: int) -> None:
    scans = [tmp_path / "a.nii.gz", tmp_path / "z.nii.gz"]
    for scan in scans:
        scan.touch()
    long = [Case("long", scans[0], tmp_path / "out" / f"{letter * length}.nii.gz") for letter in "abcd"]
    with SharedCases(Judge(), [*long, Case("z", scans[1], tmp_path / "out" / "z.nii.gz")], OutputOptions()) as shared:
        for _ in long:
            told = shared.next_case(idle=True)
            assert told is not None
            error = told.problem or InputError("is damaged", path=told.scan, remedy="")
            shared.ended(CaseResult(told, "failed", error=error))
            assert is_recorded(told) == (length == 243)
        assert end_next(shared, None).name == "z"


def is_recorded(case: Case) -> bool:
    return case.failure.name in {path.name for path in case.labels.parent.iterdir()}


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
