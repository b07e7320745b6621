"""Lean patients: organs touch each other and the wall, and nobody else changes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from flarecli.phantom import REALISTIC, Phantom, make_phantom, options_for
from flarecli.phantom.options import lean
from flarecli.training.randomness import Purpose
from flarecli.training.recipe import SynthesisSettings
from flarecli.training.samples.scan_source import SyntheticScans, patient_options
from flarecli.training.views import CropView

SHAPE, SPACING_MM = (60, 72, 88), (4.0, 4.0, 4.0)
QUIET = {"cut_field": 0.0, "circular_field": 0.0, "table": 0.0}


def made(seed: int, strength: str) -> Phantom:
    return make_phantom(seed, shape_zyx=SHAPE, spacing_mm=SPACING_MM, options=options_for(strength, **QUIET))


def touching(phantom: Phantom) -> float:
    """Share of the organs' surfaces that lies on another organ."""
    labels, surface, shared = phantom.labels, 0, 0
    for organ in range(1, 5):
        mask = labels == organ
        shell = ndimage.binary_dilation(mask) & ~mask
        surface += np.count_nonzero(shell)
        shared += np.count_nonzero(shell & (labels > 0))
    return shared / surface


def fat_share(phantom: Phantom) -> float:
    """Share of the body that is as dark as fat."""
    body = ndimage.binary_opening(phantom.voxels > -300, iterations=2)
    return float(np.mean((phantom.voxels[body] < -40) & (phantom.voxels[body] > -200)))


def test_lean_patients_have_less_fat_and_organs_that_touch() -> None:
    seeds = range(4)
    ordinary, thin = ([made(seed, strength) for seed in seeds] for strength in ("realistic", "lean"))
    assert np.mean([fat_share(p) for p in thin]) < 0.5 * np.mean([fat_share(p) for p in ordinary])
    assert np.mean([touching(p) for p in thin]) > 1.5 * np.mean([touching(p) for p in ordinary])


def test_organs_that_meet_share_what_lies_between_them() -> None:
    patient = made(3, "lean")
    volumes = patient.facts["volumes_ml"]
    assert volumes["liver"] > 600
    assert all(volumes[name] > least for name, least in (("kidneys", 120), ("spleen", 60), ("pancreas", 25)))


def test_most_lean_patients_are_scanned_without_contrast_agent() -> None:
    tiny = {"shape_zyx": (12, 16, 18), "spacing_mm": (20.0,) * 3, "strength": "lean"}
    phases = [make_phantom(seed, **tiny).facts["phase"] for seed in range(16)]
    assert 5 <= phases.count("unenhanced") <= 14


def test_what_is_drawn_takes_no_random_number_from_other_patients() -> None:
    plain = make_phantom(1, shape_zyx=(20, 24, 28), spacing_mm=(12.0,) * 3, options=REALISTIC)
    same = make_phantom(1, shape_zyx=(20, 24, 28), spacing_mm=(12.0,) * 3, options=replace(REALISTIC, size=(1.0, 1.0)))
    assert np.array_equal(plain.voxels, same.voxels)


def test_a_share_of_the_patients_is_lean_and_the_others_stay_who_they_were() -> None:
    settings = SynthesisSettings((20, 24, 28), (12.0,) * 3)
    mixed = replace(settings, lean_share=0.3)
    wide = options_for("wide")
    options = [patient_options(mixed, 0, Purpose.SCAN, number) for number in range(200)]
    assert all(one in (wide, lean(wide)) for one in options)
    assert options.count(lean(wide)) == pytest.approx(60, abs=20)
    first = next(number for number, one in enumerate(options) if one == wide)
    scans = [SyntheticScans(s, (), CropView((8, 8, 8)), 0).scan(first) for s in (settings, mixed)]
    assert np.array_equal(scans[0].image, scans[1].image)
