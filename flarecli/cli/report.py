"""`flare report`: a page or a table of a folder of results."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flarecli.cli.output import print_json, reported_errors, stderr_console, stdout_console
from flarecli.counts import counted
from flarecli.errors import PartialFailureError, UsageError

if TYPE_CHECKING:
    from flarecli.report.cases import ReportCase


def report(
    folder: Annotated[Path, typer.Argument(metavar="OUT", help="The folder that flare predict wrote to.")],
    html: Annotated[
        Path | None,
        typer.Option(metavar="FILE.html", help="The page to write; OUT/report.html where no --csv is asked for."),
    ] = None,
    csv: Annotated[
        Path | None,
        typer.Option(
            "--csv",
            metavar="FILE",
            help="Write one row per case; - is standard output, to which nothing else is written.",
        ),
    ] = None,
    scans: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="The scans: those without a result are listed as missing."),
    ] = None,
    previews: Annotated[Path | None, typer.Option(metavar="DIR", help="Folder of the previews, if not OUT.")] = None,
    open_page: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that exist.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the rows as JSON.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no summary.")] = False,
) -> None:
    """Make a page or table of a folder of results, the least certain cases first; no network is run.

    It shows verdicts with reasons, volumes and HU against reference ranges, previews, and marks of your own.

    The page is made of records, label maps and previews; no network is run. The exit code is 4 where a scan has no
    result, a record cannot be read, or a label map was changed since its record.
    """
    with reported_errors(as_json=as_json):
        from flarecli.files.destinations import Destination, check_destinations, is_standard_output
        from flarecli.report.comparison import with_far_values
        from flarecli.report.folder import results_in
        from flarecli.report.page import by_doubt, check_page_path, write_report_page
        from flarecli.report.table import row_of, write_table

        streams_out = csv is not None and is_standard_output(csv)
        if streams_out and as_json:
            raise UsageError(
                "two outputs would go to standard output", seen="--csv - and --json", remedy="Leave one of them out."
            )
        page = html if html is not None or csv is not None else folder / "report.html"
        if open_page and page is None:
            raise UsageError(
                "--open without a page opens nothing", seen="--csv alone", remedy="Add --html report.html."
            )
        if page is not None:
            check_page_path(page)
        outputs = [
            Destination(path, content, overwrite)
            for path, content in ((page, "report"), (csv, "table"))
            if path is not None
        ]
        is_quiet = quiet or as_json
        with _progress("reading", hidden=is_quiet) as (advance, _):
            found = results_in(folder, previews=previews, scans=scans, on_record=advance)
        cases = by_doubt(with_far_values(found.cases))
        read = [path for case in cases for path in (case.labels, case.record, case.preview, *case.further)]
        check_destinations(outputs, [path for path in read if path is not None])
        if csv is not None:
            write_table(csv, cases, replaces=overwrite)
        if page is not None:
            with _progress("pictures", hidden=is_quiet) as (advance, set_total):
                set_total(len(cases))
                title = folder.resolve().name or "results"
                write_report_page(page, cases, title=title, foreign=found.foreign, on_case=advance, replaces=overwrite)
        if as_json:
            print_json({"page": None if page is None else str(page), "cases": [row_of(case) for case in cases]})
        elif not quiet and not streams_out:
            _print_summary(cases, [path for path in (page, csv) if path is not None])
        if open_page and page is not None:
            import webbrowser

            webbrowser.open(page.resolve().as_uri())
        if any(not case.organs for case in cases):
            raise typer.Exit(PartialFailureError.exit_code)


def _print_summary(cases: list[ReportCase], written: list[Path]) -> None:
    """Say how the cases ended, and where the report lies."""
    from rich.markup import escape

    from flarecli.files.printable import printable_name
    from flarecli.report.summary import judgements

    console = stdout_console()
    counts = ", ".join(f"{count} {name}" for name, count in judgements(cases).items())
    console.print(f"{counted(len(cases), 'case')}: {counts}", highlight=False, soft_wrap=True)
    for path in written:
        console.print(escape(printable_name(path)), highlight=False, soft_wrap=True)


@contextmanager
def _progress(title: str, *, hidden: bool) -> Iterator[tuple[Callable[[], None], Callable[[int], None]]]:
    """A bar on standard error, where that is a terminal: what advances it by one, and what says how many there are."""
    console = stderr_console()
    if hidden or not console.is_terminal:
        yield lambda: None, lambda total: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn(title), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda: bar.advance(task), lambda total: bar.update(task, total=total)
