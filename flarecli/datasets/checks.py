"""Checks of a pair before it is used for training; all faults are reported."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flarecli.counts import counted
from flarecli.datasets.figures import case_figures
from flarecli.datasets.findings import Finding, Severity
from flarecli.datasets.hu_counts import LOWEST_HU, count_hu
from flarecli.datasets.labelled_scan import geometry_errors, missing_file, read_scan, shape_error
from flarecli.datasets.organ_values import OrganValues, organ_labels
from flarecli.datasets.pairs import LabelledPair
from flarecli.errors import FlareError, InputError
from flarecli.metrics.label_map import Fractions, LabelMap, read_label_header, read_label_map
from flarecli.organs import ORGANS
from flarecli.volume import Volume

LEAST_ORGAN_ML = 1.0
"""A smaller organ is an annotation error or truncated: the smallest of them, the pancreas, has 30 ml and more."""

ORGAN_RANGE_HU = (-75, 350)
"""Values outside are those of fat, lung or bone; noise and contrast keep organs within. Fatty livers reach 0 HU,
kidneys of the arterial phase 250 HU."""

OTHER_TISSUE_SHARE = 0.1
"""A larger part of an organ outside that range means that labels and scan do not match: shifted, mirrored, swapped."""

_SHOWN_VALUES = 8


@dataclass(frozen=True)
class PairReport:
    """Result of the checks of a pair.

    Attributes:
        pair: The files.
        findings: Faults and warnings.
        figures: Statistics of the case, see `case_figures`; None where it has faults.
        hu_counts: The table of `count_hu`; None where it has faults.
    """

    pair: LabelledPair
    findings: tuple[Finding, ...]
    figures: dict[str, Any] | None = None
    hu_counts: NDArray[np.int64] | None = None

    @property
    def faults(self) -> tuple[Finding, ...]:
        """Findings because of which the pair cannot be used."""
        return tuple(finding for finding in self.findings if finding.severity is Severity.FAULT)


def check_pair(pair: LabelledPair, values: OrganValues, *, ignore_geometry: bool = False) -> PairReport:
    """Read both files of a pair and make all checks; nothing is raised for an invalid pair.

    Args:
        pair: The files.
        values: Meaning of the label map's values.
        ignore_geometry: Whether scan and label map may lie at different places in the world.
    """
    if pair.scan is None or pair.labels is None:
        return PairReport(pair, (Finding.of_error("files", missing_file(pair)),))
    findings = [Finding.warning("files", note) for note in pair.notes]
    volume = label_map = None
    try:
        volume = read_scan(pair.scan)
        findings += [Finding.warning("scan", text, pair.scan) for text in volume.warnings]
    except FlareError as error:
        findings.append(Finding.of_error("scan", error))
    try:
        header = read_label_header(pair.labels)
        misfit = None if volume is None else shape_error(volume, header, pair)
        if misfit is not None:
            findings.append(Finding.of_error("geometry", misfit))
        else:
            label_map = read_label_map(header, fractions=Fractions.UNLABELLED)
            findings += _label_findings(label_map, values, pair)
    except FlareError as error:
        findings.append(Finding.of_error("labels", error))
    if volume is None or label_map is None:
        return PairReport(pair, tuple(findings))
    misfits = geometry_errors(volume, label_map, pair, ignore_geometry=ignore_geometry)
    findings += [Finding.of_error("geometry", error) for error in misfits]
    if any(finding.severity is Severity.FAULT for finding in findings):
        return PairReport(pair, tuple(findings))
    return _measured(pair, volume, values.translated(label_map.labels), findings)


def _label_findings(label_map: LabelMap, values: OrganValues, pair: LabelledPair) -> list[Finding]:
    findings: list[Finding] = []
    if label_map.fractional_voxels:
        error = InputError(
            "the label map holds values between labels",
            path=pair.labels,
            seen=counted(label_map.fractional_voxels, "voxel"),
            expected="whole numbers",
            remedy="Resample label maps by nearest neighbour, and do not scale them.",
        )
        findings.append(Finding.of_error("labels", error))
    else:
        findings += [Finding.warning("labels", text, pair.labels) for text in label_map.warnings]
    if unknown := values.unknown(label_map.labels):
        known = ", ".join(str(value) for value in values.flare_labels)
        error = InputError(
            "the label map holds values without a meaning",
            path=pair.labels,
            seen=", ".join(str(value) for value in unknown[:_SHOWN_VALUES])
            + (f" and {len(unknown) - _SHOWN_VALUES} more" if len(unknown) > _SHOWN_VALUES else ""),
            expected=known,
            remedy="Say which values the organs have (--organ liver=6) and which are none of them (--background 5,8).",
        )
        findings.append(Finding.of_error("labels", error))
    if voxels := values.unannotated_voxels(label_map.labels):
        error = InputError(
            "the label map holds voxels that nobody annotated",
            path=pair.labels,
            seen=f"{voxels} of {label_map.labels.size} voxels ({voxels / label_map.labels.size:.0%}) "
            f"with the ignore label {', '.join(str(value) for value in sorted(values.unannotated))}",
            expected="every voxel annotated: training arrays cannot leave voxels out",
            remedy="Annotate the whole scan or leave the case out; if no organ lies in these voxels, say that they are "
            f"background: --background {','.join(str(value) for value in sorted(values.unannotated))}.",
        )
        findings.append(Finding.of_error("labels", error))
    return findings


def _measured(pair: LabelledPair, volume: Volume, labels: NDArray[np.uint8], findings: list[Finding]) -> PairReport:
    """Check and measure the organs of a pair whose files are valid."""
    labels = organ_labels(labels)
    counts = count_hu(volume.voxels, labels)
    figures = case_figures(volume, labels, counts)
    if not counts[1:].any():
        error = InputError(
            "the label map holds no organ at all",
            path=pair.labels,
            expected=f"some of {', '.join(organ.name for organ in ORGANS)}",
            remedy="Leave the case out, or find its labels.",
        )
        return PairReport(pair, (*findings, Finding.of_error("organs", error)))
    anomalies = [
        Finding.warning("organs", f"{organ.name}: {what}", pair.labels)
        for organ in ORGANS
        if (what := _anomaly(counts[organ.label], figures["organs"][organ.name]["volume_ml"]))
    ]
    return PairReport(pair, (*findings, *anomalies), figures, counts)


def _anomaly(hu_counts: NDArray[np.int64], volume_ml: float) -> str | None:
    """The anomaly of one organ, if there is one."""
    if not volume_ml:
        return "none in the label map"
    if volume_ml < LEAST_ORGAN_ML:
        return f"hardly any, {volume_ml:.2g} ml"
    low, high = ORGAN_RANGE_HU
    inside = hu_counts[low - LOWEST_HU : high + 1 - LOWEST_HU].sum()
    other_share = 1 - float(inside / hu_counts.sum())
    if other_share > OTHER_TISSUE_SHARE:
        return f"{other_share:.0%} of it lie outside {low} to {high} HU; do the labels belong to this scan?"
    return None
