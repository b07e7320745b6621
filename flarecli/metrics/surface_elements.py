"""Surface elements: where the boundary of a binary mask passes between voxels, and how large it is there.

A surface element sits on a lattice point, where the corners of 2x2x2 voxels meet. Which of these eight voxels
belong to the mask is written as an 8-bit code; the code and the voxel spacing give the area of the piece of
marching-cubes surface inside that neighbourhood.
"""

from __future__ import annotations

from itertools import permutations, product

import numpy as np
from numpy.typing import NDArray

_CONFIGURATIONS: dict[int, tuple[tuple[int, int, int], ...]] = {
    0b00000001: ((1, 1, 1),),
    0b00000011: ((2, 2, 0), (2, 2, 0)),
    0b00000110: ((1, 1, 1), (1, 1, 1)),
    0b00000111: ((1, 1, 1), (2, 2, 2), (4, 0, 0)),
    0b00001111: ((4, 0, 0), (4, 0, 0)),
    0b00010110: ((1, 1, 1), (1, 1, 1), (1, 1, 1)),
    0b00010111: ((1, 1, 1), (1, 1, 1), (2, 2, 2), (2, 2, 2)),
    0b00011000: ((1, 1, 1), (1, 1, 1)),
    0b00011001: ((0, 2, 2), (0, 2, 2), (1, 1, 1)),
    0b00011011: ((0, 2, 2), (1, 1, 1), (2, 0, 2), (3, 3, 3)),
    0b00011110: ((1, 1, 1), (1, 1, 1), (2, 2, 2), (4, 0, 0)),
    0b00111100: ((2, 2, 0), (2, 2, 0), (2, 2, 0), (2, 2, 0)),
    0b01101001: ((1, 1, 1), (1, 1, 1), (1, 1, 1), (1, 1, 1)),
}
"""Triangles of the thirteen neighbourhoods that differ by more than a flip, a turn or a complement.

Each triangle is its area vector in a cube of unit edges, in eighths and without signs, along the three axes.
Source: the table of google-deepmind/surface-distance (Apache-2.0), which the FLARE scripts copied; it equals
Lorensen's marching cubes at one half, taken of the complement where more than four voxels are set. The tests
derive it again with scikit-image.
"""

_CACHE_BYTES = 1 << 18  # voxels coded at a time: the intermediate arrays stay in the processor's cache


def corner_codes(mask: NDArray[np.bool_], margin: tuple[int, int, int] = (0, 0, 0)) -> NDArray[np.uint8]:
    """Code the 2x2x2 neighbourhood of every lattice point of `mask`; outside the array nothing is set.

    Args:
        mask: bool array of shape `(n0, n1, n2)`.
        margin: Lattice points to add outside, on both sides of each axis.

    Returns:
        uint8 array of shape `(n0 + 1, n1 + 1, n2 + 1)`, and twice the margin more. Without margin, point `p`
        touches the voxels `p - 1` and `p` along each axis; the voxel at offset `(d0, d1, d2)` from `p - 1`
        holds the bit `128 >> (4 * d0 + 2 * d1 + d2)`. Codes 0 and 255 are points inside or outside; all
        others lie on the surface.
    """
    widths = [1 + points for points in margin]
    padded = np.zeros([n + 2 * width for n, width in zip(mask.shape, widths, strict=True)], dtype=np.uint8)
    inner = tuple(slice(width, width + n) for n, width in zip(mask.shape, widths, strict=True))
    padded[inner] = mask
    codes = np.empty([n - 1 for n in padded.shape], dtype=np.uint8)
    slab = max(1, _CACHE_BYTES // (padded.shape[1] * padded.shape[2]))
    for start in range(0, codes.shape[0], slab):
        voxels = padded[start : start + slab + 1]
        pairs = np.left_shift(voxels[:, :, :-1], 1, dtype=np.uint8)
        pairs |= voxels[:, :, 1:]
        squares = np.left_shift(pairs[:, :-1], 2, dtype=np.uint8)
        squares |= pairs[:, 1:]
        cubes = codes[start : start + slab]
        np.left_shift(squares[:-1], 4, out=cubes)
        cubes |= squares[1:]
    return codes


def on_surface(codes: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Mark the lattice points whose eight voxels are neither all inside nor all outside."""
    wrapped: NDArray[np.uint8] = codes + np.uint8(1)
    return wrapped > 1  # 255 wraps to 0, and 0 becomes 1


def area_by_code_mm2(spacing_mm: tuple[float, float, float]) -> NDArray[np.float64]:
    """Area of the surface element of each code, in square millimetres.

    Args:
        spacing_mm: Distance between voxel centres along the three axes of the mask.

    Returns:
        float64 array of shape `(256,)`; 0 for the codes 0 and 255, positive for all others.
    """
    s0, s1, s2 = spacing_mm
    scale_mm2 = np.array([s1 * s2, s0 * s2, s0 * s1])
    triangles_mm2: NDArray[np.float64] = np.sqrt(((_TRIANGLES * scale_mm2) ** 2).sum(axis=2))
    return triangles_mm2.sum(axis=1)


def _triangles_by_code() -> NDArray[np.float64]:
    """Area vectors of all codes, `(256, 4, 3)`: the configurations under flips, turns and complement."""
    table = np.zeros((256, 4, 3))
    bits = 128 >> np.arange(8).reshape(2, 2, 2)
    for code, triangles in _CONFIGURATIONS.items():
        cube = (code & bits) != 0
        vectors = np.array(triangles) / 8
        for order in permutations(range(3)):
            turned = cube.transpose(order)
            for steps in product((1, -1), repeat=3):
                flipped = turned[:: steps[0], :: steps[1], :: steps[2]]
                for variant in (flipped, ~flipped):
                    table[int(bits[variant].sum()), : len(vectors)] = vectors[:, order]
    return table


_TRIANGLES = _triangles_by_code()
