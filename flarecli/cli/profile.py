"""`flare profile`: time, memory and arithmetic of a system."""

from __future__ import annotations

from dataclasses import dataclass, replace
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
from flarecli.cli.output import print_error, print_json, reported_errors, stderr_console
from flarecli.cli.profile_systems import check_comparison, report_comparison, systems_to_compare
from flarecli.cli.rendering.notices import print_warning
from flarecli.errors import PartialFailureError, UsageError
from flarecli.systems import DEFAULT_SYSTEM

if TYPE_CHECKING:
    from rich.status import Status

    from flarecli.profiling.budget import Budget
    from flarecli.profiling.inputs import ScanToProfile
    from flarecli.profiling.profile import Profile, ProfileRequest

_DEFAULT_SIZE = "512x512x200"


class ProtocolName(StrEnum):
    """Choices of `--protocol`."""

    flare21 = "flare21"
    flare22 = "flare22"


def profile(
    sources: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[IN ...]", help="Scans or folders of scans; a phantom by default."),
    ] = None,
    system: SystemOption = DEFAULT_SYSTEM,
    systems: Annotated[
        str | None,
        typer.Option(metavar="NAME,...|all", help="Several systems in turn; --plot then compares them in one picture."),
    ] = None,
    weights: WeightsOption = None,
    backend: BackendOption = Backend.auto,
    device: DeviceOption = Device.auto,
    precision: PrecisionOption = Precision.auto,
    threads: ThreadsOption = None,
    gpu_limit_mb: Annotated[
        float | None, typer.Option(min=1, metavar="N", help=f"`flare predict --max-gpu-mb`: {GPU_LIMIT_HELP}")
    ] = None,
    size: Annotated[
        str | None, typer.Option(metavar="XxYxZ", help=f"Voxels of the phantom; {_DEFAULT_SIZE} by default.")
    ] = None,
    cold: Annotated[int, typer.Option(min=0, help="Cold runs of each case, each in a new process; 0 for none.")] = 3,
    warm: Annotated[int, typer.Option(min=0, help="Warm runs of each case in one process; 0 for none.")] = 3,
    networks: Annotated[bool, typer.Option(help="Also measure each network alone.")] = True,
    protocol: Annotated[
        ProtocolName | None,
        typer.Option(help="Also report the efficiency figures of a challenge, sampled every 0.1 s as it did."),
    ] = None,
    period: Annotated[float, typer.Option(min=0.001, max=1.0, help="Sampling interval, s.")] = 0.02,
    labels: Annotated[
        str | None, typer.Option(metavar="GT", help="True label map, or a folder of them: adds DSC and NSD.")
    ] = None,
    csv: Annotated[
        Path | None, typer.Option("--csv", metavar="FILE", help="Write one row per case, with FLARE's column names.")
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.png",
            help="Draw memory over time with the steps; a folder for several scans. With --systems accuracy, time and "
            "memory of all.",
        ),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace table and plots that exist.")] = False,
    max_seconds: Annotated[
        float | None, typer.Option(min=0, help="Limit of seconds; above it the exit code is 4.")
    ] = None,
    max_gpu_mb: Annotated[float | None, typer.Option(min=0, help="Limit of GPU memory, MB; likewise.")] = None,
    max_rss_mb: Annotated[
        float | None, typer.Option(min=0, help="Limit of peak resident memory, MB; likewise.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Print the steps of every case.")] = False,
) -> None:
    """Measure time, memory and arithmetic of a system: each step, in cold and in warm runs.

    The figure for seconds is the median cold run, from the start of the process to its end. MB are 10^6 bytes.
    """
    with reported_errors(as_json=as_json):
        _check(sources, size, cold, warm, protocol, plot)
        if systems is not None:
            check_comparison(system, weights, csv, plot, with_truth=labels is not None or not sources)
        import tempfile

        from flarecli.prediction.predictor import EngineRequest
        from flarecli.profiling.budget import Budget
        from flarecli.profiling.flare_protocols import FLARE_PROTOCOLS
        from flarecli.profiling.profile import ProfileRequest
        from flarecli.systems import system_named

        request = ProfileRequest(
            system=system_named(system).name,
            weights=tuple(weights or ()),
            engine=EngineRequest(backend.value, device.value, precision.value, threads, gpu_limit_mb),
            cold_runs=cold,
            warm_runs=warm,
            networks=networks,
            period_s=period,
            protocol=None if protocol is None else FLARE_PROTOCOLS[protocol.value],
        )
        budget = Budget(max_seconds, max_gpu_mb, max_rss_mb)
        if systems is not None:
            with tempfile.TemporaryDirectory(prefix="flare-profile-") as folder:
                plot_file = _Outputs(None, plot, overwrite)
                compared = [
                    _measured(
                        replace(request, system=name), sources or [], size, labels, plot_file, Path(folder),
                        hidden=quiet or as_json,
                    )
                    for name in systems_to_compare(systems)
                ]  # fmt: skip
            report_comparison(
                compared, budget, plot, overwrite=overwrite, as_json=as_json, quiet=quiet, verbose=verbose
            )
            return
        outputs = _Outputs(csv, plot, overwrite)
        with tempfile.TemporaryDirectory(prefix="flare-profile-") as folder:
            measured = _measured(request, sources or [], size, labels, outputs, Path(folder), hidden=quiet or as_json)
        if len(measured.cases) == 1 and measured.cases[0].error is not None:
            raise measured.cases[0].error
        if csv is not None:
            from flarecli.profiling.report import write_profile_table

            write_profile_table(csv, measured, replaces=overwrite)
        _draw(outputs, measured)
        _report(measured, budget, as_json=as_json, quiet=quiet, verbose=verbose)


@dataclass(frozen=True)
class _Outputs:
    """Where table and plots go; a plot's path without a suffix is a folder for one a case."""

    csv: Path | None
    plot: Path | None
    overwrite: bool

    def plot_of(self, case: str) -> Path | None:
        if self.plot is None:
            return None
        return self.plot if self.plot.suffix else self.plot / f"{case}.png"

    def check(self, scans: list[ScanToProfile]) -> None:
        """Refuse what cannot be written, before anything is measured."""
        from flarecli.files.destinations import Destination, check_destinations

        files = [] if self.csv is None else [Destination(self.csv, "table of figures", self.overwrite)]
        for scan in scans:
            plot = self.plot_of(scan.case.name)
            if plot is not None:
                files.append(Destination(plot, f"plot of {scan.case.name}", self.overwrite))
        truths = [scan.ground_truth for scan in scans if scan.ground_truth is not None]
        check_destinations(files, [*(scan.case.scan for scan in scans), *truths])


def _check(
    sources: list[Path] | None, size: str | None, cold: int, warm: int, protocol: ProtocolName | None, plot: Path | None
) -> None:
    if sources and size is not None:
        raise UsageError(
            "--size is for a phantom", seen=f"--size {size} beside a scan", remedy="Leave out one of them."
        )
    if not cold and not warm:
        raise UsageError("nothing is left to measure", seen="--cold 0 --warm 0", remedy="Ask for runs of one kind.")
    if protocol is not None and not cold:
        raise UsageError(
            "the challenges timed fresh processes",
            seen=f"--protocol {protocol.value} --cold 0",
            remedy="Ask for cold runs with --cold.",
        )
    if plot is not None:
        from flarecli.matplotlib_import import check_matplotlib

        if plot.suffix.lower() not in ("", ".png"):
            raise UsageError("the plot must be a PNG file", path=plot, expected=".png", remedy="Name it accordingly.")
        check_matplotlib()


def _measured(
    request: ProfileRequest,
    sources: list[Path],
    size: str | None,
    labels: str | None,
    outputs: _Outputs,
    folder: Path,
    *,
    hidden: bool,
) -> Profile:
    from flarecli.profiling.profile import profile_scans

    with _status(hidden=hidden) as status:
        status.update("preparing")
        scans = _scans(sources, size, labels, folder)
        outputs.check(scans)
        return profile_scans(request, scans, on_phase=status.update)


def _scans(sources: list[Path], size: str | None, labels: str | None, folder: Path) -> list[ScanToProfile]:
    from flarecli.profiling.inputs import phantom_scan, user_scans

    if sources:
        return user_scans(sources, labels, folder, print_warning)
    scan = phantom_scan(_shape_zyx(size or _DEFAULT_SIZE), folder)
    return [scan if labels is None else replace(scan, ground_truth=Path(labels))]


def _shape_zyx(size: str) -> tuple[int, int, int]:
    try:
        x, y, z = (int(part) for part in size.lower().replace("×", "x").split("x"))
        if min(x, y, z) < 1:
            raise ValueError(size)
    except ValueError:
        raise UsageError(
            "the size cannot be read",
            seen=f"--size {size}",
            expected=f"voxels along x, y and z, as in {_DEFAULT_SIZE}",
            remedy="Write three whole numbers above 0 with an x between them.",
        ) from None
    return z, y, x


def _status(*, hidden: bool) -> Status:
    from rich.console import Console

    console = stderr_console()
    # The moving part is drawn by a thread, which must not take time from what is measured: twice a second will do.
    return (Console(quiet=True) if hidden or not console.is_terminal else console).status("", refresh_per_second=2)


def _draw(outputs: _Outputs, measured: Profile) -> None:
    from flarecli.profiling.plot import draw_run
    from flarecli.profiling.run_profile import typical_run

    for case in measured.cases:
        runs = case.cold or case.warm
        target = outputs.plot_of(case.case.name)
        if runs and target is not None:
            title = f"{case.case.name}, {measured.request.system}, {'cold' if case.cold else 'warm'} run"
            draw_run(target, typical_run(runs), title=title, replaces=outputs.overwrite)


def _report(measured: Profile, budget: Budget, *, as_json: bool, quiet: bool, verbose: bool) -> None:
    breaches = budget.breaches(measured)
    failed = [case for case in measured.cases if case.error is not None]
    if as_json:
        from flarecli.profiling.report import profile_as_dict

        print_json({**profile_as_dict(measured), "budget_breaches": [breach.as_dict() for breach in breaches]})
    elif not quiet:
        from flarecli.cli.rendering.profile_tables import print_profile

        print_profile(measured, verbose=verbose)
    if not as_json:
        for case in failed:
            if case.error is not None:
                print_error(case.error)
        for breach in breaches:
            came_out = "could not be measured" if breach.measured is None else f"{breach.measured:.4g}"
            stderr_console().print(
                f"[red]over budget:[/red] {breach.case}: {breach.figure} {came_out}, allowed {breach.limit:g}",
                highlight=False,
                soft_wrap=True,
            )
    if failed or breaches:
        raise typer.Exit(PartialFailureError.exit_code)
