from __future__ import annotations

import numpy as np
import pytest

from flarecli.geometry import Grid, Window
from flarecli.measures.organ_profiles import organ_profiles
from flarecli.preview.panels import Panel, choose_panels
from tests.labelled_volumes import ball, grid_of
from tests.synthetic_ct import rotation

SHAPE = (30, 40, 50)
WHOLE: Window = (slice(0, 30), slice(0, 40), slice(0, 50))


def panels_of(labels: np.ndarray, grid: Grid, frame: Window = WHOLE) -> dict[str, list[Panel]]:
    planes: dict[str, list[Panel]] = {}
    for panel in choose_panels(organ_profiles(labels.astype(np.uint8), grid), grid, frame):
        planes.setdefault(panel.plane.name, []).append(panel)
    return planes


def test_four_axial_two_coronal_and_two_sagittal_slices() -> None:
    planes = panels_of(np.zeros(SHAPE), grid_of(SHAPE))
    assert {name: len(panels) for name, panels in planes.items()} == {
        "axial": 4,
        "coronal": 2,
        "sagittal": 2,
    }


@pytest.mark.parametrize("frame", [WHOLE, (slice(1, 20), slice(3, 40), slice(0, 41))])
def test_slices_are_seen_with_superior_or_anterior_on_top_and_right_or_anterior_on_the_left(
    frame: Window,
) -> None:
    z, y, x = np.indices(SHAPE)
    planes = panels_of(np.zeros(SHAPE), grid_of(SHAPE), frame)
    for name, across, down in (("axial", x, y), ("coronal", x, z), ("sagittal", y, z)):
        for panel in planes[name]:
            assert (np.diff(across[panel.view], axis=1) == -1).all()
            assert (np.diff(down[panel.view], axis=0) == -1).all()
            part = tuple(span for axis, span in enumerate(frame) if axis != panel.plane.axis)
            assert panel.view[panel.plane.axis] == panel.index
            assert across[panel.view].shape == tuple(span.stop - span.start for span in part)
            assert down[panel.view].max() == part[0].stop - 1
            assert across[panel.view].min() == part[1].start
    assert {name: panels[0].plane.sides for name, panels in planes.items()} == {
        "axial": ("R", "L", "A", "P"),
        "coronal": ("R", "L", "S", "I"),
        "sagittal": ("A", "P", "S", "I"),
    }


def test_pictures_have_true_proportions() -> None:
    planes = panels_of(np.zeros(SHAPE), grid_of(SHAPE, (5.0, 2.0, 1.0)))
    assert planes["axial"][0].picture_px(3.0) == (150, 240)
    assert planes["coronal"][0].picture_px(3.0) == (150, 450)
    assert planes["sagittal"][0].picture_px(3.0) == (240, 450)


def test_slices_pass_through_the_organs() -> None:
    labels = np.where(ball(SHAPE, (8, 10, 12), 5.05), 1, 0) + np.where(ball(SHAPE, (24, 30, 40), 4.05), 3, 0)
    planes = panels_of(labels, grid_of(SHAPE))
    assert [panel.index for panel in planes["axial"]] == [24, 8]
    assert [panel.index for panel in planes["coronal"]] == [30, 10]
    assert [panel.index for panel in planes["sagittal"]] == [40, 12]


def test_captions_give_the_world_coordinate_of_the_middle() -> None:
    directions = rotation((0.0, 0.0, 30.0))
    grid = grid_of(SHAPE, (2.0, 1.0, 1.0), (10.0, -20.0, 100.0), directions)
    labels = np.zeros(SHAPE)
    labels[7, 30, 11] = 1
    planes = panels_of(labels, grid)
    assert planes["axial"][0].caption == "axial  z 114 mm"
    centre_mm = directions @ [24.5, 30.0, 29.0] + [10.0, -20.0, 100.0]
    assert planes["coronal"][0].caption == f"coronal  y {centre_mm[1]:.0f} mm"
