"""`flare preprocess`: a dataset checked, and stored as the arrays that a system is trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flarecli.addresses import is_staged, shown
from flarecli.cli.many_scans.exclusions import check_excluded
from flarecli.cli.many_scans.scheduling import (
    SchedulerOption,
    WorkersOption,
    absolute,
    chosen_scheduler,
    worker_pool,
)
from flarecli.cli.output import print_json, print_warning, reported_errors, stderr_console, stdout_console
from flarecli.counts import counted
from flarecli.errors import InputError, PartialFailureError, UsageError
from flarecli.systems import DEFAULT_SYSTEM

if TYPE_CHECKING:
    from rich.progress import TaskID

    from flarecli.datasets.organ_values import OrganValues
    from flarecli.preprocessing.outcomes import CaseOutcome


def preprocess(
    dataset: Annotated[
        str,
        typer.Argument(
            metavar="DATASET",
            help="Folder with TrainingImg and TrainingMask (FLARE), with dataset.json (nnU-Net, Decathlon) or with "
            "imagesTr and labelsTr; or a .csv of two columns: scan, labels. Also s3:// or gs://.",
        ),
    ],
    cache_folder: Annotated[
        str | None,
        typer.Argument(metavar="CACHE", help="Folder of the cache; an interrupted one is resumed."),
    ] = None,
    system: Annotated[str, typer.Option(help="Segmentation system to store the arrays of.")] = DEFAULT_SYSTEM,
    check_only: Annotated[bool, typer.Option("--check-only", help="Check every pair, and write nothing.")] = False,
    organ: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUES",
            help="Which values of the label maps an organ has, as in kidneys=2,3; repeatable. Organs that are not "
            "named are not labelled.",
        ),
    ] = None,
    background: Annotated[
        str | None, typer.Option(metavar="VALUES", help="Values that are known and belong to no organ, as in 5,8,9.")
    ] = None,
    surroundings: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KIND=VALUES",
            help="Which values are surroundings of a kind that flarelite's networks distinguish, as in gut=8: gut, "
            "vessels, muscle, bone, heart, fluid, soft tissue; repeatable. Used where real and synthetic scans are "
            "mixed.",
        ),
    ] = None,
    ignore_geometry: Annotated[
        bool, typer.Option("--ignore-geometry", help="Pair voxels by index where world coordinates differ.")
    ] = False,
    jobs: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Processes, each holding one case at a time; by default as many as processors and memory allow.",
        ),
    ] = None,
    share: Annotated[
        bool,
        typer.Option("--share", help="Fill the cache with other processes, of any host, that are started likewise."),
    ] = False,
    scheduler: SchedulerOption = None,
    workers: WorkersOption = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Recompute arrays that are complete.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was found and done as JSON.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print faults only.")] = False,
) -> None:
    """Check a dataset of scans with label maps, and store it for training.

    Every pair is checked before anything is written, and all faults are reported together. Faulty pairs are left
    out; the exit code is 4 then. A second call makes only what is missing or has changed.
    """
    from flarecli.files.remote.staging import located, source_path, staging

    with reported_errors(as_json=as_json, go_on="Run the same command again: it resumes."), staging():
        cache = None if cache_folder is None else located(cache_folder)
        if cache is not None and is_staged(cache):
            raise UsageError(
                "a cache cannot lie on a server: training reads its arrays where they are",
                path=cache,
                expected="a folder of this machine, or of a network drive",
                remedy="Name a folder; the dataset may lie on a server.",
            )
        if cache is None and not check_only:
            raise UsageError(
                "there is no cache to write to",
                expected="DATASET and CACHE",
                remedy="Name a folder for the cache, or say --check-only.",
            )
        from flarecli.datasets.layouts import find_dataset
        from flarecli.datasets.value_texts import numbers_of
        from flarecli.preprocessing.outcomes import figures_of
        from flarecli.preprocessing.parallelism import suggested_jobs
        from flarecli.preprocessing.run import WorkSettings, check_dataset
        from flarecli.preprocessing.run import preprocess as fill_cache

        cluster = chosen_scheduler(scheduler, workers)
        if share:
            check_excluded(
                "--share",
                {
                    "--overwrite": (overwrite, "Give another folder for the cache."),
                    "--check-only": (check_only, "Check without it, or check and write with it."),
                    "--jobs": (jobs is not None, "Start the command as often as processes are wanted."),
                    "--scheduler": (cluster is not None, "Give one of them: a scheduler shares the work, too."),
                },
            )
        source = source_path(dataset, deep=True)
        if cluster is not None:  # workers may have another working folder
            source, cache = source.absolute(), absolute(cache)
        found = find_dataset(source, _organ_values(organ or []))
        no_organs = [] if background is None else numbers_of(background, "--background")
        found = replace(found, values=found.values.with_background(no_organs))
        if surroundings:
            found = replace(found, values=_with_surroundings(found.values, surroundings, no_organs, system))
        with (
            worker_pool(cluster, (path for pair in found.pairs for path in (pair.scan, pair.labels))) as pool,
            _Progress(hidden=quiet or as_json) as progress,
        ):
            count = 1 if pool is not None or share else jobs or suggested_jobs(found.pairs)
            work = WorkSettings(count, progress.begin, progress.advance, pool)
            if cache is None or check_only:
                outcomes = check_dataset(found, ignore_geometry=ignore_geometry, work=work)
            else:
                outcomes = fill_cache(
                    found,
                    cache,
                    system,
                    ignore_geometry=ignore_geometry,
                    overwrite=overwrite,
                    share=share,
                    work=work,
                )
        figures = figures_of(outcomes)["dataset"]
        if as_json:
            print_json(
                {
                    "dataset": shown(found.source),
                    "layout": found.layout,
                    "cache": None if cache is None or check_only else str(cache),
                    "counts": _counts(outcomes),
                    "warnings": list(found.warnings),
                    "cases": [outcome.as_dict() for outcome in outcomes],
                    "figures": figures,
                }
            )
        else:
            _print_findings(outcomes, faults_only=quiet)
            if not quiet:
                for warning in found.warnings:
                    print_warning(warning)
                _print_figures(figures)
                _print_counts(outcomes, found.layout, found.values.background_names)
        sound = sum(outcome.is_sound for outcome in outcomes)
        if not sound:
            raise typer.Exit(InputError.exit_code)
        if sound < len(outcomes):
            raise typer.Exit(PartialFailureError.exit_code)


def _organ_values(texts: list[str]) -> OrganValues | None:
    """What `--organ` says about values; None where it is not given."""
    from flarecli.datasets.organ_values import OrganValues
    from flarecli.datasets.value_texts import named_values
    from flarecli.organs import ORGANS

    if not texts:
        return None
    return OrganValues({0: 0, **named_values(texts, {organ.name: organ.label for organ in ORGANS}, "--organ")})


def _with_surroundings(values: OrganValues, texts: list[str], background: list[int], system: str) -> OrganValues:
    """The values with what `--surroundings` says about them, of which `--background` may name none."""
    from flarecli.datasets.value_texts import named_values
    from flarecli.organs import ORGANS
    from flarecli.phantom.surroundings import SURROUNDINGS

    if system != DEFAULT_SYSTEM:
        raise UsageError(
            "the networks of this system do not distinguish surroundings",
            seen=f"--surroundings with --system {system}",
            expected=f"--system {DEFAULT_SYSTEM}",
            remedy="Name these values with --background.",
        )
    labels = {kind: len(ORGANS) + number for number, kind in enumerate(SURROUNDINGS, start=1)}
    taken = {**values.flare_labels, **dict.fromkeys(background, -1)}
    return values.with_surroundings(named_values(texts, labels, "--surroundings", taken))


def _counts(outcomes: Sequence[CaseOutcome]) -> dict[str, int]:
    from flarecli.preprocessing.outcomes import PreprocessingStatus

    return {status.value: sum(outcome.status is status for outcome in outcomes) for status in PreprocessingStatus}


def _print_findings(outcomes: Sequence[CaseOutcome], *, faults_only: bool) -> None:
    """A block for each finding: case, what was found and where, and what to do about it."""
    from rich.markup import escape

    from flarecli.datasets.findings import Severity

    colours = {Severity.FAULT: "red", Severity.WARNING: "yellow"}
    console = stdout_console()
    for outcome in outcomes:
        for finding in outcome.findings:
            if faults_only and finding.severity is not Severity.FAULT:
                continue
            severity = f"[{colours[finding.severity]}]{finding.severity.value}:[/]"
            what = f"{finding.subject}: {escape(finding.sentence)}"
            lines = [f"{severity} [bold]{escape(outcome.pair.name)}[/bold]: {what}"]
            if finding.path and finding.severity is Severity.FAULT:
                lines.append(f"  {escape(finding.path)}")
            if finding.remedy:
                lines.append(f"  [dim]{escape(finding.remedy)}[/dim]")
            console.print("\n".join(lines), highlight=False, soft_wrap=True)


def _print_figures(figures: dict[str, Any] | None) -> None:
    """Sizes, intensities and organs of the sound cases."""
    from rich.table import Table

    if figures is None:
        return
    console = stdout_console()
    columns = ("mean", "sd", "min", "median", "max")
    sizes = Table("", *columns, "absent", box=None, pad_edge=False)
    for key, title in (
        ("spacing_mm", "spacing {} mm"),
        ("shape_zyx", "voxels {}"),
        ("organ_region_mm", "organs {} mm"),
    ):
        for axis, row in zip(figures["axes"], figures[key], strict=True):
            sizes.add_row(title.format(axis), *(_short(row[column]) for column in columns), "")
    for name, row in figures["organ_volume_ml"].items():
        sizes.add_row(f"{name} ml", *(_short(row[column]) for column in columns), str(row["absent"]))
    first = next(row for row in figures["hu"].values() if row is not None)
    values = Table("HU", *first, box=None, pad_edge=False)
    for name, row in figures["hu"].items():
        if row is not None:
            values.add_row(name, *(_short(value) for value in row.values()))
    for table in (sizes, values):
        for column in table.columns[1:]:
            column.justify = "right"
        console.print(table, highlight=False)


def _short(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def _print_counts(outcomes: Sequence[CaseOutcome], layout: str, background_names: Sequence[str]) -> None:
    counts = ", ".join(f"{count} {name}" for name, count in _counts(outcomes).items() if count)
    console = stdout_console()
    console.print(f"{counted(len(outcomes), 'case')} ({layout}): {counts}", markup=False, highlight=False)
    if background_names:
        names = ", ".join(background_names)
        console.print(f"labelled, but treated as background: {names}", markup=False, highlight=False)


class _Progress:
    """A bar for each phase, on standard error, where that is a terminal."""

    def __init__(self, *, hidden: bool) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        console = stderr_console()
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=hidden or not console.is_terminal,
        )
        self._task: TaskID | None = None

    def __enter__(self) -> _Progress:
        self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.stop()

    def begin(self, phase: str, total: int) -> None:
        self._task = self._bar.add_task(phase, total=total)

    def advance(self, name: str) -> None:
        if self._task is not None:
            self._bar.advance(self._task)
