"""Several systems in one run of `flare profile`: which ones, and their figures side by side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from flarecli.cli.output import print_error, print_json, stderr_console, stdout_console
from flarecli.cli.rendering.notices import print_warning
from flarecli.counts import counted
from flarecli.errors import InputError, PartialFailureError, UsageError
from flarecli.systems import DEFAULT_SYSTEM

if TYPE_CHECKING:
    from flarecli.profiling.budget import Budget
    from flarecli.profiling.pareto import SystemPoint
    from flarecli.profiling.profile import Profile

_ALL = "all"


def check_comparison(
    system: str, weights: list[str] | None, csv: Path | None, plot: Path | None, *, with_truth: bool
) -> None:
    """Refuse options that are for one system, and a picture without accuracies.

    Raises:
        UsageError: then.
    """
    for option, is_given in (
        ("--system", system != DEFAULT_SYSTEM),
        ("--weights", weights),
        ("--csv", csv is not None),
    ):
        if is_given:
            raise UsageError(
                f"{option} is for one system", seen=f"{option} beside --systems", remedy="Leave out one of them."
            )
    if plot is None:
        return
    if not plot.suffix:
        raise UsageError(
            "systems side by side are one picture", path=plot, expected="a name ending in .png", remedy="Name a file."
        )
    if not with_truth:
        raise UsageError(
            "the comparison of systems needs their accuracy",
            seen="--systems with --plot, without --labels",
            remedy="Give the true label maps with --labels, or leave out --plot.",
        )


def systems_to_compare(chosen: str) -> list[str]:
    """Names of the systems; of all those there are, those without weights are passed over with a warning.

    Raises:
        UsageError: for an unknown name.
        InputError: when a system that is named, or every one, has no weights.
    """
    from flarecli.systems import SYSTEM_NAMES, system_named
    from flarecli.weights.selection import weighted_system

    if chosen != _ALL:
        names = [system_named(name.strip()).name for name in chosen.split(",")]
        for name in names:
            weighted_system(name)
        return list(dict.fromkeys(names))
    usable, missing = [], []
    for name in SYSTEM_NAMES:
        try:
            weighted_system(name)
        except InputError as error:
            missing.append(error)
            print_warning(f"{name} is left out: {error.problem}")
        else:
            usable.append(name)
    if not usable:
        raise missing[0]
    return usable


def report_comparison(
    profiles: Sequence[Profile],
    budget: Budget,
    plot: Path | None,
    *,
    overwrite: bool,
    as_json: bool,
    quiet: bool,
    verbose: bool,
) -> None:
    """Print every system's profile and, last, all side by side; draw them where that is asked for.

    Raises:
        OutputError: when the picture exists by now and may not be replaced.
        typer.Exit: with code 4 when a case failed or is over budget.
    """
    from flarecli.profiling.pareto import draw_pareto, point_of
    from flarecli.profiling.report import profile_as_dict

    points = [point for point in map(point_of, profiles) if point is not None]
    failed = [case for profile in profiles for case in profile.cases if case.error is not None]
    breaches = [(profile, breach) for profile in profiles for breach in budget.breaches(profile)]
    if plot is not None and points:
        draw_pareto(plot, points, title=_title(profiles), replaces=overwrite)
    if as_json:
        print_json(
            {
                "systems": [profile_as_dict(profile) for profile in profiles],
                "points": [_point_as_dict(point, points) for point in points],
                "budget_breaches": [
                    {"system": profile.request.system, **breach.as_dict()} for profile, breach in breaches
                ],
            }
        )
    elif not quiet:
        from flarecli.cli.rendering.profile_tables import print_profile

        for profile in profiles:
            print_profile(profile, verbose=verbose)
        _print_points(points)
    if not as_json:
        for case in failed:
            if case.error is not None:
                print_error(case.error)
        for profile, breach in breaches:
            came_out = "could not be measured" if breach.measured is None else f"{breach.measured:.4g}"
            stderr_console().print(
                f"[red]over budget:[/red] {profile.request.system}, {breach.case}: {breach.figure} {came_out}, "
                f"allowed {breach.limit:g}",
                highlight=False,
                soft_wrap=True,
            )
    if failed or breaches:
        raise typer.Exit(PartialFailureError.exit_code)


def _title(profiles: Sequence[Profile]) -> str:
    processor = profiles[0].machine["processor"]
    count = max(len(profile.cases) for profile in profiles)
    return f"{counted(count, 'scan')}, {processor}"


def _point_as_dict(point: SystemPoint, points: Sequence[SystemPoint]) -> dict[str, object]:
    from dataclasses import asdict

    from flarecli.profiling.pareto import not_dominated

    return {**asdict(point), "outdone": point not in not_dominated(points)}


def _print_points(points: Sequence[SystemPoint]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from flarecli.profiling.pareto import not_dominated

    if not points:
        return
    front = not_dominated(points)
    table = Table(title="side by side", title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("system")
    for heading in ("cases", "seconds", "DSC mean", "RSS MB", "outdone"):
        table.add_column(heading, justify="right")
    for point in points:
        memory = "–" if point.memory_mb is None else f"{point.memory_mb:.0f}"
        outdone = "" if point in front else "yes"
        cells = (str(point.cases), f"{point.seconds:.2f}", f"{point.dsc:.3f}", memory, outdone)
        table.add_row(point.system, *cells)
    stdout_console().print(table)
