"""Meaning of the values of a dataset's label maps: organs and background."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from flarecli.errors import InputError, UsageError
from flarecli.organs import LABEL_NAMES, ORGANS

HIGHEST_VALUE = np.iinfo(np.uint16).max
"""Greatest value of a label map."""

_UNANNOTATED_NAME = "ignore"  # nnU-Net 2, documentation/ignore_label.md


@dataclass(frozen=True)
class OrganValues:
    """Mapping of a dataset's label values to FLARE labels.

    Attributes:
        flare_labels: For each known value its label: 0 to 4, or above that a kind of surroundings. Value 0 is always
            background.
        background_names: Names of the structures that the dataset labels and that become background.
        unannotated: Values of voxels that are not annotated (nnU-Net's "ignore"): they may be organ or background.
    """

    flare_labels: Mapping[int, int]
    background_names: tuple[str, ...] = field(default=())
    unannotated: frozenset[int] = frozenset()

    def unknown(self, labels: NDArray[np.integer]) -> tuple[int, ...]:
        """The values of a label map without a known meaning, in ascending order."""
        known = {0, *self.flare_labels, *self.unannotated}
        return tuple(value for value in _values(labels) if value not in known)

    def unannotated_voxels(self, labels: NDArray[np.integer]) -> int:
        """How many voxels of a label map are not annotated."""
        return sum(int(np.count_nonzero(labels == value)) for value in self.unannotated)

    def translated(self, labels: NDArray[np.integer]) -> NDArray[np.uint8]:
        """A label map in FLARE labels; values that are unknown or not annotated become background.

        Returns:
            uint8 array of the same shape; the same array where nothing has to change.
        """
        present = _values(labels)
        if labels.dtype == np.uint8 and all(self.flare_labels.get(value, 0) == value for value in present):
            return labels  # type: ignore[return-value]
        table = np.zeros(int(labels.max(initial=0)) + 1, np.uint8)
        for value in present:
            table[value] = self.flare_labels.get(value, 0)
        return table[labels]

    def with_background(self, values: Iterable[int]) -> OrganValues:
        """The same with more values that become background.

        Raises:
            UsageError: when one of them has another meaning already: one of both would be ignored.
        """
        background = dict.fromkeys(values, 0)
        for value in background:
            label = self.flare_labels.get(value, 0)
            if label:
                raise UsageError(
                    "a value that is an organ is named as background",
                    seen=f"{value}, which is {LABEL_NAMES.get(label, 'a kind of surroundings')}",
                    expected="values that belong to no organ, by --organ or else by what the dataset states",
                    remedy="Leave it out, or name the values of all organs with --organ NAME=VALUES: what is not named "
                    "there is no organ.",
                )
        return OrganValues(
            {**background, **self.flare_labels}, self.background_names, self.unannotated - background.keys()
        )

    def with_surroundings(self, labels: Mapping[int, int]) -> OrganValues:
        """The same with kinds of surroundings: their values, and their labels above the organs'."""
        return OrganValues({**self.flare_labels, **labels}, self.background_names, self.unannotated - labels.keys())

    def as_dict(self) -> dict[str, int]:
        """For records and hashes: each known value and its label."""
        return {str(value): label for value, label in sorted(self.flare_labels.items())}


def organ_labels(labels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """FLARE labels without surroundings, which become background; the same array where there are none."""
    last = len(ORGANS)
    return np.where(labels <= last, labels, np.uint8(0)) if labels.max(initial=0) > last else labels


FLARE_VALUES = OrganValues({0: 0, **{organ.label: organ.label for organ in ORGANS}})
"""FLARE21's own: 1 liver, 2 kidneys, 3 spleen, 4 pancreas."""


def values_of_names(values_by_name: Mapping[str, Collection[int]], source: Path | None = None) -> OrganValues:
    """Find the organs among the names that a dataset gives to its values.

    "Right kidney", "kidney_left" and "kidneys" all become kidneys; every other name becomes background. A name of
    several values, as nnU-Net's regions have, stands for all of them. "ignore" marks voxels without annotation.

    Args:
        values_by_name: The values of each name.
        source: The file that says so, for messages.

    Raises:
        InputError: when a value is of two organs, both of an organ and "ignore", or 0 and not background.
    """
    flare_labels, background = {0: 0}, []
    unannotated: set[int] = set()
    meanings: dict[int, str] = {0: LABEL_NAMES[0]}
    for name, values in values_by_name.items():
        is_unannotated = name.strip().lower() == _UNANNOTATED_NAME
        label = 0 if is_unannotated else _label_of_name(name)
        if label or is_unannotated:
            _note_meaning(meanings, values, LABEL_NAMES[label] if label else _UNANNOTATED_NAME, source)
        if is_unannotated:
            unannotated.update(values)
            continue
        if label == 0 and name.lower() != "background":
            background.append(name)
        for value in values:
            # A value inside several regions, such as a tumour inside its organ, belongs to the organ.
            flare_labels[value] = label or flare_labels.get(value, 0)
    return OrganValues(flare_labels, tuple(background), frozenset(unannotated - flare_labels.keys()))


def _note_meaning(meanings: dict[int, str], values: Iterable[int], meaning: str, source: Path | None) -> None:
    """Add what values mean; refuse one that means something else already."""
    for value in values:
        if meanings.setdefault(value, meaning) != meaning:
            raise InputError(
                "a value of the label maps has two meanings",
                path=source,
                seen=f"{value} is {meanings[value]} and {meaning}",
                expected="each value in one organ, and 0 for background",
                remedy="Correct the names, or say which values the organs have: --organ liver=1 --organ spleen=3.",
            )


def _label_of_name(name: str) -> int:
    words = set(re.findall(r"[a-z]+", name.lower())) - {"left", "right", "l", "r", "organ", "whole"}
    singular = {word.removesuffix("s") if word != "pancreas" else word for word in words}
    for organ in ORGANS:
        own = organ.name.removesuffix("s") if organ.name != "pancreas" else organ.name
        if singular == {own}:
            return organ.label
    return 0


def _values(labels: NDArray[np.integer]) -> list[int]:
    """The values of a label map in ascending order, slice by slice: no sorting of the volume."""
    present: set[int] = set()
    for plane in labels:
        if plane.any():
            present.update(np.flatnonzero(np.bincount(plane.ravel().astype(np.intp, copy=False))).tolist())
    return sorted(present)
