"""`flare predict`: from scans to label maps."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flarecli.cli.engine_options import (
    GPU_LIMIT_HELP,
    Backend,
    BackendOption,
    Device,
    DeviceOption,
    Precision,
    PrecisionOption,
    SystemOption,
    ThreadsOption,
    WeightsOption,
)
from flarecli.cli.output import (
    print_error,
    print_json,
    print_json_line,
    print_traceback,
    reported_errors,
    stderr_console,
)
from flarecli.cli.rendering.case_progress import CaseProgress
from flarecli.cli.rendering.notices import print_warning
from flarecli.cli.rendering.predict_tables import outcome_as_dict, print_outcome, print_outcomes
from flarecli.errors import PartialFailureError, UsageError
from flarecli.systems import DEFAULT_SYSTEM

if TYPE_CHECKING:
    from flarecli.prediction.case_result import CaseResult
    from flarecli.prediction.cases import Case, FoundCases


class MeshFormat(StrEnum):
    """Choices of `--mesh`."""

    stl = "stl"
    obj = "obj"
    glb = "glb"


def predict(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="IN",
            help="A scan (NIfTI, NRRD, MetaImage; a DICOM folder with the extra 'io'), or a folder of scans."
            " Left out with --from.",
        ),
    ],
    destination: Annotated[
        Path | None,
        typer.Argument(metavar="OUT", help="The label map to write, or a folder for those of a folder of scans."),
    ] = None,
    system: SystemOption = DEFAULT_SYSTEM,
    weights: WeightsOption = None,
    backend: BackendOption = Backend.auto,
    device: DeviceOption = Device.auto,
    precision: PrecisionOption = Precision.auto,
    threads: ThreadsOption = None,
    max_gpu_mb: Annotated[float | None, typer.Option(min=1, metavar="N", help=GPU_LIMIT_HELP)] = None,
    roi: Annotated[
        str,
        typer.Option(metavar="auto|full|x0,y0,z0,x1,y1,z1", help="Region to segment; a box in world mm (RAS)."),
    ] = "auto",
    split: Annotated[bool, typer.Option("--split", help="Write one mask an organ, too.")] = False,
    statistics: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write volume, HU and extent of each organ (.csv or .json)."),
    ] = None,
    preview: Annotated[
        Path | None,
        typer.Option(metavar="FILE.png", help="Draw slices with the organs' contours; a folder for a folder of scans."),
    ] = None,
    sides: Annotated[
        bool, typer.Option("--sides", help="Separate the kidneys in the label map: 2 right, 5 left.")
    ] = False,
    dicom_seg: Annotated[
        bool, typer.Option("--dicom-seg", help="Write a DICOM segmentation (.seg.dcm) of a DICOM scan, too.")
    ] = False,
    labelmap: Annotated[
        bool, typer.Option("--labelmap", help="The DICOM segmentation as LABELMAP in place of BINARY.")
    ] = False,
    rtstruct: Annotated[
        bool, typer.Option("--rtstruct", help="Write an RT structure set (.rtstruct.dcm) of a DICOM scan, too.")
    ] = False,
    sr: Annotated[
        bool, typer.Option("--sr", help="Write a structured report with volumes (.sr.dcm) of a DICOM scan, too.")
    ] = False,
    mesh: Annotated[
        MeshFormat | None, typer.Option("--mesh", help="Write the surface of each organ, in world mm (RAS), too.")
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(metavar="FILE.html", help="Write a page of all cases, as flare report does."),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that exist.")] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Skip cases that are complete and made with the same settings.")
    ] = False,
    listed: Annotated[
        str | None,
        typer.Option("--from", metavar="FILE|-", help="List of scans, one a line: paths, or JSON with scan and name."),
    ] = None,
    share: Annotated[
        bool,
        typer.Option("--share", help="Share the folder with other processes, of any host, that are started likewise."),
    ] = False,
    part: Annotated[
        str | None,
        typer.Option(metavar="I/N|auto", help="Every N-th scan from the I-th on (1/N to N/N); auto: as Slurm's array."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the records as JSON.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Print the steps' times and full errors.")] = False,
) -> None:
    """Segment liver, kidneys, spleen and pancreas in a CT scan, or in every scan of a folder.

    A record (same name, .json) beside each label map says how it was made and what came out.
    """
    with reported_errors(as_json=as_json, go_on="Run it again with --resume: finished cases are kept."):
        if overwrite and resume:
            raise UsageError(
                "two options exclude each other", seen="--overwrite and --resume", remedy="Give one of them."
            )

        if share:
            _check_shared(overwrite=overwrite, statistics=statistics, report=report)

        from flarecli.files.destinations import Destination
        from flarecli.measures.statistics import check_statistics_path, is_statistics_table
        from flarecli.prediction.batch import predict_cases, predict_shared
        from flarecli.prediction.output_options import OutputOptions
        from flarecli.prediction.outputs import check_outputs
        from flarecli.prediction.part import parsed_part
        from flarecli.prediction.predictor import EngineRequest, Predictor
        from flarecli.prediction.region import parsed_region
        from flarecli.systems import system_named

        region = parsed_region(roi)
        if statistics is not None:
            check_statistics_path(statistics)
        if report is not None:
            from flarecli.report.page import check_page_path, is_report_page

            check_page_path(report)
        chosen_part = None if part is None else parsed_part(part)
        found = _scans(source, destination, listed)
        many = found.folder is not None or listed is not None
        cases = found.cases if chosen_part is None else chosen_part.of(found.cases)
        if not many and (share or chosen_part is not None):
            raise UsageError(
                "one scan cannot be shared",
                path=source,
                seen="--share" if share else "--part",
                remedy="Give a folder of scans or --from, or leave the option out.",
            )
        chosen = (("seg", dicom_seg), ("rtstruct", rtstruct), ("sr", sr))
        extras = OutputOptions(
            split=split,
            preview=_preview_file(preview, many=many),
            sides=sides,
            dicom=tuple(name for name, is_chosen in chosen if is_chosen),
            labelmap=labelmap,
            mesh=None if mesh is None else mesh.value,
        )
        existing = "overwrite" if overwrite else "resume" if resume else "refuse"
        tables = []
        if statistics is not None:
            replaces = overwrite or (resume and is_statistics_table(statistics))
            tables.append(Destination(statistics, "table of statistics", replaces))
        if report is not None:
            tables.append(Destination(report, "report", overwrite or (resume and is_report_page(report))))
        if not share:
            check_outputs(cases, extras, existing, tables=tables)
        predictor = Predictor(
            system_named(system).name,
            weights or (),
            EngineRequest(backend.value, device.value, precision.value, threads, max_gpu_mb),
            region,
            keep_memory=len(cases) > 1,
        )
        if found.folder is not None and not quiet and (passed_over := found.folder.warning()) is not None:
            print_warning(passed_over)
        with CaseProgress(len(cases), hidden=quiet or as_json) as progress:
            if share:
                run = predict_shared(
                    predictor, cases, extras=extras, verify=resume, on_start=progress.start, on_step=progress.step
                )
            else:
                run = predict_cases(
                    predictor,
                    cases,
                    extras=extras,
                    existing=existing,
                    tables=tables,
                    on_start=progress.start,
                    on_step=progress.step,
                )
            # Closed on an interruption, too: then the case that is being written is written to its end.
            with closing(run):
                outcomes = _seen(run, progress, many=many, as_json=as_json, verbose=verbose)
                if share:
                    _report_as_they_come(outcomes, as_json=as_json, quiet=quiet)
                    return
                ended = list(outcomes)
        if report is not None and (many or ended[0].error is None):
            from flarecli.report.run import write_report_of_run

            write_report_of_run(report, ended, extras, title=(destination or source).name)
        _report(ended, statistics, many=many, as_json=as_json, quiet=quiet, verbose=verbose)


def _check_shared(*, overwrite: bool, statistics: Path | None, report: Path | None) -> None:
    """Refuse what needs one process that has all cases."""
    for option, is_given, remedy in (
        ("--overwrite", overwrite, "Give another folder for the output."),
        ("--statistics", statistics is not None, "Run `flare collect OUT --statistics FILE` afterwards."),
        ("--report", report is not None, "Run `flare report OUT` afterwards."),
    ):
        if is_given:
            raise UsageError("two options exclude each other", seen=f"--share and {option}", remedy=remedy)


def _scans(source: Path, destination: Path | None, listed: str | None) -> FoundCases:
    """The scans of a file or folder, or of a list; then the only path is the output's."""
    from flarecli.prediction.case_lists import read_case_list
    from flarecli.prediction.cases import FoundCases, find_scans

    if listed is None and destination is not None:
        return find_scans(source, destination)
    if listed is None or destination is not None:
        raise UsageError(
            "the number of paths is not right",
            seen="one: no OUT" if listed is None else "two, and --from",
            expected="flare predict IN OUT, or flare predict OUT --from FILE",
            remedy="Give these.",
        )
    return FoundCases(read_case_list(listed, source))


def _seen(
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


def _report_as_they_come(outcomes: Iterable[CaseResult], *, as_json: bool, quiet: bool) -> None:
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
        stderr_console().print(f"{done} scans done by this process", highlight=False)
        if failed:
            stderr_console().print(f"[red]{failed} scans failed[/red]", highlight=False)
    if failed:
        raise typer.Exit(PartialFailureError.exit_code)


def _preview_file(preview: Path | None, *, many: bool) -> Callable[[Case], Path] | None:
    if preview is None:
        return None
    if not many:
        return lambda case: preview
    if preview.suffix.lower() == ".png" and not preview.is_dir():
        raise UsageError(
            "the previews of a folder of scans need a folder",
            path=preview,
            seen="the name of one picture",
            remedy="Give a folder; it is made where it does not exist.",
        )
    return lambda case: preview / f"{case.name}.png"


def _report(
    outcomes: list[CaseResult], statistics: Path | None, *, many: bool, as_json: bool, quiet: bool, verbose: bool
) -> None:
    """Show how the cases ended, and write the table of statistics; where that fails, the error is the JSON document,
    and stands below the table."""
    if not many and outcomes[0].error is not None:
        if verbose and not as_json:
            print_traceback(outcomes[0].error)
        raise outcomes[0].error
    if not as_json and not quiet:
        print_outcomes(outcomes, verbose=verbose)
    if statistics is not None:
        from flarecli.measures.statistics import write_statistics

        write_statistics(statistics, {outcome.case.name: outcome.statistics for outcome in outcomes})
    if as_json:
        print_json([outcome_as_dict(outcome) for outcome in outcomes] if many else outcome_as_dict(outcomes[0]))
    failed = [outcome for outcome in outcomes if outcome.error is not None]
    if failed:
        if not as_json and not quiet:
            stderr_console().print(f"[red]{len(failed)} of {len(outcomes)} scans failed[/red]")
        raise typer.Exit(PartialFailureError.exit_code)
