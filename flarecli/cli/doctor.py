"""`flare doctor`: whether this installation can do the work."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from flarecli.cli.output import print_json, reported_errors, stderr_console, stdout_console
from flarecli.errors import InstallationError

if TYPE_CHECKING:
    from flarecli.doctor import Finding

_COLOURS = {"good": "green", "note": "dim", "warning": "yellow", "bad": "red"}


def doctor(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Check packages, machine, folders and weights, and try every backend.

    The exit code is 5 where `flare predict` cannot work.
    """
    with reported_errors(as_json=as_json):
        from flarecli.doctor import Verdict, examine

        console = stderr_console()
        with console.status("looking") as status:
            findings = []
            for finding in examine():
                status.update(f"looking: {finding.subject}")
                findings.append(finding)
        works = all(finding.verdict is not Verdict.bad for finding in findings)
        if as_json:
            print_json({"predict_works": works, "findings": [finding.as_dict() for finding in findings]})
        else:
            _print_findings(findings)
        if not works:
            raise typer.Exit(InstallationError.exit_code)


def _print_findings(findings: list[Finding]) -> None:
    from rich.markup import escape
    from rich.table import Table

    table = Table("check", "", "seen", box=None, pad_edge=False)
    table.columns[2].overflow = "fold"
    for finding in findings:
        verdict = finding.verdict.value
        seen = escape(finding.seen) + (f"\n{escape(finding.remedy)}" if finding.remedy else "")
        table.add_row(finding.subject, f"[{_COLOURS[verdict]}]{verdict}[/]", seen)
    stdout_console().print(table)
