"""A run of `flare predict` from its first case to its last, shown to the user."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from flarecli.cli.many_scans.ended_cases import EndedCases
from flarecli.cli.many_scans.endings import report_as_they_come, report_at_the_end, seen
from flarecli.cli.many_scans.running import Run
from flarecli.cli.many_scans.scheduling import tell_of_scheduler
from flarecli.cli.rendering.case_progress import CaseProgress
from flarecli.cli.rendering.notices import print_warning
from flarecli.remarks import anonymous_text

if TYPE_CHECKING:
    from flarecli.cli.many_scans.run_files import RunFiles
    from flarecli.cli.many_scans.selection import SelectedScans
    from flarecli.cluster.schedulers import Scheduler
    from flarecli.prediction.supervised.request import PredictionRequest


@dataclass(frozen=True)
class Display:
    """What of a run is printed.

    Attributes:
        as_json: The records as JSON, and nothing else on standard output.
        quiet: Errors only.
        verbose: Times of the steps, and full errors.
        anonymous: Without names of patients and files.
    """

    as_json: bool
    quiet: bool
    verbose: bool
    anonymous: bool

    @property
    def hides_progress(self) -> bool:
        """Whether no progress is shown."""
        return self.quiet or self.as_json


def run_and_show(
    request: PredictionRequest,
    scans: SelectedScans,
    files: RunFiles,
    existing: str,
    *,
    share: bool,
    timeout_s: float | None,
    scheduler: Scheduler | None,
    display: Display,
) -> None:
    """Segment scans, print their results, and write the files about all of them.

    Args:
        request: How scans are segmented.
        scans: The scans.
        files: What is written at the end.
        existing: What to do where files exist: "refuse", "overwrite" or "resume".
        share: Whether other processes take scans of the same list.
        timeout_s: How long a scan may take; None without a limit.
        scheduler: Where the work is done; on this machine where None.
        display: What is printed.

    Raises:
        FlareError: when the run cannot begin, or its only scan failed.
        typer.Exit: when some of many scans failed.
    """
    tell = partial(tell_of_scheduler, hidden=display.hides_progress)
    tables = files.destinations(existing)
    with CaseProgress(len(scans.cases), hidden=display.hides_progress) as progress, EndedCases() as ended:
        run = Run(
            request,
            scans.cases,
            scans.listed,
            existing,
            share,
            timeout_s,
            scheduler,
            tables,
            progress.start,
            progress.step,
            tell,
        )
        outcomes = run.outcomes()
        for warning in () if display.quiet else scans.warnings:
            print_warning(anonymous_text(warning) if display.anonymous else warning)
        # Closed on an interruption, too: then the case that is being written is written to its end.
        with closing(outcomes):
            shown = seen(outcomes, progress, many=scans.many, as_json=display.as_json, verbose=display.verbose)
            if share:
                report_as_they_come(shown, as_json=display.as_json, quiet=display.quiet)
                return
            for outcome in shown:
                ended.add(outcome)
        progress.hide()
        if scans.many or not ended.failed:
            files.write_report(ended, request.extras, existing, title=scans.destination.name)
        report_at_the_end(
            ended,
            partial(files.write_statistics, ended, existing),
            many=scans.many,
            as_json=display.as_json,
            quiet=display.quiet,
            verbose=display.verbose,
        )
