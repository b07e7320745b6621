"""The cases of a run that have ended are kept whatever their errors were caused by."""

from __future__ import annotations

import copyreg
from pathlib import Path

import pytest

from flarecli.cli.many_scans.ended_cases import EndedCases
from flarecli.errors import InputError
from flarecli.prediction.case import Case
from flarecli.prediction.case_result import CaseResult


class UnpicklableError(Exception):
    """As the error of a compiled module that cannot be imported by its name."""

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("cannot be pickled")


def with_cause(error: InputError) -> tuple[object, ...]:
    return InputError, ("is damaged",), {"__cause__": error.__cause__}


def test_causes_of_errors_are_not_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Libraries such as Dask register a way to pickle exceptions that takes their causes along."""
    monkeypatch.setitem(copyreg.dispatch_table, InputError, with_cause)
    error = InputError("is damaged", path=tmp_path / "a.mha", seen="a wrong checksum", expected="e", remedy="r")
    error.__cause__ = UnpicklableError()
    case = Case("a", tmp_path / "a.mha", tmp_path / "a.nii.gz")
    with EndedCases() as ended:
        ended.add(CaseResult(case, "done"))
        ended.add(CaseResult(case, "failed", error=error))
        kept = list(ended)
        assert (len(ended), ended.failed) == (2, 1)
    assert kept[1].error is not None
    assert str(kept[1].error) == str(error)
