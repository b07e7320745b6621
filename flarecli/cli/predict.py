"""`flare predict`: from scans to label maps."""

from __future__ import annotations

from contextlib import closing
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from flarecli.addresses import is_staged
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
from flarecli.cli.many_scans.ended_cases import EndedCases
from flarecli.cli.many_scans.endings import report_as_they_come, report_at_the_end, seen
from flarecli.cli.many_scans.running import Run
from flarecli.cli.many_scans.scans import check_shared, preview_of, reference_of, scans_of
from flarecli.cli.many_scans.scheduling import (
    SchedulerOption,
    WorkersOption,
    check_no_addresses,
    chosen_scheduler,
    tell_of_scheduler,
)
from flarecli.cli.output import reported_errors
from flarecli.cli.rendering.case_progress import CaseProgress
from flarecli.cli.rendering.notices import print_warning
from flarecli.errors import UsageError
from flarecli.remarks import anonymous_text
from flarecli.systems import DEFAULT_SYSTEM


class MeshFormat(StrEnum):
    """Choices of `--mesh`."""

    stl = "stl"
    obj = "obj"
    glb = "glb"


def predict(
    scans: Annotated[
        str,
        typer.Argument(
            metavar="IN",
            help="A scan (NIfTI, NRRD, MetaImage), a folder of scans; DICOM (extra 'io') as a folder, .zip or DICOMDIR"
            " of one series or many; also s3://, gs:// or https://. Left out with --from.",
        ),
    ],
    output: Annotated[
        str | None,
        typer.Argument(
            metavar="OUT",
            help="The label map to write (.nii.gz, .nrrd, .mha; .dcm: DICOM SEG), or a folder for those of many scans;"
            " also s3:// or gs://.",
        ),
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
    statistics_file: Annotated[
        str | None,
        typer.Option("--statistics", metavar="FILE", help="Write volume, HU and extent of each organ (.csv or .json)."),
    ] = None,
    preview_file: Annotated[
        str | None,
        typer.Option(
            "--preview",
            metavar="FILE.png",
            help="Draw slices with the organs' contours; a folder for a folder of scans.",
        ),
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
    reference: Annotated[
        Path | None,
        typer.Option(
            metavar="SERIES",
            help="The DICOM series that a scan of another format was converted from, for DICOM objects."
            " For a folder of scans, a folder with one for each, named like its case.",
        ),
    ] = None,
    mesh: Annotated[
        MeshFormat | None, typer.Option("--mesh", help="Write the surface of each organ, in world mm (RAS), too.")
    ] = None,
    report_file: Annotated[
        str | None,
        typer.Option("--report", metavar="FILE.html", help="Write a page of all cases, as flare report does."),
    ] = None,
    series: Annotated[
        str | None,
        typer.Option(
            metavar="NUMBER|UID", help="Of several DICOM series, those of this number or UID (4/2: 2nd acquisition)."
        ),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(
            metavar="PATTERN", help="Names of DICOM cases, such as '{PatientID}_{SeriesNumber}'; else a checksum."
        ),
    ] = None,
    anonymous: Annotated[
        bool,
        typer.Option("--anonymous", help="No name, id or date of a patient and no path of a scan in anything written."),
    ] = False,
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
    timeout: Annotated[
        float | None,
        typer.Option(min=0.001, metavar="SECONDS", help="End a scan that takes longer; it fails, and the run goes on."),
    ] = None,
    scheduler: SchedulerOption = None,
    workers: WorkersOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the records as JSON.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Print the steps' times and full errors.")] = False,
) -> None:
    """Segment liver, kidneys, spleen and pancreas in a CT scan, or in every scan of a folder.

    A record (same name, .json) beside each label map says how it was made and what came out.
    """
    from flarecli.files.remote.staging import destination_file, staging

    go_on = "Run it again with --resume: finished cases are kept."
    with (
        reported_errors(as_json=as_json, go_on=go_on, anonymous=anonymous),
        staging(),
    ):
        if overwrite and resume:
            raise UsageError(
                "two options exclude each other", seen="--overwrite and --resume", remedy="Give one of them."
            )

        statistics, report = (
            None if text is None else destination_file(text) for text in (statistics_file, report_file)
        )
        cluster = chosen_scheduler(scheduler, workers)
        if share:
            check_shared(overwrite=overwrite, statistics=statistics, report=report, scheduler=cluster is not None)

        from flarecli.files.destinations import Destination
        from flarecli.measures.statistics import check_statistics_path, is_statistics_table
        from flarecli.prediction.long_lists.part import parsed_part
        from flarecli.prediction.output_options import OutputOptions
        from flarecli.prediction.predictor import EngineRequest
        from flarecli.prediction.region import parsed_region
        from flarecli.prediction.supervised.request import PredictionRequest
        from flarecli.systems import system_named

        region = parsed_region(roi)
        if statistics is not None:
            check_statistics_path(statistics)
        if report is not None:
            from flarecli.report.page import check_page_path, is_report_page

            check_page_path(report)
        chosen_part = None if part is None else parsed_part(part)
        found, destination = scans_of(
            scans, output, listed, series=series, name=name, anonymous=anonymous, hidden=quiet or as_json
        )
        if share and is_staged(destination):
            raise UsageError(
                "a bucket cannot be shared: it has no atomic claims",
                path=destination,
                seen="--share",
                remedy="Give each process a part of the scans: --part 1/4 to --part 4/4.",
            )
        if cluster is not None:
            check_no_addresses((destination, *(case.scan for case in found.cases)))
        many = found.is_many
        cases = found.cases if chosen_part is None else chosen_part.of(found.cases)
        if not many and (share or chosen_part is not None):
            raise UsageError(
                "one scan cannot be shared",
                path=scans,
                seen="--share" if share else "--part",
                remedy="Give a folder of scans or --from, or leave the option out.",
            )
        chosen = (("seg", dicom_seg), ("rtstruct", rtstruct), ("sr", sr))
        extras = OutputOptions(
            split=split,
            preview=preview_of(preview_file, many=many),
            sides=sides,
            dicom=tuple(name for name, is_chosen in chosen if is_chosen),
            labelmap=labelmap,
            mesh=None if mesh is None else mesh.value,
            reference=reference_of(reference, many=many),
            anonymous=anonymous,
        )
        existing = "overwrite" if overwrite else "resume" if resume else "refuse"
        tables = []
        if statistics is not None:
            replaces = overwrite or (resume and is_statistics_table(statistics))
            tables.append(Destination(statistics, "table of statistics", replaces))
        if report is not None:
            tables.append(Destination(report, "report", overwrite or (resume and is_report_page(report))))
        request = PredictionRequest(
            system_named(system).name,
            tuple(weights or ()),
            EngineRequest(backend.value, device.value, precision.value, threads, max_gpu_mb),
            region,
            extras,
            "resume" if resume and not share else "overwrite",
        )
        with CaseProgress(len(cases), hidden=quiet or as_json) as progress, EndedCases() as ended:
            tell = partial(tell_of_scheduler, hidden=quiet or as_json)
            run = Run(request, cases, existing, share, timeout, cluster, tables, progress.start, progress.step, tell)
            outcomes = run.outcomes()
            for warning in () if quiet else found.warnings:
                print_warning(anonymous_text(warning) if anonymous else warning)
            # Closed on an interruption, too: then the case that is being written is written to its end.
            with closing(outcomes):
                shown = seen(outcomes, progress, many=many, as_json=as_json, verbose=verbose)
                if share:
                    report_as_they_come(shown, as_json=as_json, quiet=quiet)
                    return
                for outcome in shown:
                    ended.add(outcome)
            progress.hide()
            if report is not None and (many or not ended.failed):
                from flarecli.report.run import write_report_of_run

                write_report_of_run(report, ended, extras, title=destination.name)
            report_at_the_end(ended, statistics, many=many, as_json=as_json, quiet=quiet, verbose=verbose)
