"""Sources of scans: synthetic scans, or the cases of a cache in random order, both by number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

import numpy as np

from flarecli.organs import ORGANS
from flarecli.phantom import PhantomOptions, PreparedLabels, make_phantom, options_for
from flarecli.phantom.options import lean
from flarecli.training.randomness import Purpose, derived_seed, generator
from flarecli.training.recipe import SamplingSettings, SynthesisSettings
from flarecli.training.samples.anatomies import draw_anatomy
from flarecli.training.views import SliceView, View
from flarecli.training.views.scan import LabelledScan

_AFTER_PATIENTS = 2**41
"""Offset of the random numbers that decide whether a patient is lean from those of the patient."""


class ScanSource(Protocol):
    """Scans by number; the same number gives the same scan in every process."""

    def scan(self, number: int) -> LabelledScan:
        """The scan of that number."""
        ...


@dataclass(frozen=True)
class SyntheticScans:
    """Synthetic scans.

    Attributes:
        settings: How they are made.
        maps: Label maps whose organs are deformed; where there are none all organs are procedural.
        view: Converts them to the orientation of the network.
        seed: Seed of all of them.
        purpose: Purpose of the random numbers: scans of training or of validation.
        with_surroundings: Whether kinds of surroundings are labelled, with values above the organs'.
    """

    settings: SynthesisSettings
    maps: tuple[PreparedLabels, ...]
    view: View
    seed: int
    purpose: Purpose = Purpose.SCAN
    with_surroundings: bool = False

    def scan(self, number: int) -> LabelledScan:
        rng = generator(self.seed, self.purpose, number)
        options = patient_options(self.settings, self.seed, self.purpose, number)
        anatomy = draw_anatomy(rng, self.maps, self.settings.procedural_share, options)
        phantom = make_phantom(
            derived_seed(self.seed, self.purpose, number),
            shape_zyx=self.settings.scan_shape_zyx,
            spacing_mm=self.settings.spacing_mm,
            options=options,
            anatomy=anatomy,
            with_surroundings=self.with_surroundings,
        )
        labels = phantom.labels
        if phantom.surroundings is not None:
            is_other = phantom.surroundings > 0
            labels[is_other] = phantom.surroundings[is_other] + len(ORGANS)
        return self.view.scan_of(number, phantom.voxels, labels, phantom.spacing_mm)


def patient_options(settings: SynthesisSettings, seed: int, purpose: Purpose, number: int) -> PhantomOptions:
    """The options of a synthetic patient; a patient who is not lean does not depend on the fraction of lean ones."""
    options = options_for(settings.strength)
    if settings.lean_share and generator(seed, purpose, number + _AFTER_PATIENTS).random() < settings.lean_share:
        return lean(options)
    return options


@dataclass(frozen=True)
class CachedScans:
    """The cases of a cache, in shuffled epochs or drawn with replacement.

    Attributes:
        cache: A `flarecli.preprocessing.cache.TrainingCache`.
        network: Key of the network whose arrays are read.
        names: Names of the cases.
        settings: Their order.
        seed: Seed of the order.
    """

    cache: Any
    network: str
    names: tuple[str, ...]
    settings: SamplingSettings
    seed: int

    def scan(self, number: int) -> LabelledScan:
        case = self.cache.load(self.name_of(number), self.network)
        return LabelledScan(number, case.image, case.labels, case.spacing_mm)

    def name_of(self, number: int) -> str:
        """Name of the case of that scan number."""
        entries = self._entries()
        if self.settings.order == "with_replacement":
            return entries[int(generator(self.seed, Purpose.ORDER, number).integers(len(entries)))]
        epoch, place = divmod(number, len(entries))
        return entries[_permutation(self.seed, epoch, len(entries))[place]]

    def _entries(self) -> tuple[str, ...]:
        """The cases of an epoch, weighted ones several times."""
        slices = _slice_counts(self.cache, self.network, self.names) if self.settings.by_slices else None
        entries: list[str] = []
        for index, name in enumerate(self.names):
            times = self.settings.repeats if name in self.settings.repeated else 1
            entries += [name] * (times * (slices[index] if slices else 1))
        return tuple(entries)


@dataclass(frozen=True)
class ReducedScans:
    """Scans of a source with slices of the size that a view has.

    A cache of the VGG-13 U-Net holds slices of the published 512 x 512 pixels; at 160 x 160, augmenting a whole scan
    costs a tenth.

    Attributes:
        source: The scans.
        view: Whose size they get.
    """

    source: ScanSource
    view: SliceView

    def scan(self, number: int) -> LabelledScan:
        return self.view.reduced(self.source.scan(number))


_SLICE_COUNTS: dict[tuple[str, str, tuple[str, ...]], list[int]] = {}


def _slice_counts(stored: Any, network: str, names: Sequence[str]) -> list[int]:
    """Number of slices of each case; read once a process."""
    key = (str(getattr(stored, "folder", id(stored))), network, tuple(names))
    if key not in _SLICE_COUNTS:
        _SLICE_COUNTS[key] = [len(stored.load(name, network).image) for name in names]
    return _SLICE_COUNTS[key]


@lru_cache(maxsize=2)
def _permutation(seed: int, epoch: int, count: int) -> np.ndarray:
    return generator(seed, Purpose.ORDER, epoch).permutation(count)
