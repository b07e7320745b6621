"""A profile on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from flarecli.cli.output import stderr_console, stdout_console
from flarecli.counts import counted

if TYPE_CHECKING:
    from flarecli.profiling.profile import CaseProfile, Profile
    from flarecli.profiling.run_profile import ResourceUsage, RunProfile

_UNKNOWN = "–"
_BAR_WIDTH = 40
_BAR_COLOURS = {"import": "yellow", "read": "cyan", "network": "blue", "other": "bright_black"}


def print_profile(profile: Profile, *, verbose: bool) -> None:
    """Print cases, steps and networks on standard output, notes on standard error."""
    from flarecli.profiling.report import busy_notes

    console = stdout_console()
    console.print(_heading(profile), highlight=False)
    sound = [case for case in profile.cases if case.error is None]
    if sound:
        console.print(_cases_table(profile, sound))
    for case in sound if verbose or len(sound) == 1 else ():
        console.print(_steps_table(case))
    for case in sound if verbose else sound[:1]:
        if case.cold:
            console.print(_shares_bar(case), highlight=False)
        if case.networks:
            console.print(_networks_table(case))
    for case in sound:
        if case.protocol_figures is not None:
            console.print(_protocol_table(case, profile))
    for note in (*profile.notes, *busy_notes(profile)):
        stderr_console().print(f"[yellow]note:[/yellow] {escape(note)}", highlight=False, soft_wrap=True)


def _heading(profile: Profile) -> str:
    machine = profile.machine
    gpu = machine["gpu"]
    where = f"{machine['processor']}, {machine['processors']} processors" + (f"; {gpu['name']}" if gpu else "")
    runtime = next((case.runtime for case in profile.cases if case.runtime is not None), None)
    how = (
        "" if runtime is None
        else f"{runtime['backend']} {runtime['version']} on {runtime['device']}, {runtime['precision']}, "
        f"{counted(runtime['threads'], 'thread')}; "
    )  # fmt: skip
    cpu_s, wall_s = (sum(getattr(cost, name) for cost in profile.sampling) for name in ("cpu_s", "wall_s"))
    period_ms = max(cost.median_period_s for cost in profile.sampling) * 1e3
    return (
        f"[bold]{escape(profile.request.system)}[/bold]: {escape(how + where)}\n"
        f"sampled every {period_ms:.0f} ms from another process, which took {cpu_s / wall_s:.1%} of one processor"
    )


def _cases_table(profile: Profile, cases: list[CaseProfile]) -> Table:
    from flarecli.metrics.protocol import Metric
    from flarecli.profiling.report import mean_scores
    from flarecli.profiling.run_profile import median_run

    table = _table("medians; below the seconds the least and the most")
    has_gpu = profile.machine["gpu"] is not None or any(case.ran_on_gpu for case in cases)
    scored = any(case.scores is not None and case.scores.scores for case in cases)
    headings = ["cold s", "cold\nCPU s", "warm s", "warm\nCPU s", "RSS\nMB"]
    headings += ["GPU MB\nprocess", "GPU MB\ndevice", "GPU MB\nallocator", "GPU\nJ"] if has_gpu else ["GPU\nMB"]
    headings += ["DSC\nmean", "NSD 1 mm\nmean"] if scored else []
    table.add_column("case", overflow="fold")
    for heading in headings:
        table.add_column(heading, justify="right")
    for case in cases:
        cold, warm = (median_run(runs).whole if runs else None for runs in (case.cold, case.warm))
        whole = cold or warm
        cells = [_seconds(case.cold), _figure(cold, "cpu_s", 1), _seconds(case.warm)]
        cells += [_figure(warm, "cpu_s", 1), _peak(cold, warm)]
        if has_gpu:
            cells += [
                _figure(whole, "gpu_process_mb", 0),
                _figure(whole, "gpu_device_mb", 0),
                _figure(whole, "gpu_allocator_mb", 0),
                _figure(whole, "gpu_energy_j", 0),
            ]
        else:
            cells.append(_number(case.gpu_memory[0], 0))
        if scored:
            means = {} if case.scores is None else mean_scores(case.scores)
            cells += [_number(means.get(Metric.DSC), 3), _number(means.get(Metric.NSD), 3)]
        table.add_row(escape(case.case.name), *cells)
    return table


def _steps_table(case: CaseProfile) -> Table:
    from flarecli.profiling.run_profile import median_run

    kinds = {name: median_run(runs) for name, runs in (("cold", case.cold), ("warm", case.warm)) if runs}
    table = _table(f"{case.case.name}: steps (they may overlap)")
    table.add_column("step")
    has_gpu = any(figures.gpu_device_mb is not None for run in kinds.values() for figures in run.steps.values())
    for kind in kinds:
        for heading in ("s", "CPU s", "RSS MB", *(("GPU MB",) if has_gpu else ())):
            table.add_column(f"{kind}\n{heading}", justify="right")
    for step in dict.fromkeys(name for run in kinds.values() for name in run.steps):
        cells = [cell for run in kinds.values() for cell in _step_cells(run.steps.get(step), has_gpu=has_gpu)]
        table.add_row(step, *cells)
    table.add_section()
    wholes = [cell for run in kinds.values() for cell in _step_cells(run.whole, has_gpu=has_gpu)]
    table.add_row("whole", *wholes, style="bold")
    return table


def _shares_bar(case: CaseProfile) -> Text:
    """One line: what part of a cold run was imports, reading, networks and everything else."""
    from flarecli.profiling.run_profile import typical_run
    from flarecli.profiling.shares import shares_of_run

    shares = shares_of_run(typical_run(case.cold))
    bar = Text(f"{case.case.name}: ")
    for kind, share in shares.items():
        bar.append("█" * round(share * _BAR_WIDTH), _BAR_COLOURS[kind])
    bar.append("\n" + ", ".join(f"{kind} {share:.0%}" for kind, share in shares.items()) + " of a cold run\n")
    return bar


def _step_cells(figures: ResourceUsage | None, *, has_gpu: bool) -> list[str]:
    if figures is None:
        return [""] * (4 if has_gpu else 3)
    gpu_mb = figures.gpu_process_mb if figures.gpu_process_mb is not None else figures.gpu_device_mb
    cells = [_number(figures.wall_s, 2), _number(figures.cpu_s, 2), _number(figures.peak_rss_mb, 0)]
    return [*cells, _number(gpu_mb, 0)] if has_gpu else cells


def _networks_table(case: CaseProfile) -> Table:
    table = _table(f"{case.case.name}: networks; alone: their own costliest convolutions")
    table.add_column("network, input", no_wrap=True)
    for heading in ("thousand\nparameters", "10⁹ mul-\ntiply-adds", "activa-\ntions MB", "first\ns", "later\ns"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("GFLOP/s,\nalone", justify="right", no_wrap=True)
    table.add_column("share", justify="right", no_wrap=True)
    for network in case.networks:
        alone, share = network.convolution_flops, network.share_of_convolutions
        times = f" ×{network.calls}" if network.calls > 1 else ""
        table.add_row(
            f"{network.key}\n{'×'.join(str(size) for size in network.input_shape)}",
            _number(network.parameters / 1e3, 0),
            _number(network.multiply_adds / 1e9, 1),
            _number(network.activations_mb, 0),
            _number(network.first_call_s, 2),
            _number(network.call_s, 2) + times,
            f"{network.achieved_flops / 1e9:.0f}\n{_number(None if alone is None else alone / 1e9, 0)}",
            _UNKNOWN if share is None else f"{share:.0%}",
        )
    return table


def _protocol_table(case: CaseProfile, profile: Profile) -> Table:
    protocol = profile.request.protocol
    table = _table(f"{case.case.name}: as {protocol.name if protocol else ''} measures")
    for column in case.protocol_figures or {}:
        table.add_column(column, justify="right")
    table.add_row(*[_number(value, 2) for value in (case.protocol_figures or {}).values()])
    return table


def _table(title: str) -> Table:
    return Table(title=escape(title), title_justify="left", box=SIMPLE_HEAD, collapse_padding=True, pad_edge=False)


def _seconds(runs: tuple[RunProfile, ...]) -> str:
    if not runs:
        return _UNKNOWN
    import statistics

    walls = [run.whole.wall_s for run in runs]
    spread = f"\n{min(walls):.2f}–{max(walls):.2f}" if len(walls) > 1 else ""
    return f"{statistics.median(walls):.2f}{spread}"


def _peak(*figures: ResourceUsage | None) -> str:
    peaks = [one.peak_rss_mb for one in figures if one is not None and one.peak_rss_mb is not None]
    return _number(max(peaks, default=None), 0)


def _figure(figures: ResourceUsage | None, name: str, digits: int) -> str:
    return _number(None if figures is None else getattr(figures, name), digits)


def _number(value: float | None, digits: int) -> str:
    return _UNKNOWN if value is None else f"{value:.{digits}f}"
