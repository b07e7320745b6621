"""`flare predict`: from scans to label maps."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

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
from flarecli.cli.many_scans.existing_files import choice_for_existing
from flarecli.cli.many_scans.run_files import RunFiles
from flarecli.cli.many_scans.scans import check_shared, preview_of, reference_of, scans_of
from flarecli.cli.many_scans.scheduling import SchedulerOption, WorkersOption, check_no_addresses, chosen_scheduler
from flarecli.cli.many_scans.selection import selected_scans
from flarecli.cli.many_scans.showing import Display, run_and_show
from flarecli.cli.output import reported_errors
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
    split: Annotated[bool, typer.Option("--split", help="Also write one mask per organ.")] = False,
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
        bool, typer.Option("--dicom-seg", help="Also write a DICOM segmentation (.seg.dcm) of a DICOM scan.")
    ] = False,
    labelmap: Annotated[
        bool, typer.Option("--labelmap", help="Write the DICOM segmentation as LABELMAP instead of BINARY.")
    ] = False,
    rtstruct: Annotated[
        bool, typer.Option("--rtstruct", help="Also write an RT structure set (.rtstruct.dcm) of a DICOM scan.")
    ] = False,
    sr: Annotated[
        bool, typer.Option("--sr", help="Also write a structured report with volumes (.sr.dcm) of a DICOM scan.")
    ] = False,
    reference: Annotated[
        Path | None,
        typer.Option(
            metavar="SERIES",
            help="The DICOM series that a scan of another format was converted from, for DICOM objects."
            " For a folder of scans, a folder with one series for each, named like its case.",
        ),
    ] = None,
    mesh: Annotated[
        MeshFormat | None, typer.Option("--mesh", help="Also write the surface of each organ, in world mm (RAS).")
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
            metavar="PATTERN", help="Names of DICOM cases, such as '{PatientID}_{SeriesNumber}'; a checksum by default."
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
        typer.Option(
            "--from", metavar="FILE|-", help="List of scans, one per line: paths, or JSON with scan and name."
        ),
    ] = None,
    share: Annotated[
        bool,
        typer.Option("--share", help="Share the scans with other processes, on any host, that run the same command."),
    ] = False,
    part: Annotated[
        str | None,
        typer.Option(metavar="I/N|auto", help="Every N-th scan from the I-th on (1/N to N/N); auto: as Slurm's array."),
    ] = None,
    timeout: Annotated[
        float | None,
        typer.Option(
            min=0.001,
            metavar="SECONDS",
            help="Time limit of a scan; a scan that exceeds it fails, and the run continues.",
        ),
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
    from flarecli.files.remote.staging import staging

    go_on = f"Run it again with {'--share' if share else '--resume'}: finished cases are kept."
    with reported_errors(as_json=as_json, go_on=go_on, anonymous=anonymous), staging():
        existing = choice_for_existing(overwrite=overwrite, resume=resume)
        files = RunFiles.at(statistics_file, report_file)
        cluster = chosen_scheduler(scheduler, workers)
        if share:
            check_shared(overwrite=overwrite, files=files, scheduler=cluster is not None)

        from flarecli.prediction.long_lists.part import parsed_part
        from flarecli.prediction.output_options import OutputOptions
        from flarecli.prediction.outputs import RENEW
        from flarecli.prediction.predictor import EngineRequest
        from flarecli.prediction.region import parsed_region
        from flarecli.prediction.supervised.request import PredictionRequest
        from flarecli.systems import system_named

        region = parsed_region(roi)
        files.check_suffixes()
        chosen_part = None if part is None else parsed_part(part)
        display = Display(as_json=as_json, quiet=quiet, verbose=verbose, anonymous=anonymous)
        found, destination = scans_of(
            scans, output, listed, series=series, name=name, anonymous=anonymous, hidden=display.hides_progress
        )
        if cluster is not None:
            check_no_addresses((destination, *found.perhaps_on_servers()))
        selected = selected_scans(found, destination, chosen_part, share=share)
        objects = (("seg", dicom_seg), ("rtstruct", rtstruct), ("sr", sr))
        extras = OutputOptions(
            split=split,
            preview=preview_of(preview_file, many=selected.many),
            sides=sides,
            dicom=tuple(kind for kind, is_chosen in objects if is_chosen),
            labelmap=labelmap,
            mesh=None if mesh is None else mesh.value,
            reference=reference_of(reference, many=selected.many),
            anonymous=anonymous,
        )
        # A process that dies after its results have appeared and before it says so has its case tried again.
        is_tried_again = timeout is not None or cluster is not None
        request = PredictionRequest(
            system_named(system).name,
            tuple(weights or ()),
            EngineRequest(backend.value, device.value, precision.value, threads, max_gpu_mb),
            region,
            extras,
            RENEW if share or (is_tried_again and existing == "refuse") else existing,
        )
        run_and_show(
            request,
            selected,
            files,
            existing,
            share=share,
            timeout_s=timeout,
            scheduler=cluster,
            display=display,
        )
