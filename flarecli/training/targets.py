"""Training targets: organ or background, exclusive classes, or one independent label an organ."""

from __future__ import annotations

from enum import StrEnum

import numpy as np

from flarecli.organs import ORGANS
from flarecli.phantom.surroundings import SURROUNDINGS

UNSPECIFIED = 255
"""Target value of a background voxel whose kind of surroundings is not annotated."""


class Target(StrEnum):
    """Training targets, by their names in recipes."""

    ANY_ORGAN = "any_organ"
    """Two exclusive classes: background and the union of the organs."""
    CLASSES = "classes"
    """Exclusive classes: background and the organs."""
    SURROUNDINGS = "classes_and_surroundings"
    """Exclusive classes: background, the organs, then kinds of surroundings that count as background in the end.

    Synthetic scans distinguish all of them. Labels of patients distinguish some or none: their other background is
    `UNSPECIFIED`, any of the classes that are not an organ.
    """
    ORGANS = "organs"
    """Independent organs without a background (multi-label); an organ is where its logit is at least 0."""

    @property
    def organ_names(self) -> tuple[str, ...]:
        """What is scored, in the order of the label values from 1 on."""
        return ("any organ",) if self is Target.ANY_ORGAN else tuple(organ.name for organ in ORGANS)

    @property
    def values(self) -> tuple[int, ...]:
        """The label value that each channel of the network stands for."""
        first = 1 if self is Target.ORGANS else 0
        surroundings = len(SURROUNDINGS) if self is Target.SURROUNDINGS else 0
        return tuple(range(first, len(self.organ_names) + 1 + surroundings))

    @property
    def without_surroundings(self) -> Target:
        """The target for label maps that do not distinguish surroundings."""
        return Target.CLASSES if self is Target.SURROUNDINGS else self

    def encoded(self, labels: np.ndarray, *, is_partial: bool = False) -> np.ndarray:
        """FLARE labels, followed by surroundings where these are labelled, as values of this target, uint8.

        Args:
            labels: The labels.
            is_partial: Whether the background may be any kind of surroundings, and not plain background alone.
        """
        if self is Target.SURROUNDINGS:
            values = np.asarray(labels, np.uint8)
            return np.where(values == 0, np.uint8(UNSPECIFIED), values) if is_partial else values
        organs = np.where(labels <= len(ORGANS), labels, 0).astype(np.uint8)
        return (organs > 0).astype(np.uint8) if self is Target.ANY_ORGAN else organs

    def scored(self, labels: np.ndarray) -> np.ndarray:
        """FLARE labels as the values that `decoded` gives, uint8."""
        values = self.encoded(labels)
        return np.where(values <= len(ORGANS), values, np.uint8(0)) if self is Target.SURROUNDINGS else values

    def joined(self, scores: np.ndarray) -> np.ndarray:
        """Logits of background and organs alone: kinds of surroundings are joined with the background.

        Args:
            scores: (channels, ...); logits of exclusive classes, those after the organs being surroundings.
        """
        classes = len(self.organ_names) + 1
        if len(scores) == classes:
            return scores
        background = np.logaddexp.reduce([scores[0], *scores[classes:]])
        return np.concatenate([background[None], scores[1:classes]])

    def decoded(self, scores: np.ndarray) -> np.ndarray:
        """Values of this target from class scores.

        Args:
            scores: (channels, ...); logits. Classes after the organs count as background.

        Returns:
            uint8 array without the channels. Of overlapping independent organs the later one is kept.
        """
        if self is Target.ORGANS:
            values = np.zeros(scores.shape[1:], np.uint8)
            for value, score in zip(self.values, scores, strict=True):
                values[score >= 0] = value
            return values
        scores = self.joined(scores)
        # A running maximum over the channels is several times faster than numpy's argmax over the first axis.
        best, values = scores[0].copy(), np.zeros(scores.shape[1:], np.uint8)
        for value, score in enumerate(scores[1:], start=1):
            better = score > best
            np.copyto(best, score, where=better)
            values[better] = value
        return values
