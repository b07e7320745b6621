"""`flare predict`: from scans to label maps."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flarecli.cli.default_system import DEFAULT_SYSTEM
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
    print_traceback,
    reported_errors,
    stderr_console,
    stdout_console,
)
from flarecli.errors import PartialFailureError, UsageError

if TYPE_CHECKING:
    from rich.progress import Progress

    from flarecli.prediction.cases import Case
    from flarecli.prediction.outcome import Outcome


def predict(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="IN",
            help="A scan (NIfTI; NRRD, MHA or a DICOM folder with the extra 'io'), or a folder of scans.",
        ),
    ],
    destination: Annotated[
        Path,
        typer.Argument(metavar="OUT", help="The label map to write, or a folder for those of a folder of scans."),
    ],
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
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace label maps that exist.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Skip cases that are complete, do the rest.")] = False,
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
        region = _region(roi)

        from flarecli.measures.statistics import check_statistics_path
        from flarecli.prediction.batch import predict_cases
        from flarecli.prediction.cases import find_cases
        from flarecli.prediction.outcome import Extras
        from flarecli.prediction.predictor import EngineRequest, Predictor
        from flarecli.systems import system_named

        if statistics is not None:
            check_statistics_path(statistics)
        cases = find_cases(source, destination)
        many = source.is_dir() and bool(cases) and cases[0].scan != source
        predictor = Predictor(
            system_named(system).name,
            weights or (),
            EngineRequest(backend.value, device.value, precision.value, threads, max_gpu_mb),
            region,
            keep_memory=len(cases) > 1,
        )
        extras = Extras(split=split, preview=_preview_file(preview, many=many))
        existing = "overwrite" if overwrite else "resume" if resume else "refuse"
        outcomes = []
        with (
            _Progress(len(cases), hidden=quiet or as_json) as progress,
            # Closed on an interruption, too: then the case that is being written is written to its end.
            closing(
                predict_cases(
                    predictor,
                    cases,
                    extras=extras,
                    existing=existing,
                    on_start=progress.start,
                    on_step=progress.step,
                )
            ) as finished,
        ):
            for outcome in finished:
                outcomes.append(outcome)
                progress.finish()
                if outcome.error is not None and many and not as_json:
                    print_error(outcome.error)
                    if verbose:
                        print_traceback(outcome.error)
        if statistics is not None:
            _write_statistics(statistics, outcomes)
        _report(outcomes, many=many, as_json=as_json, quiet=quiet, verbose=verbose)


def _region(roi: str) -> str | tuple[float, ...]:
    if roi in ("auto", "full"):
        return roi
    try:
        numbers = tuple(float(part) for part in roi.split(","))
    except ValueError:
        numbers = ()
    if len(numbers) != 6 or any(numbers[axis] == numbers[axis + 3] for axis in range(3)):
        raise UsageError(
            "the region cannot be read",
            seen=f"--roi {roi}",
            expected="auto, full, or two opposite corners x0,y0,z0,x1,y1,z1 in world mm",
            remedy="Read the coordinates off a viewer that shows world (RAS) millimetres.",
        )
    return numbers


def _preview_file(preview: Path | None, *, many: bool) -> Callable[[Case], Path] | None:
    if preview is None:
        return None
    if many:
        return lambda case: preview / f"{case.name}.png"
    from flarecli.preview import check_preview_path

    check_preview_path(preview)
    return lambda case: preview


def _write_statistics(path: Path, outcomes: list[Outcome]) -> None:
    from flarecli.measures.statistics import write_statistics

    write_statistics(path, {outcome.case.name: outcome.statistics for outcome in outcomes if outcome.statistics})


def _report(outcomes: list[Outcome], *, many: bool, as_json: bool, quiet: bool, verbose: bool) -> None:
    failed = [outcome for outcome in outcomes if outcome.error is not None]
    if not many and outcomes[0].error is not None:
        if verbose and not as_json:
            print_traceback(outcomes[0].error)
        raise outcomes[0].error
    if as_json:
        print_json([_outcome_as_dict(outcome) for outcome in outcomes] if many else _outcome_as_dict(outcomes[0]))
    elif not quiet:
        _print_results(outcomes, verbose=verbose)
    if failed:
        if not as_json and not quiet:
            stderr_console().print(f"[red]{len(failed)} of {len(outcomes)} scans failed[/red]")
        raise typer.Exit(PartialFailureError.exit_code)


def _outcome_as_dict(outcome: Outcome) -> dict[str, Any]:
    return {
        "case": outcome.case.name,
        "status": outcome.status,
        "labels": str(outcome.case.labels),
        "record": None if outcome.record is None else dict(outcome.record),
        "error": None if outcome.error is None else outcome.error.as_dict(),
    }


def _print_results(outcomes: list[Outcome], *, verbose: bool) -> None:
    from rich.markup import escape
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
        table.add_row(escape(outcome.case.name), *figures, outcome.status)
    console.print(table)
    for outcome in outcomes:
        record = outcome.record
        if record is None or outcome.status != "done":
            continue
        for line in _doubts(record):
            console.print(f"{escape(outcome.case.name)}: {line}", highlight=False, soft_wrap=True)
        for warning in record["warnings"]:
            stderr_console().print(
                f"[yellow]warning:[/yellow] {escape(outcome.case.name)}: {escape(warning)}", soft_wrap=True
            )
        if verbose:
            runtime = record["runtime"]
            steps = ", ".join(f"{step['name']} {step['wall_s']:.2f}" for step in record["steps"])
            weights = ", ".join(f"{network}: {card['set']}" for network, card in record["weights"].items())
            console.print(
                f"{escape(outcome.case.name)}: {runtime['backend']} {runtime['version']} on {runtime['device']}, "
                f"{runtime['precision']}, {runtime['threads']} threads; weights {weights}; seconds: {steps}; "
                f"peak memory {record['peak_rss_mb']:.0f} MB",
                highlight=False,
                soft_wrap=True,
            )


def _doubts(record: Mapping[str, Any]) -> list[str]:
    """A line for each organ that is not simply good, with the reasons."""
    from rich.markup import escape

    colours = {"check": "yellow", "failed": "red"}
    return [
        f"[{colours[found['verdict']]}]{name}: {found['verdict']}[/] ({escape('; '.join(found['reasons']))})"
        for name, found in record.get("confidence", {}).items()
        if found["verdict"] in colours
    ]


class _Progress:
    """A bar over the cases with the step at hand, on standard error, where that is a terminal."""

    def __init__(self, total: int, *, hidden: bool) -> None:
        self._bar: Progress | None = None
        self._case = ""
        # Asked before Rich is imported, which takes a tenth of a second while networks wait to be loaded.
        if hidden or not sys.stderr.isatty():
            return
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=stderr_console(),
            transient=True,
        )
        self._task = self._bar.add_task("starting", total=total)

    def __enter__(self) -> _Progress:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def start(self, case: Case) -> None:
        self._case = case.name
        self.step("waiting")

    def step(self, name: str) -> None:
        if self._bar is not None:
            from rich.markup import escape

            self._bar.update(self._task, description=f"{escape(self._case)}: {name}")

    def finish(self) -> None:
        if self._bar is not None:
            self._bar.advance(self._task)
