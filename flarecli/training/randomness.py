"""Random numbers that depend on what they are for, and on nothing else."""

from __future__ import annotations

from enum import IntEnum

import numpy as np


class Purpose(IntEnum):
    """What random numbers decide; each purpose has its own, whatever the others take."""

    SCAN = 1
    """How the n-th synthetic scan looks."""
    CUT = 2
    """Where the k-th sample lies and how it is augmented."""
    ORDER = 3
    """In which order the cases of an epoch come."""
    FOLDS = 4
    """Which cases are held out."""
    HELD_OUT_SCAN = 5
    """How the n-th held-out synthetic scan looks."""
    UPDATE = 6
    """What the network itself draws in the n-th iteration."""
    FIRST_STAGE = 7
    """What a first-stage network sees, and what is lost of its answer, for the n-th scan."""
    SHAPE = 8
    """Which size the samples of the n-th batch have."""
    PAINT = 9
    """Textures and noise of the n-th painted sample, and what is painted of it."""
    VARIATION = 10
    """How the n-th real scan is changed."""


def generator(seed: int, purpose: Purpose, number: int) -> np.random.Generator:
    """Random numbers for one thing of a run: the same arguments give the same numbers."""
    return np.random.default_rng([seed, int(purpose), number])


def derived_seed(seed: int, purpose: Purpose, number: int) -> int:
    """A 63-bit seed for one thing of a run, for programs that take seeds."""
    return int(np.random.SeedSequence([seed, int(purpose), number]).generate_state(1, np.uint64)[0] >> 1)
