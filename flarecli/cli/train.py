"""`flare train`: weights from a cache of training arrays, or from synthetic scans."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flarecli.cli.many_scans.scheduling import SCHEDULER_METAVAR, chosen_scheduler
from flarecli.cli.output import print_json, reported_errors, stdout_console
from flarecli.cli.rendering.train_tables import print_scores, show_recipe
from flarecli.counts import counted
from flarecli.errors import UsageError
from flarecli.systems import DEFAULT_SYSTEM

if TYPE_CHECKING:
    from flarecli.training.data import TrainingData
    from flarecli.training.machine import Machine
    from flarecli.training.recipe import Recipe


def train(
    first: Annotated[
        Path,
        typer.Argument(metavar="[CACHE]", help="Cache made by `flare preprocess`; optional with --synthesize-from."),
    ],
    second: Annotated[
        Path | None, typer.Argument(metavar="RUN", help="Folder of the run; an interrupted run is resumed.")
    ] = None,
    system: Annotated[str, typer.Option(help="Segmentation system.")] = DEFAULT_SYSTEM,
    network: Annotated[str | None, typer.Option(help="Network of the system; the first one by default.")] = None,
    synthesize_from: Annotated[
        str | None,
        typer.Option(
            metavar="LABELS_DIR|phantoms",
            help="Train on synthetic scans: organs of a folder of label maps, or organs drawn by rule. With a CACHE: "
            "on both.",
        ),
    ] = None,
    real_share: Annotated[
        float | None,
        typer.Option(help="With a CACHE and synthetic scans: share of the samples from real scans; 0.5 by default."),
    ] = None,
    recipe: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE.toml",
            help="Recipe to follow: published, starter, standard or gpu, whichever the network has, or a file with "
            "changes to one. By default starter for synthetic scans where there is one, else the first of these.",
        ),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change one setting of the recipe; may be repeated."),
    ] = None,
    iterations: Annotated[int | None, typer.Option(min=1, help="Same as --set iterations=N.")] = None,
    fold: Annotated[
        str | None,
        typer.Option(
            metavar="K|all|auto",
            help="Hold out fold K, from 1 on; train all folds and tabulate their scores; or the fold of this task of a "
            "Slurm job array, as with all in RUN/foldK.",
        ),
    ] = None,
    folds: Annotated[int | None, typer.Option(min=2, help="Number of folds; 4 by default.")] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(
            metavar=SCHEDULER_METAVAR,
            help="With --fold all: train folds side by side, on workers of Dask: of a scheduler that runs, one job of "
            "SLURM a fold, or N of this machine.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of all random numbers.")] = 0,
    initial_weights: Annotated[
        str | None, typer.Option(metavar="SET|RUN|FILE", help="Weights to start from, instead of random ones.")
    ] = None,
    backend: Annotated[
        str, typer.Option(help="tensorflow, torch or auto: the faster one here. The recipe gpu needs torch.")
    ] = "auto",
    device: Annotated[str, typer.Option(help="auto, cpu or gpu.")] = "auto",
    threads: Annotated[
        int | None,
        typer.Option(min=1, help="Processor threads of the network; by default all that are available to the process."),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=0, help="Data-loading processes; one less than processors by default.")
    ] = None,
    checkpoint_every: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Iterations between checkpoints; 2 minutes by default.")
    ] = None,
    tensorboard: Annotated[bool, typer.Option("--tensorboard", help="Also log for TensorBoard.")] = False,
    preview: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.png", help="First draw samples of the network's input; an existing file is replaced."
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the recipe with all settings, and train nothing.")
    ] = False,
    measure: Annotated[
        bool,
        typer.Option("--measure", help="Measure the throughput of data loading and of training, and train nothing."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only.")] = False,
) -> None:
    """Train a network on the cases of a cache, on synthetic scans that are generated during training, or on both.

    The same command resumes an interrupted run. At the end the folder holds the weights with
    their card: `flare predict --weights RUN` uses them.
    """
    with reported_errors(as_json=as_json, go_on="Run the same command again: it resumes."):
        cache, run = _folders(first, second, synthesize_from)
        _check_outputs(run, preview, cache)
        from flarecli.training.folds import FOLDS, fold_number
        from flarecli.training.samples.mixture.selection import (
            DEFAULT_REAL_SHARE,
            ScanSelection,
            chosen_recipe,
            data_of,
            fold_of_array,
        )

        _check_meant(cache, synthesize_from, real_share, fold, folds)
        scans = ScanSelection(cache, synthesize_from, DEFAULT_REAL_SHARE if real_share is None else real_share)
        folds = FOLDS if folds is None else folds
        chosen = chosen_recipe(system, network, recipe, settings or [], iterations, scans)
        from flarecli.cli.train_folds import AllFolds
        from flarecli.training.checks import check_recipe, check_sizes
        from flarecli.training.cross_validation import folder_of_fold, recipe_of_fold
        from flarecli.training.machine import Machine
        from flarecli.training.parallel.launch import present_launch
        from flarecli.training.preparation import network_spec
        from flarecli.training.run import RunOptions

        check_recipe(chosen)
        check_sizes(chosen, network_spec(chosen.system, chosen.network))
        launch = present_launch()
        if launch.size > 1 and (dry_run or measure or preview is not None):
            raise UsageError(
                "this is done by one process",
                seen=f"--dry-run, --measure or --preview in {launch.size} processes",
                remedy="Start it without torchrun.",
            )
        machine = Machine(backend, device, threads, workers)
        options = RunOptions(checkpoint_every, tensorboard, initial_weights)
        cluster = chosen_scheduler(scheduler, folds if scheduler == "slurm" else None)
        if cluster is not None and (cache is None or fold != "all" or launch.size > 1):
            raise UsageError(
                "workers of a scheduler train whole folds",
                seen=f"--scheduler {scheduler} without a CACHE and --fold all, or under torchrun",
                expected=f"flare train CACHE RUN --fold all --scheduler {scheduler}",
                remedy="Add --fold all, or leave --scheduler out.",
            )
        if cache is not None and fold == "all":
            if dry_run or measure or preview is not None:
                raise UsageError(
                    "this is done for one fold at a time",
                    seen="--fold all with --dry-run, --measure or --preview",
                    remedy="Name a fold, as in --fold 1.",
                )
            all_folds = AllFolds(run, chosen, scans, folds, seed, machine, options, as_json, quiet)
            if cluster is None:
                all_folds.train_here()
            else:
                all_folds.train_on_workers(cluster)
            return
        if fold == "auto":
            number = fold_of_array(folds)
            fold, run = str(number), folder_of_fold(run, number)
        if fold is not None and (wanted := fold_number(fold)) is not None:
            chosen = recipe_of_fold(chosen, wanted)
        data = data_of(chosen, scans, fold, folds, seed)
        if preview is not None:
            _draw_preview(preview, data, seed)
        if dry_run:
            show_recipe(chosen, data, as_json=as_json)
        elif measure:
            _measure(chosen, data, seed, machine, as_json=as_json)
        else:
            _train(run, chosen, data, seed, machine, options, as_json=as_json, quiet=quiet)


def _folders(first: Path, second: Path | None, synthesize_from: str | None) -> tuple[Path | None, Path]:
    """The cache, if any, and the folder of the run."""
    if second is not None:
        return first, second
    if synthesize_from is not None:
        return None, first
    raise UsageError(
        "a cache or a source of synthetic scans is needed",
        seen=f"{first}",
        expected="flare train CACHE RUN, flare train RUN --synthesize-from LABELS_DIR|phantoms, or both",
        remedy="Give one of them, or both.",
    )


def _check_meant(
    cache: Path | None, synthesize_from: str | None, real_share: float | None, fold: str | None, folds: int | None
) -> None:
    """Refuse options that would have no effect."""
    if real_share is not None and (cache is None or synthesize_from is None):
        raise UsageError(
            "the share of real scans is for runs on real and synthetic scans",
            seen=f"--real-share {real_share:g} without {'a CACHE' if cache is None else '--synthesize-from'}",
            expected="flare train CACHE RUN --synthesize-from LABELS_DIR|phantoms --real-share 0.5",
            remedy="Add what is missing, or leave --real-share out.",
        )
    if folds is not None and fold is None:
        raise UsageError(
            "a number of folds is for runs of folds",
            seen=f"--folds {folds} without --fold",
            expected=f"--fold 1, --fold all or --fold auto, with --folds {folds}",
            remedy="Add --fold, or leave --folds out.",
        )


def _check_outputs(run: Path, preview: Path | None, cache: Path | None) -> None:
    """Refuse what cannot be written, before anything is read or computed."""
    from flarecli.files.destinations import Destination, check_destinations, check_suffix
    from flarecli.training.learning.run_folder import check_place

    check_place(run, cache)
    if preview is None:
        return
    check_suffix(preview, "preview", ".png")
    check_destinations([Destination(preview, "preview", replaces=True)], [])


def _draw_preview(path: Path, data: TrainingData, seed: int) -> None:
    from flarecli.training.preview import draw_samples, preview_samples

    draw_samples(path, preview_samples(data, seed))


def _measure(recipe: Recipe, data: TrainingData, seed: int, machine: Machine, *, as_json: bool) -> None:
    from dataclasses import asdict

    from flarecli.training.given_weights import given_weights
    from flarecli.training.preparation import network_spec, prepare
    from flarecli.training.rates import measure_rates

    runtime = machine.start(recipe.precision)
    spec = network_spec(recipe.system, recipe.network, recipe.view.input_shape, recipe.base_filters)
    given = given_weights(recipe, None)
    prepared = prepare(recipe, spec, runtime, seed, given, is_rendered_on_device=data.is_rendered_on_device)
    rates = measure_rates(prepared.model, data.stream(seed), recipe.batch, machine.worker_count)
    if as_json:
        print_json(asdict(rates))
        return
    verdict = (
        "the loader is faster than the network"
        if rates.is_ahead
        else "the network waits for samples: give more --workers"
    )
    stdout_console().print(
        f"made  {rates.samples_per_s:8.2f} samples/s by {counted(rates.workers, 'process', 'processes')}\n"
        f"used  {rates.used_samples_per_s:8.2f} samples/s\n{verdict}",
        highlight=False,
    )


def _train(
    run: Path,
    recipe: Recipe,
    data: TrainingData,
    seed: int,
    machine: Machine,
    options: Any,
    *,
    as_json: bool,
    quiet: bool,
) -> None:
    from flarecli.cli.train_progress import say_stopped, shown_progress
    from flarecli.training.parallel.group import leave_group
    from flarecli.training.parallel.launch import present_launch
    from flarecli.training.run import run_training

    is_silent = not present_launch().is_first  # of several processes the first one reports
    with shown_progress(hidden=quiet or as_json or is_silent) as display:
        finished = run_training(run, recipe, data, seed, machine, options, display.callbacks)
        leave_group()
    if finished is None:
        say_stopped(display.last_iteration, quiet=is_silent)
    elif is_silent:
        return
    elif as_json:
        print_json({"path": str(finished.weights), **finished.card.as_dict()})
    elif not quiet:
        print_scores(finished.card.details.get("held_out", {}))
        display.say_waiting()
        stdout_console().print(f"weights written to {finished.weights}", markup=False, highlight=False, soft_wrap=True)
