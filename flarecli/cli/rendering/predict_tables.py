"""What `flare predict` shows of its cases: a table, organs to check, warnings, or JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from flarecli.addresses import shown
from flarecli.cli.output import stdout_console
from flarecli.cli.rendering.notices import print_warning
from flarecli.counts import counted
from flarecli.files.printable import printable_name

if TYPE_CHECKING:
    from rich.console import Console

    from flarecli.prediction.case_result import CaseResult

_COLOURS = {"check": "yellow", "failed": "red"}


def outcome_as_dict(outcome: CaseResult) -> dict[str, Any]:
    """A case for `--json`."""
    return {
        "case": outcome.case.name,
        "status": outcome.status,
        "labels": shown(outcome.case.labels),
        "redone": outcome.redone,
        "record": None if outcome.record is None else dict(outcome.record),
        "error": None if outcome.error is None else outcome.error.as_dict(),
    }


def print_outcome(outcome: CaseResult) -> None:
    """Print one case on a line, and its warnings below it: where cases are shown as they end."""
    volumes = ""
    if outcome.record is not None:
        organs = outcome.record["organs"].values()
        volumes = ", ".join(f"{organ['name']} {organ['volume_ml']:.0f} ml" for organ in organs)
    console = stdout_console()
    console.print(f"{_name(outcome)}: {outcome.status} {volumes}".rstrip(), highlight=False, soft_wrap=True)
    _print_remarks(outcome, console)


def print_outcomes(outcomes: Sequence[CaseResult], *, verbose: bool) -> None:
    """Print a table of all cases, and below it what there is to say of each; skipped cases like others."""
    from rich.table import Table

    from flarecli.organs import ORGANS

    console = stdout_console()
    table = Table("case", *[f"{organ.name} ml" for organ in ORGANS], "seconds", "status", box=None, pad_edge=False)
    table.columns[0].overflow = "fold"
    for column in table.columns[1:-1]:
        column.justify = "right"
    for outcome in outcomes:
        figures = [""] * (len(ORGANS) + 1)
        if outcome.record is not None:
            figures = [f"{outcome.record['organs'][organ.name]['volume_ml']:.0f}" for organ in ORGANS]
            figures.append(f"{sum(step['wall_s'] for step in outcome.record['steps']):.1f}")
        table.add_row(_name(outcome), *figures, outcome.status)
    console.print(table)
    for outcome in outcomes:
        _print_remarks(outcome, console)
        if verbose and outcome.record is not None:
            console.print(f"{_name(outcome)}: {_details(outcome.record)}", highlight=False, soft_wrap=True)


def _print_remarks(outcome: CaseResult, console: Console) -> None:
    if outcome.redone is not None:
        console.print(f"{_name(outcome)}: redone: {_escaped(outcome.redone)}", highlight=False, soft_wrap=True)
    if outcome.record is None:
        return
    for line in _organs_to_check(outcome.record):
        console.print(f"{_name(outcome)}: {line}", highlight=False, soft_wrap=True)
    for warning in outcome.record["warnings"]:
        print_warning(f"{outcome.case.name}: {warning}")


def _details(record: Mapping[str, Any]) -> str:
    runtime = record["runtime"]
    steps = ", ".join(f"{step['name']} {step['wall_s']:.2f}" for step in record["steps"])
    weights = ", ".join(f"{network}: {card['set']}" for network, card in record["weights"].items())
    return _escaped(
        f"{runtime['backend']} {runtime['version']} on {runtime['device']}, "
        f"{runtime['precision']}, {counted(runtime['threads'], 'thread')}; weights {weights}; seconds: {steps}; "
        f"peak memory {record['peak_rss_mb']:.0f} MB"
    )


def _organs_to_check(record: Mapping[str, Any]) -> Iterator[str]:
    """A line for each organ that is not simply good, with the reasons."""
    for name, found in record.get("confidence", {}).items():
        verdict = found["verdict"]
        if verdict in _COLOURS:
            reasons = _escaped("; ".join(found["reasons"]))
            yield f"[{_COLOURS[verdict]}]{_escaped(name)}: {verdict}[/] ({reasons})"


def _name(outcome: CaseResult) -> str:
    return _escaped(outcome.case.name)


def _escaped(text: str) -> str:
    from rich.markup import escape

    return escape(printable_name(text))
