"""Outlines are filled to the mask by programs of either kind: those that fill every contour, and those that combine."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from skimage.draw import polygon2mask

from flarecli.dicom.results.outlines import outlines_of

pytestmark = pytest.mark.filterwarnings("error")


def filled(outlines: list[np.ndarray], shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    union, either = np.zeros(shape, bool), np.zeros(shape, bool)
    for outline in outlines:
        inside = polygon2mask(shape, outline)
        union |= inside
        either ^= inside
    return union, either


def disc(shape: tuple[int, int], centre: tuple[int, int], radius: float) -> np.ndarray:
    rows, columns = np.indices(shape)
    return (rows - centre[0]) ** 2 + (columns - centre[1]) ** 2 < radius**2


SHAPE = (60, 70)
RING = disc(SHAPE, (30, 30), 25) & ~disc(SHAPE, (30, 30), 12)
MASKS = {
    "disc": disc(SHAPE, (20, 30), 15),
    "ring": RING,
    "ring with an island in its hole": RING | disc(SHAPE, (30, 30), 5),
    "island with a hole in a hole": RING | (disc(SHAPE, (30, 30), 9) & ~disc(SHAPE, (30, 30), 4)),
    "three holes": disc(SHAPE, (30, 35), 28)
    & ~disc(SHAPE, (20, 25), 5)
    & ~disc(SHAPE, (40, 25), 6)
    & ~disc(SHAPE, (30, 48), 7),
    "two rings": RING | disc(SHAPE, (30, 63), 5) & ~disc(SHAPE, (30, 63), 2),
    "one voxel": disc(SHAPE, (5, 5), 1),
    "at the border": disc(SHAPE, (0, 69), 20),
    "everything": np.ones(SHAPE, bool),
}


@pytest.mark.parametrize("name", MASKS)
def test_outlines_are_filled_to_the_mask(name: str) -> None:
    outlines = outlines_of(MASKS[name])
    assert all(len(outline) >= 3 for outline in outlines)
    for found in filled(outlines, SHAPE):
        assert np.array_equal(found, MASKS[name])


@given(npst.arrays(bool, st.tuples(st.integers(1, 12), st.integers(1, 12))))
@settings(max_examples=150, deadline=None)
def test_any_mask_comes_back(mask: np.ndarray) -> None:
    for found in filled(outlines_of(mask), mask.shape):
        assert np.array_equal(found, mask)


def test_exact_outlines_do_not_import_what_simplifying_needs() -> None:
    code = (
        "import sys, numpy; from flarecli.dicom.results.outlines import outlines_of; outlines_of(numpy.eye(5) > 0); "
        "sys.exit('scipy.signal' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_nothing_has_no_outline() -> None:
    assert outlines_of(np.zeros(SHAPE, bool)) == []


def test_simplified_outlines_lie_within_the_tolerance() -> None:
    mask = MASKS["three holes"]
    exact, simple = outlines_of(mask)[0], outlines_of(mask, 0.8)[0]
    assert len(simple) < len(exact) / 2
    steps = np.diff(np.concatenate([simple, simple[:1]]), axis=0)
    part = np.linspace(0, 1, 50)[:, None]
    along = np.concatenate([start + part * step for start, step in zip(simple, steps, strict=True)])
    distances = np.sqrt(((exact[:, None] - along[None]) ** 2).sum(axis=2)).min(axis=1)
    assert distances.max() <= 0.85
