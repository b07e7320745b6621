"""Errors carry their facts, also across processes."""

import pickle
from pathlib import Path

from flarecli.errors import InputError, UnexpectedError, error_from_dict


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
