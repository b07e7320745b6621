from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from flarecli.errors import InputError, UsageError
from flarecli.organs import ORGANS
from flarecli.preview import write_preview
from flarecli.preview.sheet import draw_sheet
from flarecli.volume import Volume
from tests.labelled_volumes import ball, grid_of, volume_of
from tests.synthetic_ct import rotation

SHAPE = (40, 60, 70)
HEADER_PX = 90
LEGEND_LEFT_PX = 1140


def phantom(spacing_mm: tuple[float, float, float] = (4.0, 4.0, 4.0)) -> tuple[Volume, np.ndarray]:
    """An elliptic body with four balls for organs."""
    y, x = np.ogrid[: SHAPE[1], : SHAPE[2]]
    body = ((y - 29.5) / 25) ** 2 + ((x - 34.5) / 32) ** 2 < 1
    voxels = np.broadcast_to(np.where(body, -80, -1000), SHAPE).copy()
    labels = np.zeros(SHAPE, np.uint8)
    for label, centre in ((1, (28, 34, 50)), (2, (12, 20, 45)), (3, (28, 25, 14)), (4, (20, 40, 35))):
        labels[ball(SHAPE, centre, 7)] = label
    voxels[labels > 0] = 60
    return volume_of(voxels, grid_of(SHAPE, spacing_mm)), labels


def near(picture: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    return (np.abs(picture.astype(int) - colour) < 25).all(axis=2)


def test_a_png_of_the_usual_size_is_written_whole(tmp_path: Path) -> None:
    volume, labels = phantom()
    path = tmp_path / "new" / "preview.PNG"
    write_preview(path, volume, labels, "case_0001")
    with Image.open(path) as picture:
        picture.load()
        assert (picture.format, picture.mode, picture.width) == ("PNG", "RGB", 1600)
        assert 400 < picture.height < 1300
    assert [file.name for file in path.parent.iterdir()] == ["preview.PNG"]


def test_every_organ_is_outlined_and_the_scan_itself_stays_grey() -> None:
    volume, labels = phantom()
    slices = np.asarray(draw_sheet(volume, labels, "case"))[HEADER_PX:]
    plain = np.asarray(draw_sheet(volume, np.zeros_like(labels), "case"))[HEADER_PX:]
    for organ in ORGANS:
        assert near(slices, organ.colour).sum() > 100
        assert not near(plain, organ.colour).any()


def test_the_patients_right_is_on_the_left_of_the_axial_slices() -> None:
    labels = np.zeros(SHAPE, np.uint8)
    labels[18:22, 40:44, 60:64] = 1  # right, anterior
    labels[18:22, 15:19, 5:9] = 3  # left, posterior
    sheet = np.asarray(draw_sheet(volume_of(np.full(SHAPE, -100)), labels, "case"))
    axial = sheet[HEADER_PX : HEADER_PX + 300]
    liver, spleen = (np.argwhere(near(axial, ORGANS[index].colour)).mean(axis=0) for index in (0, 2))
    assert liver[0] < spleen[0]
    assert liver[1] < spleen[1]


def test_the_legend_tells_found_from_missing_organs() -> None:
    volume, labels = phantom()
    only_liver = np.where(labels == 1, labels, 0)
    whole, part = (np.asarray(draw_sheet(volume, shown, "")) for shown in (labels, only_liver))
    legend = np.s_[:HEADER_PX, 800:]
    for organ in ORGANS:
        chip_px = near(whole[legend], organ.colour).sum()
        assert chip_px > 150  # a filled square
        assert (near(part[legend], organ.colour).sum() > 150) == (organ.name == "liver")


def test_a_long_title_leaves_the_legend_alone() -> None:
    volume, labels = phantom()
    short, long = (np.asarray(draw_sheet(volume, labels, title)) for title in ("a", "Füß 中 " * 40))
    np.testing.assert_array_equal(short[:, LEGEND_LEFT_PX:], long[:, LEGEND_LEFT_PX:])
    assert (short[:HEADER_PX, :LEGEND_LEFT_PX] != long[:HEADER_PX, :LEGEND_LEFT_PX]).any()


@pytest.mark.parametrize(
    ("shape", "spacing_mm"),
    [
        ((2, 2, 2), (1.0, 1.0, 1.0)),
        ((2, 60, 70), (1.0, 1.0, 1.0)),
        ((60, 2, 70), (1.0, 0.5, 1.0)),
        ((60, 70, 2), (1.0, 1.0, 0.5)),
        ((5, 60, 70), (20.0, 0.5, 0.5)),
        ((80, 6, 7), (0.2, 15.0, 15.0)),
        ((400, 20, 20), (5.0, 5.0, 5.0)),
    ],
    ids=str,
)
@pytest.mark.parametrize("label", [0, 4])
def test_odd_scans_are_drawn_within_the_sheet(
    shape: tuple[int, int, int], spacing_mm: tuple[float, float, float], label: int
) -> None:
    labels = np.full(shape, label, np.uint8)
    labels[0] = 0
    volume = volume_of(np.random.default_rng(0).integers(-100, 200, shape), grid_of(shape, spacing_mm))
    sheet = draw_sheet(volume, labels, "odd")
    assert 1600 <= sheet.width < 2600
    assert 250 < sheet.height < 1400


def test_an_oblique_scan_is_drawn() -> None:
    volume, labels = phantom()
    grid = grid_of(SHAPE, (4.0, 4.0, 4.0), directions=rotation((12.0, -8.0, 15.0)))
    assert draw_sheet(volume_of(volume.voxels, grid), labels, "oblique").width == 1600


@pytest.mark.parametrize("name", ["preview.jpg", "preview", "preview.png.gz"])
def test_other_formats_are_refused_and_nothing_written(tmp_path: Path, name: str) -> None:
    volume, labels = phantom()
    with pytest.raises(UsageError) as caught:
        write_preview(tmp_path / name, volume, labels, "case")
    assert caught.value.expected == ".png"
    assert not list(tmp_path.iterdir())


def test_a_label_map_that_does_not_fit_leaves_no_file(tmp_path: Path) -> None:
    volume, labels = phantom()
    with pytest.raises(InputError, match="does not fit"):
        write_preview(tmp_path / "preview.png", volume, labels[1:], "case")
    assert not list(tmp_path.iterdir())


def test_matplotlib_is_not_imported() -> None:
    code = "import sys, flarecli.preview; sys.exit('matplotlib' in sys.modules or 'PIL' not in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
