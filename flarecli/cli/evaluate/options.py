"""What the options of `flare evaluate` mean."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from flarecli.errors import UsageError
from flarecli.files.destinations import Destination, check_destinations, is_standard_output
from flarecli.files.folder import FolderInventory
from flarecli.files.names import image_suffix
from flarecli.metrics.organ_scores import EvaluationSettings
from flarecli.metrics.protocol import PROTOCOLS, Metric, Protocol, check_label_names
from flarecli.volume.image_files import files_of_image


def evaluation_settings(
    protocol_name: str,
    *,
    metrics: str,
    labels: str | None,
    tolerance: str | None,
    literal: bool,
    ignore_geometry: bool,
    geometry_tolerance_mm: float,
) -> EvaluationSettings:
    """Settings from the texts of the command line.

    Raises:
        UsageError: when a text cannot be understood, or options exclude each other.
    """
    if literal and ignore_geometry:
        raise UsageError(
            "--literal and --ignore-geometry exclude each other",
            remedy="Leave --ignore-geometry out: --literal ignores affines anyway.",
        )
    protocol = PROTOCOLS[protocol_name]
    if labels is not None:
        protocol = protocol.with_labels(_labels(labels))
    if tolerance is not None:
        protocol = protocol.with_tolerances(_tolerances_mm(tolerance, protocol))
    return EvaluationSettings(
        protocol=protocol,
        metrics=_metrics(metrics),
        literal=literal,
        ignore_geometry=ignore_geometry,
        geometry_tolerance_mm=geometry_tolerance_mm,
    )


def check_outputs(
    csv: Path | None,
    report: Path | None,
    *,
    overwrite: bool,
    as_json: bool,
    read: Sequence[FolderInventory],
    scans: Sequence[Path],
) -> bool:
    """Check table and report before anything is scored.

    Args:
        csv: Where the table goes, if anywhere; `-` is standard output.
        report: Where the report goes, likewise.
        overwrite: Whether files that exist may be replaced.
        as_json: Whether the result goes to standard output as JSON.
        read: The label maps.
        scans: The scans.

    Returns:
        Whether a file goes to standard output, so that nothing else may.

    Raises:
        UsageError: when several outputs would be one, or one would replace a file that is read.
        OutputError: when one exists already or cannot be a file.
    """
    outputs = [
        Destination(path, content, replaces=overwrite)
        for path, content in ((csv, "table of scores"), (report, "report"))
        if path is not None
    ]
    streams = [f"the {output.content}" for output in outputs if is_standard_output(output.path)]
    if len(streams) + as_json > 1:
        raise UsageError(
            "standard output takes one thing only",
            seen=" and ".join([*streams, *(["--json"] if as_json else [])]),
            remedy="Give the name of a file for the others.",
        )
    for output in outputs:
        if image_suffix(output.path):
            raise UsageError(
                f"the {output.content} would get the name of an image",
                path=output.path,
                seen=image_suffix(output.path),
                expected="a name such as scores.csv or report.html",
                remedy="Choose another name.",
            )
    inputs = [path for inventory in read for path in inventory.files] + list(scans)
    check_destinations(outputs, [part for path in inputs for part in files_of_image(path)])
    return bool(streams)


def _metrics(text: str) -> tuple[Metric, ...]:
    names = [name.strip().lower() for name in text.split(",")]
    known = [metric.value for metric in Metric]
    for name in names:
        if name not in known or names.count(name) > 1:
            raise UsageError(
                "--metrics is not understood",
                seen=text,
                expected=f"some of {', '.join(known)}, each once",
                remedy="Separate the names by commas.",
            )
    return tuple(Metric(name) for name in names)


def _labels(text: str) -> dict[int, str]:
    names: dict[int, str] = {}
    for part in text.split(","):
        label, equals, name = (piece.strip() for piece in part.partition("="))
        if not (equals and label.isdecimal()) or int(label) in names:
            raise UsageError(
                "--labels is not understood",
                seen=text,
                expected="LABEL=NAME,... with each label from 1 on once",
                remedy="Write it as in 1=liver,2=kidneys.",
            )
        names[int(label)] = name
    check_label_names(names, "--labels", text)
    return names


def _tolerances_mm(text: str, protocol: Protocol) -> dict[int, float]:
    """Tolerance by label, from one number for all or from `ORGAN=MM,...`."""
    if "=" not in text:
        return {organ.label: _millimetres(text, text) for organ in protocol.organs}
    tolerances_mm: dict[int, float] = {}
    for part in text.split(","):
        organ, _, number = (piece.strip() for piece in part.partition("="))
        label = _label_of(organ, protocol)
        if label in tolerances_mm:
            raise UsageError(
                "--tolerance names an organ twice",
                seen=text,
                expected="one tolerance for each organ, named or by label",
                remedy="Leave one of them out.",
            )
        tolerances_mm[label] = _millimetres(number, text)
    return tolerances_mm


def _label_of(text: str, protocol: Protocol) -> int:
    """The label of the organ that a text names, in any case of its letters, or by label."""
    found = {organ.label for organ in protocol.organs if text in (organ.name, str(organ.label))}
    found = found or {organ.label for organ in protocol.organs if text.lower() == organ.name.lower()}
    if len(found) > 1:
        raise UsageError(
            "--tolerance names an organ in a way that two organs share",
            seen=text,
            expected="a name or label that only one organ has",
            remedy="Give the organs names in --labels that differ in more than the case of letters and are no labels.",
        )
    if not found:
        raise UsageError(
            "--tolerance names an organ that is not scored",
            seen=text,
            expected=", ".join(organ.name for organ in protocol.organs),
            remedy="Name organs as in the table, or by label.",
        )
    return found.pop()


def _millimetres(number: str, text: str) -> float:
    try:
        value_mm = float(number)
    except ValueError:
        value_mm = math.nan
    if not (math.isfinite(value_mm) and value_mm >= 0):
        raise UsageError(
            "--tolerance is not understood",
            seen=text,
            expected="a number of mm, or ORGAN=MM,...",
            remedy="Write it as in 1.0 or liver=5,pancreas=5.",
        )
    return value_mm
