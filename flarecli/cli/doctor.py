"""`flare doctor`: whether this installation can do the work."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from flarecli.cli.output import print_json, reported_errors, stderr_console, stdout_console
from flarecli.errors import InstallationError

if TYPE_CHECKING:
    from flarecli.doctor import CheckResult

_COLOURS = {"good": "green", "note": "dim", "warning": "yellow", "bad": "red"}


def doctor(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Check packages, machine, folders and weights, and try every backend.

    The exit code is 5 where `flare predict` cannot work.
    """
    with reported_errors(as_json=as_json):
        from flarecli.doctor import CheckVerdict, examine

        console = stderr_console()
        with console.status("checking") as status:
            results = []
            for result in examine():
                status.update(f"checking: {result.subject}")
                results.append(result)
        works = all(result.verdict is not CheckVerdict.bad for result in results)
        if as_json:
            print_json({"predict_works": works, "findings": [result.as_dict() for result in results]})
        else:
            _print_checks(results)
        if not works:
            raise typer.Exit(InstallationError.exit_code)


def _print_checks(results: list[CheckResult]) -> None:
    from rich.markup import escape
    from rich.table import Table

    table = Table("check", "", "seen", box=None, pad_edge=False)
    table.columns[2].overflow = "fold"
    for result in results:
        verdict = result.verdict.value
        seen = escape(result.seen) + (f"\n{escape(result.remedy)}" if result.remedy else "")
        table.add_row(result.subject, f"[{_COLOURS[verdict]}]{verdict}[/]", seen)
    stdout_console().print(table)
