"""The values of two label maps, their overlap, and warnings about values with different meanings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from flarecli.counts import counted
from flarecli.geometry import bounding_window
from flarecli.metrics.overlap import dice_of_counts
from flarecli.metrics.protocol import PROTOCOLS, Protocol, ScoredOrgan
from flarecli.organs import KIDNEYS, LEFT_KIDNEY

_VALUES = 256  # of the table of overlaps; label maps with greater values are counted by the ranks of their values
_VOXELS_AT_A_TIME = 1 << 20
_ABOUT_ZERO_DSC = 0.1
_ALIKE_DSC = 0.5
_INSIDE_SHARE = 0.5
_SHOWN = 12
_REMEDY = "give both files the same values, or say with --labels VALUE=NAME,... which are to be scored"


@dataclass(frozen=True)
class ValueCounts:
    """Voxels of each value other than 0, of one case or of several together.

    Attributes:
        pred: Number of voxels by value of the prediction.
        gt: Number of voxels by value of the ground truth.
        both: Number of voxels by pair of values, prediction first.
    """

    pred: Mapping[int, int]
    gt: Mapping[int, int]
    both: Mapping[tuple[int, int], int]

    @classmethod
    def total(cls, counts: Iterable[ValueCounts]) -> ValueCounts:
        """All voxels of several cases."""
        pred: Counter[int] = Counter()
        gt: Counter[int] = Counter()
        both: Counter[tuple[int, int]] = Counter()
        for case in counts:
            pred.update(case.pred)
            gt.update(case.gt)
            both.update(case.both)
        return cls(pred, gt, both)

    def dice(self, pred_value: int, gt_value: int) -> float:
        """Overlap of one value of the prediction with one of the ground truth."""
        common = self.both.get((pred_value, gt_value), 0)
        return dice_of_counts(self.pred.get(pred_value, 0), self.gt.get(gt_value, 0), common)


def count_values(pred: NDArray[np.integer], gt: NDArray[np.integer]) -> ValueCounts:
    """Count values and pairs of values of two label maps of one shape `(z, y, x)`, a few slices at a time.

    Where a map holds more than 256 values it is not a label map; the greater ones are left out then.
    """
    box = bounding_window(pred, gt)
    if box is None:
        return ValueCounts({}, {}, {})
    pred, gt = pred[box], gt[box]
    pred_values, gt_values = _values(pred), _values(gt)
    table = np.zeros(_VALUES * _VALUES, np.int64)
    slices = max(1, _VOXELS_AT_A_TIME // max(1, pred.shape[1] * pred.shape[2]))
    for start in range(0, pred.shape[0], slices):
        codes = _ranks(pred[start : start + slices], pred_values)
        codes *= _VALUES
        codes += _ranks(gt[start : start + slices], gt_values)
        table += np.bincount(codes.ravel(), minlength=table.size)
    by_pair = table.reshape(_VALUES, _VALUES)
    return ValueCounts(
        {pred_values[rank]: int(by_pair[rank].sum()) for rank in _occurring(by_pair.sum(axis=1), pred_values)},
        {gt_values[rank]: int(by_pair[:, rank].sum()) for rank in _occurring(by_pair.sum(axis=0), gt_values)},
        {
            (pred_values[row], gt_values[column]): int(by_pair[row, column])
            for row, column in np.argwhere(by_pair).tolist()
            if row < len(pred_values) and column < len(gt_values) and pred_values[row] and gt_values[column]
        },
    )


def value_warnings(counts: ValueCounts, protocol: Protocol) -> tuple[str, ...]:
    """Warnings about values that the protocol does not score, and about organs with another value.

    Args:
        counts: Of all scored cases together.
        protocol: What was scored.
    """
    known = {organ.label for organ in protocol.organs}
    unknown = {
        side: {value: voxels for value, voxels in sorted(by_value.items()) if value not in known}
        for side, by_value in (("ground truth", counts.gt), ("prediction", counts.pred))
    }
    exchanged = _exchanged(counts, protocol)
    warnings = [
        f"the {side} holds values that the protocol {protocol.name} does not score: {_listed(values)}"
        for side, values in unknown.items()
        if values
    ]
    if warnings or exchanged:
        hint = _hint(protocol, {value for values in unknown.values() for value in values})
        warnings = [*warnings, *exchanged]
        warnings[-1] += f". {hint}"
    return tuple(warnings)


def _exchanged(counts: ValueCounts, protocol: Protocol) -> list[str]:
    """Sentences for organs that score about 0, or lack a part, because the other side has them under another value."""
    names = {organ.label: f" ({organ.name})" for organ in protocol.organs}
    alike: dict[tuple[int, int], float] = {}
    for organ in protocol.organs:
        if counts.dice(organ.label, organ.label) >= _ABOUT_ZERO_DSC:
            continue
        if (value := _most_alike(counts, organ, of_gt=True)) is not None:
            alike[value, organ.label] = counts.dice(value, organ.label)
        if (value := _most_alike(counts, organ, of_gt=False)) is not None:
            alike[organ.label, value] = counts.dice(organ.label, value)
    found = [
        f"the ground truth's value {gt}{names.get(gt, '')} looks like the prediction's {pred}{names.get(pred, '')}: "
        f"DSC {dice:.2f}"
        for (pred, gt), dice in alike.items()
    ]
    for value, voxels in counts.gt.items():
        if value in names or any(gt == value for _, gt in alike):
            continue
        inside = {pred: counts.both.get((pred, value), 0) / voxels for pred in names}
        best = max(inside, key=lambda pred: inside[pred])
        if inside[best] >= _INSIDE_SHARE:
            found.append(
                f"{inside[best]:.0%} of the ground truth's value {value} lie in the prediction's {best}{names[best]}"
            )
    return found


def _most_alike(counts: ValueCounts, organ: ScoredOrgan, *, of_gt: bool) -> int | None:
    """The value of the other label map that an organ of the ground truth (or of the prediction) overlaps best."""
    others = counts.pred if of_gt else counts.gt
    if not (counts.gt if of_gt else counts.pred).get(organ.label):
        return None
    dice = {
        value: counts.dice(value, organ.label) if of_gt else counts.dice(organ.label, value)
        for value in others
        if value != organ.label
    }
    best = max(dice, key=lambda value: dice[value], default=None)
    return best if best is not None and dice[best] >= _ALIKE_DSC else None


def _hint(protocol: Protocol, unknown: set[int]) -> str:
    if unknown == {LEFT_KIDNEY} and any((organ.label, organ.name) == (KIDNEYS, "kidneys") for organ in protocol.organs):
        return f"`flare predict --sides` calls the left kidney {LEFT_KIDNEY}: predict without it, or {_REMEDY}"
    for name, other in PROTOCOLS.items():
        labels = {organ.label for organ in other.organs}
        if name != protocol.name and unknown and unknown <= labels:
            return f"The protocol {name} has these values (--protocol {name}); {_REMEDY}"
    return _REMEDY[0].upper() + _REMEDY[1:]


def _listed(voxels_by_value: Mapping[int, int]) -> str:
    shown = [f"{value} ({counted(voxels, 'voxel')})" for value, voxels in list(voxels_by_value.items())[:_SHOWN]]
    more = len(voxels_by_value) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def _values(labels: NDArray[np.integer]) -> list[int]:
    """The values that are counted, in ascending order; the value of an index is its own where all are small."""
    if labels.dtype == np.uint8 or 0 <= int(labels.min()) <= int(labels.max()) < _VALUES:
        return list(range(_VALUES))
    present: set[int] = set()
    for plane in labels:
        present.update(np.unique(plane).tolist())
    return sorted({0} | present)[: _VALUES - 1]


def _ranks(labels: NDArray[np.integer], values: list[int]) -> NDArray[np.int32]:
    if len(values) == _VALUES:
        return labels.astype(np.int32)
    known = np.array(values)
    ranks = np.searchsorted(known, labels)
    return np.where(known[np.minimum(ranks, len(known) - 1)] == labels, ranks, _VALUES - 1).astype(np.int32)


def _occurring(counts: NDArray[np.int64], values: list[int]) -> list[int]:
    return [rank for rank in np.flatnonzero(counts).tolist() if rank < len(values) and values[rank]]
