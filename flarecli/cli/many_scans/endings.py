"""What `flare predict` shows of cases as they end, and of all of them at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

import typer

from flarecli.cli.many_scans.ended_cases import EndedCases
from flarecli.cli.output import (
    print_error,
    print_json,
    print_json_array,
    print_json_line,
    print_traceback,
    stderr_console,
)
from flarecli.cli.rendering.case_progress import CaseProgress
from flarecli.cli.rendering.predict_tables import outcome_as_dict, print_outcome, print_outcomes
from flarecli.counts import counted
from flarecli.errors import PartialFailureError

if TYPE_CHECKING:
    from flarecli.prediction.case_result import CaseResult

_MOST_ROWS = 500
"""More cases than this are shown on a line each: a table is laid out as a whole, in memory."""


def seen(
    outcomes: Iterable[CaseResult], progress: CaseProgress, *, many: bool, as_json: bool, verbose: bool
) -> Iterator[CaseResult]:
    """The outcomes, of which errors are shown at once."""
    for outcome in outcomes:
        progress.finish()
        if outcome.error is not None and many and not as_json:
            print_error(outcome.error)
            if verbose:
                print_traceback(outcome.error)
        yield outcome


def report_as_they_come(outcomes: Iterable[CaseResult], *, as_json: bool, quiet: bool) -> None:
    """Show each case when it ends, one line each, and keep none."""
    done = failed = 0
    for outcome in outcomes:
        done += outcome.error is None
        failed += outcome.error is not None
        if as_json:
            print_json_line(outcome_as_dict(outcome))
        elif not quiet:
            print_outcome(outcome)
    if not as_json and not quiet:
        stderr_console().print(f"{counted(done, 'scan')} done by this process", highlight=False)
        if failed:
            stderr_console().print(f"[red]{counted(failed, 'scan')} failed[/red]", highlight=False)
    if failed:
        raise typer.Exit(PartialFailureError.exit_code)


def report_at_the_end(
    outcomes: EndedCases, write_statistics: Callable[[], None], *, many: bool, as_json: bool, quiet: bool, verbose: bool
) -> None:
    """Show how the cases ended, and write the table of statistics; where that fails, the error is the JSON document,
    and stands below the table."""
    first = outcomes.first
    if not many and first is not None and first.error is not None:
        if verbose and not as_json:
            print_traceback(first.error)
        raise first.error
    if not as_json and not quiet:
        if len(outcomes) > _MOST_ROWS:
            for outcome in outcomes:
                print_outcome(outcome)
        else:
            print_outcomes(list(outcomes), verbose=verbose)
    write_statistics()
    if as_json and many:
        print_json_array(map(outcome_as_dict, outcomes))
    elif as_json and first is not None:
        print_json(outcome_as_dict(first))
    if outcomes.failed:
        if not as_json and not quiet:
            stderr_console().print(f"[red]{outcomes.failed} of {len(outcomes)} scans failed[/red]")
        raise typer.Exit(PartialFailureError.exit_code)
