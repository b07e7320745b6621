"""The parameters of one scan of a patient, for rendering on a device."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from flarecli.phantom.acquisition import Acquisition, PartIntensities, draw_acquisition, part_intensities
from flarecli.phantom.options import PhantomOptions
from flarecli.phantom.patient import Patient
from flarecli.phantom.tissues import draw_intensities


@dataclass(frozen=True)
class ScanAppearance:
    """Parameters of one scan of a patient; fields of texture and noise are drawn when it is rendered.

    Attributes:
        intensities: By part number.
        acquisition: Blur, noise, field of view.
    """

    intensities: PartIntensities
    acquisition: Acquisition


def draw_appearance(rng: np.random.Generator, patient: Patient, options: PhantomOptions) -> ScanAppearance:
    """Draw the parameters of a scan of a patient: contrast phase, tissue intensities, acquisition."""
    traits = patient.traits
    look = draw_intensities(rng, options, fatty_liver=traits.fatty_liver, fatty_pancreas=traits.fatty_pancreas)
    return ScanAppearance(part_intensities(patient.palette, look), draw_acquisition(rng, options, patient.grid))
