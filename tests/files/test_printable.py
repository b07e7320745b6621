"""Names cannot act on terminals, nor compute in spreadsheets."""

from __future__ import annotations

import csv
import io
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flarecli.files.printable import printable, printable_name, table_cell, text_of_cell


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Müller 扫描 😀.nii.gz", "Müller 扫描 😀.nii.gz"),
        ("\x1b[31mred\x07", "\\x1b[31mred\\x07"),
        ("\x9b2J", "\\x9b2J"),
        ("M\udcfcller", "M\\udcfcller"),
        ("gpj.\u202eexe", "gpj.\\u202eexe"),
        ("two\nlines\tof text", "two\nlines\tof text"),
    ],
)
def test_control_characters_become_escapes(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_a_name_stays_on_its_line() -> None:
    assert printable_name("a\nb\tc\r") == "a\\nb\\tc\\x0d"


@given(st.text())
def test_nothing_acts_on_a_terminal(text: str) -> None:
    shown = printable_name(text)
    assert not {unicodedata.category(character) for character in shown} & {"Cc", "Cs", "Zl", "Zp"}
    shown.encode("utf-8")


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@A1", "\tx", "\rx", "'=1", "''-1"])
def test_formulas_are_quoted(text: str) -> None:
    assert table_cell(text) == f"'{text}"


@pytest.mark.parametrize("text", ["a", "a=1", "'a", "1-2", ""])
def test_plain_texts_stay(text: str) -> None:
    assert table_cell(text) == text


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_cell_gives_its_text_back(text: str) -> None:
    cell = table_cell(text)
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert text_of_cell(cell) == text
    file = io.StringIO(newline="")
    csv.writer(file).writerow([cell])
    assert table_cell("\udcfc") == "\\udcfc"
