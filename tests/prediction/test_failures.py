"""Only what is a defect of the software is called one."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from flarecli.errors import FlareError, InputError, InstallationError, OutputError, UnexpectedError
from flarecli.prediction.failures import error_of_engine, error_of_scan

SCAN = Path("scan.nii.gz")


@pytest.mark.parametrize(
    ("cause", "kind", "words"),
    [
        (MemoryError(), InputError, "memory ran out"),
        (RuntimeError("std::bad_alloc"), InputError, "memory ran out"),
        (RuntimeError("CUDA out of memory"), InputError, "memory ran out"),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), InputError, "memory ran out"),
        (OSError(errno.EIO, "Input/output error"), InputError, "Input/output error"),
        (OutputError("cannot be written", remedy="x"), OutputError, "cannot be written"),
        (ZeroDivisionError("a defect"), UnexpectedError, "This is a defect of flare"),
    ],
)
def test_of_a_scan(cause: Exception, kind: type[FlareError], words: str) -> None:
    error = error_of_scan(cause, SCAN)
    assert type(error) is kind
    assert words in str(error)
    assert ("defect of flare" in str(error)) == (kind is UnexpectedError)


@pytest.mark.parametrize("cause", [ImportError("libopenvino.so"), RuntimeError("bad allocation"), ValueError("x")])
def test_of_the_engine(cause: Exception) -> None:
    error = error_of_engine(cause)
    assert isinstance(error, InstallationError)
    assert error.__cause__ is cause
