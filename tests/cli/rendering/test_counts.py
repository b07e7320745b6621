"""Numbers with their nouns, and the commands that print them."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from flarecli.cli.main import app
from flarecli.counts import counted


@pytest.mark.parametrize(("number", "text"), [(0, "0 cases"), (1, "1 case"), (2, "2 cases")])
def test_one_is_singular(number: int, text: str) -> None:
    assert counted(number, "case") == text


def test_a_report_of_one_case(tmp_path: Path) -> None:
    """A label map without a record is one case that cannot be read."""
    (tmp_path / "a.nii.gz").write_bytes(b"")

    result = CliRunner().invoke(app, ["report", str(tmp_path)])

    assert result.exit_code == 4
    assert "1 case: 1 unreadable" in result.stdout
