"""Boxes in the world against boxes on a grid."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from flarecli.geometry import Grid, world_box

coordinate = st.floats(-200, 200)


def test_box_of_an_axis_aligned_grid() -> None:
    affine = np.diag([2.0, 3.0, 5.0, 1.0])
    affine[:3, 3] = [10, 20, 30]
    grid = Grid((10, 20, 30), (5.0, 3.0, 2.0), affine)
    box = world_box(grid, (10, 20, 30), (14, 29, 40))
    # A voxel's centre lies half a spacing from its outer corner.
    assert box.start_mm == (2.5, 1.5, 1.0)
    assert box.end_mm == (12.5, 10.5, 5.0)


@given(
    st.tuples(coordinate, coordinate, coordinate),
    st.tuples(coordinate, coordinate, coordinate),
    st.floats(0, 1.5),
)
def test_rotated_grid_holds_the_box(a: tuple[float, ...], b: tuple[float, ...], angle: float) -> None:
    rotation = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    affine = np.eye(4)
    affine[:3, :3] = rotation @ np.diag([0.8, 0.8, 2.5])
    grid = Grid((50, 100, 100), (2.5, 0.8, 0.8), affine)
    box = world_box(grid, a, b)
    assert box == world_box(grid, b, a)
    centre = (np.array(a) + np.array(b)) / 2
    index = np.linalg.inv(affine) @ [*centre, 1]
    middle = (index[2::-1] + 0.5) * grid.spacing_mm
    slack = 1e-6
    assert all(low - slack <= m <= high + slack for low, m, high in zip(box.start_mm, middle, box.end_mm, strict=True))
