"""The report of a run that has just ended, failed cases with their errors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from flarecli.prediction.case_result import CaseResult
from flarecli.prediction.output_options import OutputOptions
from flarecli.report.cases import ReportCase, Status, case_of_record
from flarecli.report.comparison import with_far_values
from flarecli.report.folder import further_files, sentence_of, without_result
from flarecli.report.page import by_doubt, write_report_page


def write_report_of_run(
    destination: Path,
    outcomes: Iterable[CaseResult],
    options: OutputOptions,
    *,
    title: str,
    replaces: bool = True,
) -> None:
    """Write the page of all cases of a run, atomically.

    Args:
        destination: The HTML file.
        outcomes: How the cases ended.
        options: What was written of each.
        title: What the page is called.
        replaces: Whether a file that exists in the end is replaced.

    Raises:
        OutputError: when the file cannot be written, or exists and is not replaced.
    """
    cases = by_doubt(with_far_values(list(cases_of_run(outcomes, options))))
    write_report_page(destination, cases, title=title, replaces=replaces)


def cases_of_run(outcomes: Iterable[CaseResult], options: OutputOptions) -> Iterator[ReportCase]:
    """The cases of a run for a report, one a result."""
    for outcome in outcomes:
        case = outcome.case
        if outcome.record is None:
            problem = "it was not segmented" if outcome.error is None else sentence_of(outcome.error)
            found = without_result(case, Status.FAILED, problem)
            yield replace(found, scan="") if options.anonymous else found
            continue
        yield case_of_record(
            outcome.record,
            name=case.name,
            labels=case.labels,
            record_path=case.record,
            preview=None if options.preview is None else options.preview(case),
            further=further_files(outcome.record, case.labels.parent),
        )
