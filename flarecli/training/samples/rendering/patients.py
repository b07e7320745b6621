"""Patients drawn beside the training, and what the training device is to paint of them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from flarecli.organs import ORGANS
from flarecli.phantom import PreparedLabels, procedural_anatomy
from flarecli.phantom.patient import Patient, centred_grid, draw_patient
from flarecli.training.randomness import Purpose, generator
from flarecli.training.recipe import SynthesisSettings
from flarecli.training.samples.anatomies import draw_anatomy
from flarecli.training.samples.rendering.appearance import Exposure, draw_exposure
from flarecli.training.samples.rendering.pose import draw_posture
from flarecli.training.samples.scan_source import patient_options
from flarecli.training.samples.schedule import Schedule
from flarecli.training.targets import Target
from flarecli.training.views import CropView

Shape = tuple[int, int, int]


@dataclass(frozen=True)
class PatientSample:
    """A sample that is still to be painted.

    Attributes:
        number: Which sample of the run it is.
        parts: Uint8, (z, y, x): part of the body at every voxel of the patient's whole grid.
        values: Uint8, (256,): the value of the recipe's target that each part number has.
        exposure: How the scan looks.
        posture: Matrix from positions in the scan to positions in `parts`, about their middles.
        start_zyx: First voxel of the sample in the scan; may lie outside.
        shape_zyx: Size of the sample.
    """

    number: int
    parts: np.ndarray
    values: np.ndarray
    exposure: Exposure
    posture: np.ndarray
    start_zyx: Shape
    shape_zyx: Shape


@dataclass(frozen=True)
class PatientSource:
    """Patients that are drawn, all different.

    Attributes:
        settings: How.
        maps: Label maps whose organs are deformed; where there are none all organs are procedural.
        seed: Seed of all of them.
    """

    settings: SynthesisSettings
    maps: tuple[PreparedLabels, ...]
    seed: int

    def patient(self, number: int) -> Patient:
        """The patient of that number: the same in every process."""
        settings = self.settings
        rng = generator(self.seed, Purpose.SCAN, number)
        options = patient_options(settings, self.seed, Purpose.SCAN, number)
        grid = centred_grid(settings.scan_shape_zyx, settings.spacing_mm)
        anatomy = draw_anatomy(rng, self.maps, settings.procedural_share, options)
        return draw_patient(rng, grid, anatomy or procedural_anatomy(rng, options), options)


@dataclass
class PatientStream:
    """All samples of a run that paints its scans. What sample k is depends on the seed and on k alone.

    Attributes:
        source: Where patients come from.
        view: How samples are cut from scans; samples of one batch have one shape.
        target: What labels become.
        schedule: Which patient each sample shows.
        seed: Seed of the run.
        batch: Samples of a batch.
    """

    source: PatientSource
    view: CropView
    target: Target
    schedule: Schedule
    seed: int
    batch: int
    _patients: dict[int, Patient] = field(default_factory=dict, repr=False)

    def sample(self, number: int) -> PatientSample:
        """Sample `number`, counted from 0; best asked for in rising order."""
        oldest = self.schedule.oldest_needed(number)
        for held in [held for held in self._patients if held < oldest]:
            del self._patients[held]
        wanted = self.schedule.scan_of(number)
        if wanted not in self._patients:
            self._patients[wanted] = self.source.patient(wanted)
        patient, settings = self._patients[wanted], self.source.settings
        rng = generator(self.seed, Purpose.CUT, number)
        labels = labels_of_parts(patient, with_surroundings=self.target is Target.SURROUNDINGS)
        shape = self.view.drawn_shape(generator(self.seed, Purpose.SHAPE, number // self.batch))
        options = patient_options(settings, self.source.seed, Purpose.SCAN, wanted)
        exposure = draw_exposure(rng, patient, options)
        posture = draw_posture(rng, settings.turn_deg, settings.stretch)
        start = self.view.drawn_start(labels[patient.parts], shape, rng, posture)
        return PatientSample(number, patient.parts, self.target.encoded(labels), exposure, posture, start, shape)


def labels_of_parts(patient: Patient, *, with_surroundings: bool) -> np.ndarray:
    """The label of each part number, uint8, (256,): the house's, kinds of surroundings after them where asked for."""
    labels = patient.palette.labels()
    if not with_surroundings:
        return labels
    kinds = patient.palette.surroundings()
    return np.where(kinds > 0, kinds + len(ORGANS), labels).astype(np.uint8)
