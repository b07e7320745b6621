"""Errors carry their facts, also across processes."""

import errno
import gzip
import pickle
from pathlib import Path

import pytest

from flarecli.errors import (
    Blame,
    FlareError,
    InputError,
    InstallationError,
    OutputError,
    UnexpectedError,
    error_from_dict,
    error_of,
)
from flarecli.prediction.anonymity import anonymous_error


def test_message_holds_all_facts() -> None:
    error = InputError("is not a scan", path=Path("a.nii"), seen=3, expected="4", remedy="Look again.")
    assert str(error) == "a.nii: is not a scan; seen: 3; expected: 4. Look again."


def test_pickling_keeps_all_facts() -> None:
    error = InputError("is not a scan", path=Path("a.nii"), seen=3, expected="4", remedy="Look again.")
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is InputError
    assert copy.as_dict() == error.as_dict()
    assert copy.exit_code == 3


def test_error_comes_back_from_its_dictionary() -> None:
    error = InputError("is not a scan", path=Path("a.nii"), seen=3, expected="4", remedy="Look again.")
    copy = error_from_dict(error.as_dict())
    assert type(copy) is InputError
    assert copy.as_dict() == error.as_dict()
    assert type(error_from_dict({**error.as_dict(), "kind": "of tomorrow"})) is UnexpectedError


def caused_by(cause: Exception) -> FlareError:
    try:
        raise InputError("cannot be read", path=Path("a.nii"), remedy="Look.") from cause
    except InputError as error:
        return error


@pytest.mark.parametrize(
    ("cause", "blame"),
    [
        (OSError(errno.EACCES, "Permission denied"), Blame.ACCESS),
        (OSError(errno.EIO, "Input/output error"), Blame.ACCESS),
        (OSError(errno.ESTALE, "Stale file handle"), Blame.ACCESS),
        (FileNotFoundError(errno.ENOENT, "No such file or directory"), Blame.ACCESS),
        (MemoryError(), Blame.HOST),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), Blame.HOST),
        (OSError(errno.ENAMETOOLONG, "File name too long"), Blame.INPUT),
        (gzip.BadGzipFile("not a gzipped file"), Blame.INPUT),
        (EOFError(), Blame.INPUT),
        (InputError("x", remedy="x", blame=Blame.ACCESS), Blame.ACCESS),
    ],
)
def test_the_cause_tells_whose_fault_it_is(cause: Exception, blame: Blame) -> None:
    error = caused_by(cause)
    assert error.blame is blame
    assert pickle.loads(pickle.dumps(error)).blame is blame
    assert anonymous_error(error).blame is blame
    assert error_of(cause, Path("a.nii")).blame is blame


def test_usual_blame() -> None:
    assert InputError("is damaged", remedy="x").blame is Blame.INPUT
    assert InstallationError("pydicom is not installed", remedy="x").blame is Blame.HOST
    assert OutputError("cannot be written", remedy="x").blame is Blame.HOST
