"""`flare evaluate` within the process of the tests."""

from __future__ import annotations

from typer.testing import CliRunner

from flarecli.cli.main import app


def evaluate(*arguments: object) -> tuple[int, str, str]:
    """Run the command on a terminal of 100 columns: its exit code and what it printed on both streams."""
    result = CliRunner().invoke(app, ["evaluate", *map(str, arguments)], env={"COLUMNS": "100"})
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr
