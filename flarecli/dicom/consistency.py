"""Checks of the attributes that determine geometry (mm) and HU: present, valid and equal in all slices."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from flarecli.counts import counted
from flarecli.dicom import tags
from flarecli.dicom.elements import Invalid, Numbers, printable
from flarecli.dicom.slices import Slice
from flarecli.errors import InputError

_DIRECTION_TOLERANCE = 0.01  # of lengths and of the right angle: cosines are rounded to two digits in some files
_ORIENTATION_TOLERANCE = 1e-3
_SPACING_TOLERANCE = 1e-3  # relative
_UNITS = ("", "HU", "US", "HU_MOD")  # US: unspecified; the values are checked to be HU
_EXPORT = "Export the series again from its original, without changing these attributes."


@dataclass(frozen=True)
class _Rule:
    """The requirement on one attribute of all slices."""

    name: str
    tag: int
    count: int
    expected: str
    is_valid: Callable[[tuple[float, ...]], bool]
    tolerance: float = 0.0
    may_differ: bool = False

    @property
    def shown(self) -> str:
        return f"{self.name} ({self.tag >> 16:04x},{self.tag & 0xFFFF:04x})"


def _whole(*allowed: int) -> Callable[[tuple[float, ...]], bool]:
    return lambda values: values[0] in allowed


def _are_directions(values: tuple[float, ...]) -> bool:
    row, column = np.array(values[:3]), np.array(values[3:])
    lengths = np.linalg.norm(row), np.linalg.norm(column)
    return bool(
        max(abs(length - 1) for length in lengths) < _DIRECTION_TOLERANCE and abs(row @ column) < _DIRECTION_TOLERANCE
    )


_RULES = (
    _Rule("Samples per Pixel", tags.SAMPLES, 1, "1", _whole(1)),
    _Rule("Rows", tags.ROWS, 1, "a positive number", lambda values: values[0] > 0),
    _Rule("Columns", tags.COLUMNS, 1, "a positive number", lambda values: values[0] > 0),
    _Rule("Bits Allocated", tags.BITS_ALLOCATED, 1, "8, 16 or 32", _whole(8, 16, 32)),
    _Rule("Bits Stored", tags.BITS_STORED, 1, "1 to Bits Allocated", lambda values: 1 <= values[0] <= 32),
    _Rule("High Bit", tags.HIGH_BIT, 1, "below Bits Allocated", lambda values: values[0] < 32),
    _Rule("Pixel Representation", tags.PIXEL_REPRESENTATION, 1, "0 or 1", _whole(0, 1)),
    _Rule(
        "Pixel Spacing",
        tags.PIXEL_SPACING,
        2,
        "two positive numbers of mm",
        lambda values: min(values) > 0,
        tolerance=_SPACING_TOLERANCE,
    ),
    _Rule(
        "Image Orientation (Patient)",
        tags.ORIENTATION,
        6,
        "two unit vectors at a right angle",
        _are_directions,
        tolerance=_ORIENTATION_TOLERANCE,
    ),
    _Rule(
        "Image Position (Patient)",
        tags.POSITION,
        3,
        "three numbers of mm",
        lambda values: max(map(abs, values)) < 1e6,
        may_differ=True,
    ),
    _Rule("Rescale Slope", tags.SLOPE, 1, "a number other than 0", lambda values: values[0] != 0, may_differ=True),
    _Rule("Rescale Intercept", tags.INTERCEPT, 1, "a number", lambda values: abs(values[0]) < 1e6, may_differ=True),
)


def check_consistency(slices: Sequence[Slice], path: Path) -> tuple[str, ...]:
    """Refuse slices in which an attribute that determines mm or HU is missing, invalid or different.

    Returns:
        Warnings.

    Raises:
        InputError: names the attribute, a slice and the values.
    """
    for rule in _RULES:
        _check(rule, slices, path)
    _check_bits(slices, path)
    _check_photometric(slices, path)
    _check_padding(slices, path)
    return _unit_warnings(slices, path)


def _check(rule: _Rule, slices: Sequence[Slice], path: Path) -> None:
    for problem, is_affected in (
        ("is missing", lambda values: values is None),
        ("is invalid", lambda values: values is not None and not _is_sound(rule, values)),
    ):
        affected = [slice_ for slice_ in slices if is_affected(slice_.values.get(rule.tag))]
        if affected:
            value = _text(affected[0].values.get(rule.tag))
            raise InputError(
                f"{rule.shown} {problem} in {len(affected)} of {len(slices)} slices",
                path=path,
                seen=f"{value} in {affected[0].name}",
                expected=f"{rule.expected}, in every slice",
                remedy=_EXPORT,
            )
    if rule.may_differ:
        return
    values = np.array([slice_.vector(rule.tag) for slice_ in slices])
    usual = np.median(values, axis=0)
    scale = np.abs(usual) if rule.tag == tags.PIXEL_SPACING else 1.0
    if (np.abs(values - values[0]) <= rule.tolerance * scale).all():
        return
    by_value: dict[str, list[Slice]] = {}
    for slice_ in slices:
        by_value.setdefault(_text(slice_.values[rule.tag]), []).append(slice_)
    raise _differ(rule.shown, by_value, path)


def _is_sound(rule: _Rule, values: Numbers) -> bool:
    return isinstance(values, tuple) and len(values) == rule.count and rule.is_valid(values)


def _check_bits(slices: Sequence[Slice], path: Path) -> None:
    allocated, stored, high = (
        int(slices[0].number(tag)) for tag in (tags.BITS_ALLOCATED, tags.BITS_STORED, tags.HIGH_BIT)
    )
    if not stored <= allocated or not stored - 1 <= high < allocated:
        raise InputError(
            "Bits Allocated (0028,0100), Bits Stored (0028,0101) and High Bit (0028,0102) contradict each other",
            path=path,
            seen=f"{allocated}, {stored} and {high} in {slices[0].name}",
            expected="Bits Stored - 1 <= High Bit < Bits Allocated",
            remedy=_EXPORT,
        )


def _check_photometric(slices: Sequence[Slice], path: Path) -> None:
    name = "Photometric Interpretation (0028,0004)"
    by_value: dict[str, list[Slice]] = {}
    for slice_ in slices:
        by_value.setdefault(printable(slice_.photometric) or "missing", []).append(slice_)
    if len(by_value) > 1:
        raise _differ(name, by_value, path)
    value = next(iter(by_value))
    if value not in ("MONOCHROME1", "MONOCHROME2"):
        raise InputError(
            f"{name} is not monochrome",
            path=path,
            seen=f"{value} in {slices[0].name}",
            expected="MONOCHROME2",
            remedy="Give the original CT slices, not screen captures of them.",
        )


def _check_padding(slices: Sequence[Slice], path: Path) -> None:
    by_value: dict[str, list[Slice]] = {}
    for slice_ in slices:
        value = slice_.values.get(tags.PADDING)
        if value is not None:
            by_value.setdefault(_text(value), []).append(slice_)
    if len(by_value) > 1:
        raise _differ("Pixel Padding Value (0028,0120)", by_value, path)


def _unit_warnings(slices: Sequence[Slice], path: Path) -> tuple[str, ...]:
    with_table = [slice_ for slice_ in slices if tags.MODALITY_LUT in slice_.header.elements.dataset]
    if with_table:
        raise InputError(
            "the series has a Modality LUT Sequence (0028,3000), which is not supported",
            path=path,
            seen=f"{counted(len(with_table), 'slice')}, {with_table[0].name} first",
            expected="Rescale Slope and Rescale Intercept",
            remedy="Export the series as original CT slices.",
        )
    by_unit: dict[str, list[Slice]] = {}
    for slice_ in slices:
        by_unit.setdefault(printable(slice_.rescale_type), []).append(slice_)
    for unit, members in by_unit.items():
        if unit not in _UNITS:
            raise InputError(
                "Rescale Type (0028,1054) says that the values are not HU",
                path=path,
                seen=f"{unit} in {members[0].name}",
                expected="HU",
                remedy="Give the series in HU, not a map of materials, densities or atomic numbers.",
            )
    if "HU_MOD" in by_unit:
        return ("the values are modified HU (Rescale Type HU_MOD): results may be worse",)
    return ()


def _differ(name: str, by_value: dict[str, list[Slice]], path: Path) -> InputError:
    listed = [f"{value} in {counted(len(members), 'slice')} ({members[0].name})" for value, members in by_value.items()]
    return InputError(
        f"the slices of one series differ in {name}",
        path=path,
        seen=", ".join(listed[:4]) + (f" and {counted(len(listed) - 4, 'other value')}" if len(listed) > 4 else ""),
        expected="one value in all slices",
        remedy="Move slices of other reconstructions out of the folder, or export the series again.",
    )


def _text(values: Numbers) -> str:
    if values is None:
        return "nothing"
    if isinstance(values, Invalid):
        return repr(values.text)
    return "\\".join(f"{value:.8g}" for value in values)
