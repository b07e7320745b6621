"""Numbers agree with their nouns."""

from __future__ import annotations

import pytest

from flarecli.counts import counted


@pytest.mark.parametrize(
    ("number", "expected"), [(0, "0 files hold"), (1, "1 file holds"), (2, "2 files hold")], ids=["none", "one", "two"]
)
def test_a_number_agrees_with_what_it_counts(number: int, expected: str) -> None:
    assert counted(number, "file holds", "files hold") == expected
    assert counted(number, "case") == f"{number} case{'' if number == 1 else 's'}"
