"""Scores from Python: `evaluate` for one pair of label maps, in memory or in files."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from numbers import Real
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from flarecli.counts import counted
from flarecli.errors import InputError, UsageError
from flarecli.metrics.case import CasePair, evaluate_case
from flarecli.metrics.label_map import PLAUSIBLE_VOXEL_MM, LabelMap, check_labels
from flarecli.metrics.organ_scores import EvaluationSettings, score_organs
from flarecli.metrics.protocol import PROTOCOLS, Metric, Protocol, check_label_names

Labels: TypeAlias = "np.ndarray | str | os.PathLike[str]"
"""An integer array of shape (z, y, x), or the path of a NIfTI, NRRD or MetaImage file."""


def evaluate(
    pred: Labels,
    truth: Labels,
    spacing_mm: Sequence[float] | None = None,
    *,
    protocol: str = "flare21",
    metrics: Sequence[str] = ("dsc", "nsd"),
    labels: Mapping[int, str] | None = None,
    tolerance_mm: float | Mapping[str, float] | None = None,
) -> dict[str, dict[str, float]]:
    """Score a label map against the ground truth, organ by organ, as the FLARE challenges do.

    Args:
        pred: Prediction.
        truth: Ground truth, of the same kind and shape.
        spacing_mm: Distance of voxel centres along z, y and x; needed for arrays, not taken for files, which have
            their own.
        protocol: "flare21" (four organs at 1 mm) or "flare22" (thirteen at 2 to 7 mm).
        metrics: Some of "dsc", "nsd", "hd95", "assd" (mm) and "volume" (mL, prediction less truth).
        labels: What to score in place of the protocol's organs: names by label, from 1 on, each name once.
        tolerance_mm: Tolerance of the NSD for all organs, or by name.

    Returns:
        Score by organ and metric: `evaluate(...)["liver"]["dsc"]`. NaN where a score does not exist.

    Raises:
        UsageError: for arguments that do not exist or do not fit together.
        InputError: when files cannot be read, or the label maps cannot be compared.
    """
    settings = EvaluationSettings(_protocol(protocol, labels, tolerance_mm), _metrics(metrics))
    if isinstance(pred, np.ndarray) and isinstance(truth, np.ndarray):
        scores = score_organs(*_label_maps(pred, truth, spacing_mm), settings)
    elif isinstance(pred, str | os.PathLike) and isinstance(truth, str | os.PathLike):
        if spacing_mm is not None:
            raise UsageError("files have their own spacing", seen=f"spacing_mm={spacing_mm}", remedy="Leave it out.")
        result = evaluate_case(CasePair(Path(truth).name, Path(pred), Path(truth)), settings)
        if result.error is not None:
            raise result.error
        scores = result.scores
    else:
        raise UsageError(
            "the two label maps are not of one kind",
            seen=f"{type(pred).__name__} and {type(truth).__name__}",
            expected="two arrays, or the paths of two files",
            remedy="Read the file first: `np.asarray(nibabel.load(path).dataobj).T`.",
        )
    names = [organ.name for organ in settings.protocol.organs]
    return {
        name: {metric.value: float(values[index]) for metric, values in scores.items()}
        for index, name in enumerate(names)
    }


def _label_maps(pred: np.ndarray, truth: np.ndarray, spacing_mm: Sequence[float] | None) -> tuple[LabelMap, LabelMap]:
    steps = () if spacing_mm is None else tuple(float(step) for step in spacing_mm)
    lowest_mm, highest_mm = PLAUSIBLE_VOXEL_MM
    if len(steps) != 3 or not all(lowest_mm <= step <= highest_mm for step in steps):
        raise UsageError(
            "arrays need their spacing",
            seen=f"spacing_mm={spacing_mm}",
            expected=f"three distances along z, y, x, each from {lowest_mm:g} to {highest_mm:g} mm",
            remedy="Give evaluate(pred, truth, spacing_mm).",
        )
    for name, array in (("prediction", pred), ("ground truth", truth)):
        if array.dtype.kind not in "iub" or array.ndim != 3:
            raise InputError(
                f"the {name} is not a label map",
                seen=f"shape {array.shape} of {array.dtype}",
                expected="integers of shape (z, y, x)",
                remedy="Give arrays of integers.",
            )
        if not array.size:
            raise InputError(
                f"the {name} has no voxels",
                seen=f"shape {array.shape}",
                expected="at least one voxel along each axis",
                remedy="Check where the array was cut out.",
            )
        if np.ma.is_masked(array):
            raise InputError(
                f"the {name} has voxels that are masked",
                seen=counted(int(np.ma.count_masked(array)), "masked voxel"),
                expected="a label for each voxel",
                remedy="Say what masked voxels count as: `array.filled(0)` makes them background.",
            )
    if pred.shape != truth.shape:
        raise InputError(
            "the prediction and its ground truth differ in shape",
            seen=f"{pred.shape} (z, y, x)",
            expected=f"{truth.shape}",
            remedy="Resample the prediction onto the grid of the ground truth.",
        )
    for name, array in (("prediction", pred), ("ground truth", truth)):
        check_labels(_integers(array), None, name)
    z, y, x = steps
    affine = np.diag([x, y, z, 1.0])
    return LabelMap(_integers(pred), (z, y, x), affine), LabelMap(_integers(truth), (z, y, x), affine)


def _integers(labels: np.ndarray) -> np.ndarray:
    plain = np.asarray(labels)  # without a mask that masks nothing
    return np.ascontiguousarray(plain.view(np.uint8) if plain.dtype == bool else plain)


def _protocol(
    name: str, labels: Mapping[int, str] | None, tolerance_mm: float | Mapping[str, float] | None
) -> Protocol:
    if name not in PROTOCOLS:
        raise UsageError(
            "there is no such protocol", seen=name, expected=", ".join(PROTOCOLS), remedy="Choose one of those."
        )
    protocol = PROTOCOLS[name]
    if labels is not None:
        check_label_names(labels)
        protocol = protocol.with_labels({int(label): name for label, name in labels.items()})
    if tolerance_mm is None:
        return protocol
    by_name: dict[str, Any] = (
        dict(tolerance_mm)
        if isinstance(tolerance_mm, Mapping)
        else {organ.name: tolerance_mm for organ in protocol.organs}
    )
    known = {organ.name: organ.label for organ in protocol.organs}
    for organ, value in by_name.items():
        if organ not in known or not _is_tolerance(value):
            raise UsageError(
                "tolerance_mm is not understood",
                seen=f"{organ}: {value}",
                expected=f"mm from 0 on, for {', '.join(known)}",
                remedy="Name organs as the protocol does.",
            )
    return protocol.with_tolerances({known[organ]: float(value) for organ, value in by_name.items()})


def _is_tolerance(value: object) -> bool:
    return isinstance(value, Real) and math.isfinite(float(value)) and float(value) >= 0


def _metrics(names: Sequence[str]) -> tuple[Metric, ...]:
    known = [metric.value for metric in Metric]
    listed = [names] if isinstance(names, str) else list(names)
    if not listed or any(name not in known for name in listed) or len(set(listed)) < len(listed):
        raise UsageError(
            "metrics are not understood",
            seen=listed,
            expected=f"some of {', '.join(known)}, each once",
            remedy="Give a list of these names.",
        )
    return tuple(Metric(name) for name in listed)
