"""`flare evaluate`: the challenge's scores of predictions against ground truths."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flarecli.cli.default_command import CommandWithSubcommands
from flarecli.cli.evaluate.compare import compare
from flarecli.cli.evaluate.rank import rank
from flarecli.cli.many_scans.exclusions import check_excluded
from flarecli.cli.many_scans.scheduling import (
    SchedulerOption,
    WorkersOption,
    absolute,
    chosen_scheduler,
    worker_pool,
)
from flarecli.cli.output import print_error, print_json, print_warning, reported_errors, stderr_console, stdout_console
from flarecli.cli.startup.lazy_verbs import HELP_OPTIONS

if TYPE_CHECKING:
    from flarecli.metrics.evaluation import Evaluation
    from flarecli.metrics.organ_scores import EvaluationSettings
    from flarecli.metrics.pairing import CasePair
    from flarecli.processes.workers import Pool

_PARTIAL_FAILURE = 4
_SHOWN_CASES = 3  # of a warning that many have

app = typer.Typer(
    cls=CommandWithSubcommands,
    invoke_without_command=True,
    rich_markup_mode="rich",
    context_settings={"help_option_names": HELP_OPTIONS},
    subcommand_metavar="| COMMAND ...",
)
app.command("compare")(compare)
app.command("rank")(rank)


class ProtocolName(StrEnum):
    """Choices of `--protocol`."""

    flare21 = "flare21"
    flare22 = "flare22"


_HELP = (  # as text: the lines of a docstring's later paragraphs would not be joined
    "Score predictions by organ and case, as the FLARE challenges do.\n\n"
    "Files are paired by name, with or without _0000. Predictions are compared in world coordinates, whatever their "
    "orientation. A missing prediction counts with the worst scores; files that cannot be compared are left "
    "out of the means; in both cases the exit code is 4."
)


@app.callback(help=_HELP)
def evaluate(
    pred: Annotated[
        str,
        typer.Argument(
            metavar="PRED",
            help="Prediction: a label map, a folder, or a quoted glob pattern; also s3://, gs:// or https://.",
        ),
    ],
    gt: Annotated[str, typer.Argument(metavar="GT", help="Ground truth: the same.")],
    metrics: Annotated[
        str, typer.Option(metavar="LIST", help="Scores, from dsc, nsd, hd95, assd and volume.")
    ] = "dsc,nsd",
    tolerance: Annotated[
        str | None,
        typer.Option(metavar="MM|ORGAN=MM,...", help="NSD tolerance for all, or for organs by name or label."),
    ] = None,
    labels: Annotated[
        str | None, typer.Option(metavar="LABEL=NAME,...", help="What to score, as in 1=liver,2=kidneys.")
    ] = None,
    protocol: Annotated[
        ProtocolName,
        typer.Option(help="Organs, tolerances and rules: four organs at 1 mm, or thirteen at 2 to 7 mm."),
    ] = ProtocolName.flare21,
    literal: Annotated[
        bool,
        typer.Option(
            "--literal",
            help="Repeat the challenge's script to the letter: affines ignored, missing predictions skipped.",
        ),
    ] = False,
    ignore_geometry: Annotated[
        bool, typer.Option("--ignore-geometry", help="Score pairs that lie at different places, too.")
    ] = False,
    geometry_tolerance: Annotated[
        float,
        typer.Option(metavar="MM", min=0, help="How far apart the same voxel may lie in both files."),
    ] = 0.1,
    csv_file: Annotated[
        str | None,
        typer.Option(
            "--csv",
            metavar="FILE",
            help="Write one row a case, FLARE's column names; - is standard output, and nothing else goes there.",
        ),
    ] = None,
    report_file: Annotated[
        str | None, typer.Option("--report", metavar="FILE.html", help="Write a page with plots and a sortable table.")
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a table or report that exists already.")
    ] = False,
    images: Annotated[
        str | None,
        typer.Option(metavar="DIR", help="The scans: the report shows slices of the worst and median cases."),
    ] = None,
    jobs: Annotated[int | None, typer.Option(min=1, help="Processes; one a processor by default.")] = None,
    part: Annotated[
        str | None,
        typer.Option(metavar="I/N|auto", help="Every N-th case from the I-th on (1/N to N/N); auto: as Slurm's array."),
    ] = None,
    share: Annotated[
        str | None,
        typer.Option(
            metavar="DIR",
            help="Share the cases with other processes, of any host, started likewise; DIR takes their scores.",
        ),
    ] = None,
    scheduler: SchedulerOption = None,
    workers: WorkersOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no warnings.")] = False,
) -> None:
    """Score predictions against ground truths."""
    from flarecli.files.remote.staging import destination_file, staging

    with reported_errors(as_json=as_json), staging():
        from flarecli.cli.evaluate.options import check_outputs, evaluation_settings
        from flarecli.cli.evaluate.table import print_evaluation
        from flarecli.errors import UsageError
        from flarecli.files.destinations import check_destination
        from flarecli.files.remote.parsing import is_address
        from flarecli.metrics.pairing import (
            CasePair,
            inventory_of_labels,
            label_files,
            names_one_file,
            pair_inventories,
        )
        from flarecli.metrics.score_table import write_score_table
        from flarecli.prediction.long_lists.part import parsed_part

        cluster = chosen_scheduler(scheduler, workers)
        chosen_part = None if part is None else parsed_part(part)
        if share is not None:
            check_excluded(
                "--share",
                {
                    "--jobs": (jobs is not None, "Start the command as often as processes are wanted."),
                    "--part": (part is not None, "Give one of them: processes that share need no parts."),
                    "--scheduler": (cluster is not None, "Give one of them: a scheduler shares the work, too."),
                },
            )
            if is_address(share):
                raise UsageError(
                    "a bucket cannot be shared: it has no atomic claims",
                    seen=f"--share {share}",
                    expected="a folder that all processes have",
                    remedy="Name a folder, or give each process a part of the cases: --part 1/4 to --part 4/4.",
                )
            check_destination(Path(share, "scores.json"))
        if images is not None and report_file is None:
            raise UsageError(
                "--images without --report shows nothing",
                seen=f"--images {images}",
                remedy="Add --report report.html.",
            )
        settings = evaluation_settings(
            protocol.value,
            metrics=metrics,
            labels=labels,
            tolerance=tolerance,
            literal=literal,
            ignore_geometry=ignore_geometry,
            geometry_tolerance_mm=geometry_tolerance,
        )
        csv, report = (None if text is None else destination_file(text) for text in (csv_file, report_file))
        preds, gts = inventory_of_labels(_listed(pred)), inventory_of_labels(_listed(gt))
        scans = [] if images is None else label_files(_listed(images))
        streams_out = check_outputs(csv, report, overwrite=overwrite, as_json=as_json, read=(preds, gts), scans=scans)
        pairs, unmatched = pair_inventories(preds, gts, literal=literal)
        if chosen_part is not None:
            pairs = list(chosen_part.of(pairs))
        warnings = [warning for inventory in (preds, gts) if (warning := inventory.warning())]
        with worker_pool(cluster, (path for pair in pairs for path in (pair.pred, pair.gt))) as pool:
            if pool is not None:
                pairs = [CasePair(pair.name, absolute(pair.pred), absolute(pair.gt)) for pair in pairs]
            evaluation = _evaluated(
                pairs,
                settings,
                unmatched,
                warnings,
                jobs=jobs,
                quiet=quiet or as_json,
                pool=pool,
                share=None if share is None else Path(share),
            )
        if names_one_file(preds) and names_one_file(gts):
            for case in evaluation.cases:
                if case.error is not None:
                    raise case.error
        if csv is not None:
            write_score_table(csv, evaluation, replaces=overwrite)
        if report is not None:
            from flarecli.metrics.report.page import write_report

            write_report(report, evaluation, scans, replaces=overwrite)
        if as_json:
            print_json(evaluation.as_dict())
        else:
            if not streams_out:
                print_evaluation(stdout_console(), evaluation)
            if not quiet:
                _print_warnings(evaluation)
        if evaluation.failures:
            raise typer.Exit(_PARTIAL_FAILURE)


def _listed(location: str) -> str:
    """A path or pattern as it is; for an address the path that stands for it, after the server was asked."""
    from flarecli.files.remote.parsing import is_address
    from flarecli.files.remote.staging import source_path

    return str(source_path(location)) if is_address(location) else location


def _evaluated(
    pairs: list[CasePair],
    settings: EvaluationSettings,
    unmatched: list[str],
    warnings: list[str],
    *,
    jobs: int | None,
    quiet: bool,
    pool: Pool | None,
    share: Path | None,
) -> Evaluation:
    """Score all cases under a progress bar."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from flarecli.metrics.evaluation import evaluate as evaluate_pairs

    console = stderr_console()
    with Progress(
        TextColumn("scoring"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.description}"),
        console=console,
        transient=True,
        disable=quiet or not console.is_terminal,
    ) as progress:
        task = progress.add_task("", total=len(pairs))
        return evaluate_pairs(
            pairs,
            settings,
            unmatched=unmatched,
            warnings=warnings,
            jobs=jobs,
            on_case=lambda case: progress.update(task, advance=1, description=case.name),
            pool=pool,
            share=share,
        )


def _print_warnings(evaluation: Evaluation) -> None:
    """Say on standard error what failed and what can make the scores misleading."""
    for warning in (*evaluation.warnings, *evaluation.value_warnings()):
        print_warning(warning)
    cases_by_warning: dict[str, list[str]] = {}
    for case in evaluation.cases:
        for warning in case.warnings:
            cases_by_warning.setdefault(warning, []).append(case.name)
    for warning, names in cases_by_warning.items():
        more = f" and {len(names) - _SHOWN_CASES} more" if len(names) > _SHOWN_CASES else ""
        print_warning(warning, ", ".join(names[:_SHOWN_CASES]) + more)
    for name in evaluation.unmatched:
        print_warning("has no ground truth, not scored", name)
    for case in evaluation.cases:
        if case.error is not None:
            print_error(case.error)
