"""Slices as a stack: their order along the normal, their spacing, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from flarecli.counts import counted
from flarecli.dicom import tags
from flarecli.dicom.slices import Slice

_STEP_SHARE = 0.25  # of a step: largest deviation of a slice from the even grid; a missing slice causes a larger one
_STEP_LIMIT_MM = 1.0
_IN_PLANE_MM = 0.15  # rounding of positions to 0.1 mm in two coordinates
_SAME_PLACE_SHARE = 0.05  # of the usual step
_SAME_PLACE_MM = 1e-3
_GAP = 1.5  # usual steps


@dataclass(frozen=True)
class Stack:
    """Slices in order along the normal of their plane.

    Attributes:
        slices: In order; the normal is row direction × column direction.
        positions_lps: World position of the first voxel of each, mm, shape (slices, 3).
        row_lps: Unit vector along which the column index grows.
        column_lps: Unit vector along which the row index grows.
        fault: Why they are not evenly spaced; empty where they are.
        seen: The values that show the fault, for the message.
        expected: What would be right.
    """

    slices: tuple[Slice, ...]
    positions_lps: np.ndarray
    row_lps: np.ndarray
    column_lps: np.ndarray
    fault: str
    seen: str
    expected: str

    @property
    def is_even(self) -> bool:
        """Whether the slices are evenly spaced along one line."""
        return not self.fault

    @property
    def normal_lps(self) -> np.ndarray:
        """Unit vector at right angles to the slices."""
        normal = np.cross(self.row_lps, self.column_lps)
        return np.asarray(normal / np.linalg.norm(normal))

    @property
    def step_lps(self) -> np.ndarray:
        """From each slice to the next, mm; of the even grid from the first to the last."""
        return np.asarray((self.positions_lps[-1] - self.positions_lps[0]) / (len(self.slices) - 1))


def stacked(slices: Sequence[Slice]) -> Stack:
    """Put slices with checked tags in order and compare them with the even grid from the first to the last."""
    orientation = np.median([slice_.vector(tags.ORIENTATION) for slice_ in slices], axis=0)
    row = orientation[:3] / np.linalg.norm(orientation[:3])
    column = orientation[3:] - (orientation[3:] @ row) * row
    column /= np.linalg.norm(column)
    normal = np.cross(row, column)
    positions = np.array([slice_.vector(tags.POSITION) for slice_ in slices])
    depths = positions @ normal
    order = np.argsort(depths, kind="stable")
    ordered = tuple(slices[index] for index in order)
    positions, depths = positions[order], depths[order]
    fault, seen, expected = _fault(ordered, positions, depths, normal)
    return Stack(ordered, positions, row, column, fault, seen, expected)


def same_place_groups(slices: Sequence[Slice]) -> list[list[Slice]]:
    """Slices that lie at one position, in their order; groups of one included."""
    groups: dict[tuple[float, ...], list[Slice]] = {}
    for slice_ in slices:
        place = tuple(round(value, 3) for value in slice_.vector(tags.POSITION))
        groups.setdefault(place, []).append(slice_)
    return list(groups.values())


def _fault(
    slices: tuple[Slice, ...], positions: np.ndarray, depths: np.ndarray, normal: np.ndarray
) -> tuple[str, str, str]:
    """What is wrong with the spacing of ordered slices, the values that show it, and what was expected."""
    if len(slices) < 2:
        return "there is a single slice", "1 slice", "at least 2"
    steps = np.diff(depths)
    usual = float(np.median(steps))
    together = np.flatnonzero(steps <= max(_SAME_PLACE_MM, _SAME_PLACE_SHARE * usual))
    if together.size:
        first = int(together[0])
        return (
            "several slices lie at the same position",
            f"{slices[first].name} and {slices[first + 1].name} {steps[first]:.2f} mm apart; "
            f"{counted(together.size, 'such pair')}",
            "one slice at each position",
        )
    if len(slices) < 3:
        return "", "", ""
    ideal = positions[0] + np.linspace(0, 1, len(slices))[:, None] * (positions[-1] - positions[0])
    off = positions - ideal
    off_along = np.abs(off @ normal)
    off_across = np.linalg.norm(off - np.outer(off @ normal, normal), axis=1)
    step = (depths[-1] - depths[0]) / (len(slices) - 1)
    allowed = min(_STEP_SHARE * step, _STEP_LIMIT_MM)
    if off_along.max() <= allowed and off_across.max() <= max(allowed, _IN_PLANE_MM):
        return "", "", ""
    expected = f"{usual:.2f} mm between all slices"
    gaps = np.flatnonzero(steps > _GAP * usual)
    if gaps.size:
        missing = int(sum(max(1, round(steps[gap] / usual) - 1) for gap in gaps))
        widest = int(np.argmax(steps))
        return (
            "slices are missing",
            f"{steps[widest]:.2f} mm between {slices[widest].name} and {slices[widest + 1].name} "
            f"(slices {widest + 1} and {widest + 2}); {missing} missing in {counted(gaps.size, 'gap')}",
            expected,
        )
    if off_across.max() > max(allowed, _IN_PLANE_MM):
        worst = int(np.argmax(off_across))
        return (
            "slices are shifted within their plane",
            f"{slices[worst].name} lies {off_across[worst]:.2f} mm off the line from the first slice to the last",
            f"at most {max(allowed, _IN_PLANE_MM):.2f} mm",
        )
    worst = int(np.argmax(off_along))
    return (
        "slices are unevenly spaced",
        f"steps of {steps.min():.2f} to {steps.max():.2f} mm; {slices[worst].name} lies {off_along[worst]:.2f} mm "
        "off an even grid from the first slice to the last",
        f"at most {allowed:.2f} mm",
    )
