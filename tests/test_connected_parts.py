"""Connected parts of masks of every shape, against scipy's labelling."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import scipy.ndimage

from flarecli.connected_parts import connected_parts

SHAPES = list(product((1, 2, 7), repeat=3))


@pytest.mark.parametrize(("connectivity", "rank"), [(6, 1), (18, 2), (26, 3)])
def test_parts_equal_the_definition_for_rows_planes_and_volumes(connectivity: int, rank: int) -> None:
    rng = np.random.default_rng(0)
    structure = scipy.ndimage.generate_binary_structure(3, rank)
    for shape in SHAPES:
        for density in (0.0, 0.3, 0.6, 0.6, 1.0):
            mask = rng.random(shape) < density
            expected, count = scipy.ndimage.label(mask, structure)
            parts, number = connected_parts(mask, connectivity)
            assert number == count, shape
            assert parts.shape == mask.shape
            # The same parts, whatever their numbers.
            assert len(set(zip(parts[mask], expected[mask], strict=True))) == count
            assert not parts[~mask].any()


def test_cuts_of_larger_arrays_are_taken() -> None:
    mask = np.zeros((4, 6, 8), bool)
    mask[1, 2, 1::2] = True
    parts, number = connected_parts(mask[1:2, 2:3], 26)
    assert number == 4
    assert parts[0, 0].tolist() == [0, 1, 0, 2, 0, 3, 0, 4]
