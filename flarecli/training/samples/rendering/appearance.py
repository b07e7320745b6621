"""One scan of a patient as numbers, for a device to paint."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from flarecli.phantom.acquisition import Acquisition, PartIntensities, draw_acquisition, part_intensities
from flarecli.phantom.options import PhantomOptions
from flarecli.phantom.patient import Patient
from flarecli.phantom.tissues import draw_look


@dataclass(frozen=True)
class Exposure:
    """How one scan of a patient looks; fields of texture and noise are left to whoever paints it.

    Attributes:
        intensities: By part number.
        acquisition: Blur, noise, field of view.
    """

    intensities: PartIntensities
    acquisition: Acquisition


def draw_exposure(rng: np.random.Generator, patient: Patient, options: PhantomOptions) -> Exposure:
    """Draw another scan of a patient: contrast phase, intensities of the tissues, scanner."""
    traits = patient.traits
    look = draw_look(rng, options, fatty_liver=traits.fatty_liver, fatty_pancreas=traits.fatty_pancreas)
    return Exposure(part_intensities(patient.palette, look), draw_acquisition(rng, options, patient.grid))
