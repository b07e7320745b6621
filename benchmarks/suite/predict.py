"""Segmentation end to end: the command itself from outside, and what `flare profile` says of each step."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.suite.rows import Row
from flarecli.errors import FlareError
from flarecli.profiling.inputs import phantom_scan, user_scans
from flarecli.profiling.profile import CaseProfile, ProfileRequest, ScanToProfile, profile_scans
from flarecli.profiling.report import profile_as_dict
from flarecli.profiling.run_profile import median_run
from flarecli.systems import SYSTEM_NAMES
from flarecli.weights.selection import weighted_system

_QUICK_SHAPES_ZYX = ((60, 192, 192),)
_FULL_SHAPES_ZYX = ((99, 512, 512), (300, 512, 512))


def rows(full: bool, scans: list[Path]) -> Iterator[Row]:
    """Every system that has weights, on phantoms and on the user's scans."""
    repeats = 3 if full else 1
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made = [phantom_scan(shape_zyx, folder) for shape_zyx in (_FULL_SHAPES_ZYX if full else _QUICK_SHAPES_ZYX)]
        chosen = [*made, *user_scans(scans, None, folder)]
        for system in SYSTEM_NAMES:
            try:
                weighted_system(system)
            except FlareError as error:
                yield Row("predict", system, note=f"not run: {error.problem}")
                continue
            for scan in chosen:
                yield _whole_command(system, scan, repeats)
                yield from _profile(system, scan, repeats)


def _whole_command(system: str, scan: ScanToProfile, repeats: int) -> Row:
    """`flare predict` in fresh processes, with nothing that looks at it."""
    command = [sys.executable, "-c", "from flarecli.cli.entry import main; main()", "predict"]
    command += [str(scan.case.scan), str(scan.case.labels), "--system", system, "--overwrite", "--quiet"]
    seconds, cpu = [], []
    for _ in range(repeats):
        start, before = time.perf_counter(), os.times()
        ended = subprocess.run(command, check=False)
        seconds.append(time.perf_counter() - start)
        after = os.times()
        cpu.append(after.children_user + after.children_system - before.children_user - before.children_system)
        if ended.returncode:
            return Row("predict", f"{system}, {scan.case.name}", note=f"failed with code {ended.returncode}")
    return Row(
        "predict", f"{system}, {scan.case.name}: flare predict", statistics.median(seconds), statistics.median(cpu),
        note=f"whole process, cold, median of {repeats}",
    )  # fmt: skip


def _profile(system: str, scan: ScanToProfile, repeats: int) -> Iterator[Row]:
    try:
        profile = profile_scans(ProfileRequest(system, cold_runs=repeats, warm_runs=repeats), [scan])
    except FlareError as error:
        yield Row("predict", f"{system}, {scan.case.name}", note=f"not profiled: {error.problem}")
        return
    (case,) = profile.cases
    if case.error is not None:
        yield Row("predict", f"{system}, {scan.case.name}", note=f"not profiled: {case.error.problem}")
        return
    yield from _rows_of(case, system, profile_as_dict(profile))


def _rows_of(case: CaseProfile, system: str, everything: dict[str, object]) -> Iterator[Row]:
    title = f"{system}, {case.case.name}"
    for kind, runs in (("cold", case.cold), ("warm", case.warm)):
        median = median_run(runs)
        whole = median.whole
        yield Row(
            "predict", f"{title}: {kind}", whole.wall_s, whole.cpu_s, whole.peak_rss_mb,
            note=f"others kept {whole.others_busy or 0.0:.1f} processors busy",
            further=everything if kind == "cold" else {},
        )  # fmt: skip
        for name, step in median.steps.items():
            yield Row("predict", f"{title}: {kind}: {name}", step.wall_s, step.cpu_s, step.peak_rss_mb)
