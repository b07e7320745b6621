"""A label map on the grid of a scan, with the quality checks of its record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flarecli.errors import InputError
from flarecli.files.names import image_stem
from flarecli.files.printable import printable, printable_name
from flarecli.geometry import Grid
from flarecli.metrics.label_map import Fractions, read_label_map
from flarecli.organs import KIDNEYS, LABEL_NAMES, LEFT_KIDNEY, LEFT_KIDNEY_NAME
from flarecli.prediction.record import UnusableRecordError, is_complete, is_foreign_json, read_record

_HIGHEST_LABEL = 255
_APART_MM = 0.1


@dataclass(frozen=True)
class LabelLayer:
    """One label map.

    Attributes:
        name: Its name.
        labels: uint8 array of shape (z, y, x), canonical RAS+, on the scan's grid.
        names: Names of its labels.
        confidence: The entry `confidence` of its record, by organ; empty without a record of this very content.
        warnings: What the user should know about it.
    """

    name: str
    labels: NDArray[np.uint8]
    names: Mapping[int, str]
    confidence: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    @property
    def has_sides(self) -> bool:
        """Whether left and right kidney have separate labels."""
        return self.names.get(LEFT_KIDNEY) == LEFT_KIDNEY_NAME

    def without_sides(self) -> NDArray[np.uint8]:
        """The labels with both kidneys under one label."""
        if not self.has_sides:
            return self.labels
        joined = self.labels.copy()
        joined[joined == LEFT_KIDNEY] = KIDNEYS
        return joined

    def names_without_sides(self) -> dict[int, str]:
        """Names of the labels that `without_sides` gives."""
        if not self.has_sides:
            return dict(self.names)
        others = {label: name for label, name in self.names.items() if label != LEFT_KIDNEY}
        return {**others, KIDNEYS: LABEL_NAMES[KIDNEYS]}


def read_layer(path: Path, grid: Grid) -> LabelLayer:
    """Read a label map that belongs to a scan, and the record beside it where there is one.

    Args:
        path: A NIfTI, NRRD or MetaImage file.
        grid: The scan's canonical grid.

    Raises:
        InputError: when the file cannot be read, holds no labels up to 255, or does not lie on the scan.
    """
    label_map = read_label_map(path, fractions=Fractions.TRUNCATED)
    labels = label_map.labels
    if labels.shape != grid.shape_zyx:
        raise InputError(
            "the label map and the scan differ in shape",
            path=path,
            seen=f"{labels.shape} (z, y, x)",
            expected=f"{grid.shape_zyx}, as the scan's",
            remedy="Give the label map of this scan.",
        )
    highest = int(labels.max(initial=0))
    if highest > _HIGHEST_LABEL:
        raise InputError(
            "the label map holds labels that the viewer cannot show",
            path=path,
            seen=highest,
            expected=f"labels from 0 to {_HIGHEST_LABEL}",
            remedy="Renumber its labels.",
        )
    warnings = [printable(warning) for warning in label_map.warnings]
    apart_mm = _greatest_distance_mm(label_map.affine_ras, grid)
    if apart_mm > max(grid.spacing_mm):
        raise InputError(
            "the label map has another position than the scan",
            path=path,
            seen=f"up to {apart_mm:.1f} mm apart",
            expected="the same affine as the scan's",
            remedy="Give the label map of this scan, or correct its header.",
        )
    if apart_mm > _APART_MM:
        warnings.append(f"{printable_name(path.name)} lies up to {apart_mm:.2f} mm away from the scan")
    record = _record_of(path, warnings)
    return LabelLayer(
        printable_name(path.name),
        labels.astype(np.uint8, copy=False),
        _names(record),
        record.get("confidence", {}),
        tuple(warnings),
    )


def _record_of(labels: Path, warnings: list[str]) -> Mapping[str, Any]:
    """The record beside a label map; empty where there is none, with a warning where it cannot be used.

    Of a label map that was changed since, the record without what it says of the quality of the former content.
    """
    path = labels.with_name(f"{image_stem(labels)}.json")
    try:
        record = read_record(path)
    except UnusableRecordError as error:
        if path.is_file() and not is_foreign_json(path):
            warnings.append(f"no verdicts on {printable_name(labels.name)}: its record {error}")
        return {}
    if record["labels"]["file"] != labels.name:
        return {}
    if not is_complete(labels, path):
        warnings.append(f"no verdicts on {printable_name(labels.name)}: it was changed since its record")
        return {**record, "confidence": {}}
    return record


def _names(record: Mapping[str, Any]) -> dict[int, str]:
    if not record:
        return dict(LABEL_NAMES)
    return {int(label): printable(name) for label, name in record["labels"]["names"].items() if label.isdecimal()}


def _greatest_distance_mm(affine_ras: NDArray[np.float64], grid: Grid) -> float:
    """How far apart the same corner of two grids of one shape may lie."""
    z, y, x = grid.shape_zyx
    corners = np.array([(i, j, k, 1) for i in (0, x - 1) for j in (0, y - 1) for k in (0, z - 1)], np.float64)
    apart = corners @ (affine_ras - grid.affine_ras)[:3].T
    return float(np.linalg.norm(apart, axis=1).max())
