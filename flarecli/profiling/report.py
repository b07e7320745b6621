"""A profile as files: a table with the challenges' columns, and everything as JSON."""

from __future__ import annotations

import csv
import statistics
from dataclasses import asdict
from pathlib import Path
from typing import Any

from flarecli.files.atomic import atomic_text
from flarecli.files.printable import table_cell
from flarecli.metrics.case import CaseEvaluation
from flarecli.metrics.organ_scores import EvaluationSettings
from flarecli.metrics.protocol import Metric
from flarecli.profiling.profile import CaseProfile, Profile
from flarecli.profiling.run_profile import RunProfile, median_run, typical_run
from flarecli.profiling.shares import shares_of_run

_OWN_COLUMNS = (
    "gpu_memory_is",
    "gpu_process_mb",
    "gpu_device_mb",
    "gpu_allocator_mb",
    "gpu_energy_j",
    "cpu_s",
    "peak_rss_mb",
    "others_busy",
    "warm_time",
    "warm_cpu_s",
    "warm_peak_rss_mb",
)


_BUSY_SHARE = 0.1


def write_profile_table(destination: Path, profile: Profile, *, replaces: bool = True) -> None:
    """Write one row per case as CSV, for `flare evaluate rank --profile`; cases that failed are left out.

    With a protocol exactly the challenge's table. Without, `Name`, `time` (median seconds of a cold run) and
    `gpu_memory` (MB) are FLARE21's columns, and more follow; scores are named as in `flare evaluate --csv`.

    Args:
        destination: The file.
        profile: What was measured.
        replaces: Whether a file that exists in the end is replaced.

    Raises:
        OutputError: when the file cannot be written, or exists and is not replaced.
    """
    protocol = profile.request.protocol
    cases = [case for case in profile.cases if case.error is None]
    rows: list[dict[str, Any]]
    if protocol is not None:
        columns = [protocol.name_column, *protocol.columns]
        rows = [{protocol.name_column: case.case.labels.name, **_protocol_cells(case)} for case in cases]
    else:
        columns = ["Name", "time", "gpu_memory", *_OWN_COLUMNS]
        columns += dict.fromkeys(column for case in cases if case.scores for column in _score_cells(case.scores))
        rows = [_row(case) for case in cases]
    with atomic_text(destination, replaces=replaces) as file:
        writer = csv.DictWriter(file, columns, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def profile_as_dict(profile: Profile) -> dict[str, Any]:
    """The profile for programs; times in seconds, memory in MB (10^6 bytes), what is not known is null."""
    request = profile.request
    return {
        "system": request.system,
        "machine": profile.machine,
        "notes": [*profile.notes, *busy_notes(profile)],
        "protocol": None if request.protocol is None else request.protocol.name,
        "sampling": [{**asdict(cost), "share_of_a_core": cost.share_of_a_core} for cost in profile.sampling],
        "cases": [_case_as_dict(case) for case in profile.cases],
    }


def busy_notes(profile: Profile) -> list[str]:
    """Notes about other processes that kept the machine busy during the runs."""
    notes = []
    for kind in ("cold", "warm"):
        busy = [
            run.whole.others_busy
            for case in profile.cases
            for run in getattr(case, kind)
            if run.whole.others_busy is not None
        ]
        if busy and statistics.median(busy) > _BUSY_SHARE * profile.machine["processors"]:
            notes.append(
                f"Other processes kept {statistics.median(busy):.1f} of {profile.machine['processors']} processors "
                f"busy during the {kind} runs: the seconds are longer than on an idle machine."
            )
    return notes


def mean_scores(scores: CaseEvaluation) -> dict[Metric, float]:
    """Mean of each score over the organs."""
    return {metric: sum(values) / len(values) for metric, values in scores.scores.items()}


def _protocol_cells(case: CaseProfile) -> dict[str, Any]:
    # A system on the processor takes no GPU memory, also where there is none to read.
    unread = "" if case.ran_on_gpu else 0
    return {column: unread if value is None else value for column, value in (case.protocol_figures or {}).items()}


def _row(case: CaseProfile) -> dict[str, Any]:
    memory_mb, kind = case.gpu_memory
    row: dict[str, Any] = {"Name": table_cell(case.case.labels.name), "gpu_memory": memory_mb, "gpu_memory_is": kind}
    leading = case.leading
    if leading is not None:
        whole = asdict(leading.whole)
        row["time"] = whole.pop("wall_s")
        row |= whole
    if case.warm:
        warm = median_run(case.warm).whole
        row |= {"warm_time": warm.wall_s, "warm_cpu_s": warm.cpu_s, "warm_peak_rss_mb": warm.peak_rss_mb}
    if case.scores is not None:
        row |= _score_cells(case.scores)
    return {
        column: "" if value is None else round(value, 4) if isinstance(value, float) else value
        for column, value in row.items()
    }


def _score_cells(scores: CaseEvaluation) -> dict[str, float]:
    columns = EvaluationSettings().protocol.columns(EvaluationSettings().metrics)
    places = {organ.label: place for place, organ in enumerate(EvaluationSettings().protocol.organs)}
    if not scores.scores:
        return {}
    return {column: scores.scores[metric][places[organ.label]] for column, (metric, organ) in columns.items()}


def _case_as_dict(case: CaseProfile) -> dict[str, Any]:
    memory_mb, kind = case.gpu_memory
    organs = tuple(organ.name for organ in EvaluationSettings().protocol.organs)
    return {
        "case": case.case.name,
        "scan": str(case.case.scan),
        "error": None if case.error is None else case.error.as_dict(),
        "runtime": case.runtime,
        "gpu_memory_mb": memory_mb,
        "gpu_memory_is": kind,
        "cold": _runs_as_dict(case.cold),
        "warm": _runs_as_dict(case.warm),
        "protocol_figures": case.protocol_figures,
        "shares": shares_of_run(typical_run(case.cold)) if case.cold else None,
        "networks": [
            {
                **asdict(network),
                "achieved_flops": network.achieved_flops,
                "share_of_convolutions": network.share_of_convolutions,
            }
            for network in case.networks
        ],
        "scores": None if case.scores is None else case.scores.as_dict(organs),
    }


def _runs_as_dict(runs: tuple[RunProfile, ...]) -> dict[str, Any] | None:
    if not runs:
        return None
    return {"median": _run_as_dict(median_run(runs)), "runs": [_run_as_dict(run) for run in runs]}


def _run_as_dict(run: RunProfile) -> dict[str, Any]:
    return {**asdict(run.whole), "steps": {name: asdict(figures) for name, figures in run.steps.items()}}
