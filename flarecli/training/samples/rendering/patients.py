"""Patients drawn in worker processes, and what the training device renders of them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from flarecli.organs import ORGANS
from flarecli.phantom import PreparedLabels, procedural_anatomy
from flarecli.phantom.patient import Patient, centred_grid, draw_patient
from flarecli.training.randomness import Purpose, generator
from flarecli.training.recipe import SynthesisSettings
from flarecli.training.samples.anatomies import draw_anatomy
from flarecli.training.samples.rendering.appearance import ScanAppearance, draw_appearance
from flarecli.training.samples.rendering.pose import draw_pose
from flarecli.training.samples.scan_source import patient_options
from flarecli.training.samples.schedule import Schedule
from flarecli.training.targets import Target
from flarecli.training.views import CropView

Shape = tuple[int, int, int]


@dataclass(frozen=True)
class PatientSample:
    """A sample that the training device renders.

    Attributes:
        number: Number of the sample in the run.
        parts: Uint8, (z, y, x): part of the body at every voxel of the patient's whole grid.
        values: Uint8, (256,): the value of the recipe's target that each part number has.
        appearance: Intensities and acquisition of the scan.
        pose: Matrix from positions in the scan to positions in `parts`, about their middles.
        start_zyx: First voxel of the sample in the scan; may lie outside.
        shape_zyx: Size of the sample.
    """

    number: int
    parts: np.ndarray
    values: np.ndarray
    appearance: ScanAppearance
    pose: np.ndarray
    start_zyx: Shape
    shape_zyx: Shape


@dataclass(frozen=True)
class PatientSource:
    """Random patients.

    Attributes:
        settings: How they are drawn.
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
    """All samples of a run whose scans are rendered on the device. Sample k depends on the seed and on k only.

    Attributes:
        source: The patients.
        view: How samples are cut from scans; samples of one batch have one shape.
        target: Training target.
        schedule: Patient of each sample.
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
        appearance = draw_appearance(rng, patient, options)
        pose = draw_pose(rng, settings.rotation_deg, settings.scale_spread)
        start = self.view.drawn_start(labels[patient.parts], shape, rng, pose)
        return PatientSample(number, patient.parts, self.target.encoded(labels), appearance, pose, start, shape)


def labels_of_parts(patient: Patient, *, with_surroundings: bool) -> np.ndarray:
    """The label of each part number, uint8, (256,): FLARE labels, followed by kinds of surroundings where requested."""
    labels = patient.palette.labels()
    if not with_surroundings:
        return labels
    kinds = patient.palette.surroundings()
    return np.where(kinds > 0, kinds + len(ORGANS), labels).astype(np.uint8)
