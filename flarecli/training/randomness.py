"""Random number generators derived from the seed, a purpose and a number, independent of each other."""

from __future__ import annotations

from enum import IntEnum

import numpy as np


class Purpose(IntEnum):
    """Purposes of random numbers; each purpose has independent ones."""

    SCAN = 1
    """Anatomy and acquisition of the n-th synthetic scan."""
    CUT = 2
    """Where the k-th sample lies and how it is augmented."""
    ORDER = 3
    """Order of the cases of an epoch."""
    FOLDS = 4
    """Which cases are held out."""
    HELD_OUT_SCAN = 5
    """Anatomy and acquisition of the n-th held-out synthetic scan."""
    UPDATE = 6
    """Dropout in the n-th iteration."""
    FIRST_STAGE = 7
    """Changes of a first-stage network's input and output for the n-th scan."""
    SHAPE = 8
    """Size of the samples of the n-th batch."""
    RENDER = 9
    """Textures, noise and intensity changes of the n-th sample that is rendered on the device."""
    VARIATION = 10
    """Augmentation of the n-th real scan."""


def generator(seed: int, purpose: Purpose, number: int) -> np.random.Generator:
    """Random number generator of one purpose and number: the same arguments give the same numbers."""
    return np.random.default_rng([seed, int(purpose), number])


def derived_seed(seed: int, purpose: Purpose, number: int) -> int:
    """A 63-bit seed of one purpose and number, for libraries that take seeds."""
    return int(np.random.SeedSequence([seed, int(purpose), number]).generate_state(1, np.uint64)[0] >> 1)
