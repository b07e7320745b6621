"""Surfaces are closed, lie where the mask lies, and enclose its volume."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest

from flarecli.errors import UsageError
from flarecli.geometry import Grid
from flarecli.meshes.files import write_mesh
from flarecli.meshes.formats import MESH_SUFFIXES
from flarecli.meshes.surface import Surface, surface_of
from flarecli.organs import ORGANS
from tests.synthetic_ct import affine, rotation

PHANTOM = Path(__file__).resolve().parents[2] / "examples" / "phantom_ct.nii.gz"
SHAPE = (30, 40, 44)


def ellipsoid(centre: tuple[float, float, float] = (14, 20, 22), radii: tuple[float, ...] = (9, 14, 12)) -> np.ndarray:
    where = np.indices(SHAPE)
    return sum(((w - c) / r) ** 2 for w, c, r in zip(where, centre, radii, strict=True)) < 1


def grid(turned: bool = True) -> Grid:
    placed = affine((1.5, 1.2, 2.5), directions=rotation((8, 3, 5)) if turned else None)
    return Grid(SHAPE, (2.5, 1.2, 1.5), placed)


def is_closed(surface: Surface) -> bool:
    edges = np.concatenate([surface.faces[:, pair] for pair in ([0, 1], [1, 2], [2, 0])])
    there, back = {tuple(edge) for edge in edges}, {tuple(edge[::-1]) for edge in edges}
    return len(there) == len(edges) and there == back


MASKS = {
    "ellipsoid": ellipsoid(),
    "at the border of the scan": ellipsoid(centre=(2, 20, 40)),
    "two parts": ellipsoid(radii=(4, 6, 5)) | ellipsoid(centre=(24, 8, 8), radii=(4, 5, 5)),
    "hollow": ellipsoid() & ~ellipsoid(radii=(4, 6, 5)),
    "one slice": ellipsoid() & (np.indices(SHAPE)[0] == 14),
}


@pytest.mark.parametrize("name", MASKS)
@pytest.mark.parametrize("smoothing_mm", [1.0, 0.0])
def test_closed_and_of_the_volume_of_the_mask(name: str, smoothing_mm: float) -> None:
    mask = MASKS[name]
    surface = surface_of(mask, grid(), smoothing_mm)
    assert surface is not None
    assert is_closed(surface)
    wanted_ml = np.count_nonzero(mask) * grid().voxel_ml
    assert surface.volume_ml == pytest.approx(wanted_ml, rel=0.01 if smoothing_mm else 0.15)


def test_world_coordinates() -> None:
    surface = surface_of(ellipsoid(), grid())
    assert surface is not None
    centre = grid().affine_ras @ [22, 20, 14, 1]
    assert surface.vertices_ras.mean(axis=0) == pytest.approx(centre[:3], abs=0.5)
    assert surface_of(np.zeros(SHAPE, bool), grid()) is None


@pytest.mark.parametrize("suffix", MESH_SUFFIXES)
def test_files_read_back(tmp_path: Path, suffix: str) -> None:
    trimesh = pytest.importorskip("trimesh")
    surface = surface_of(ellipsoid(), grid())
    assert surface is not None
    write_mesh(tmp_path / f"liver{suffix}", surface, (214, 84, 61))
    mesh = trimesh.load(tmp_path / f"liver{suffix}", force="mesh")
    assert mesh.is_watertight
    assert mesh.volume / 1000 == pytest.approx(surface.volume_ml, rel=1e-3)
    assert np.allclose(mesh.bounds, [surface.vertices_ras.min(axis=0), surface.vertices_ras.max(axis=0)], atol=1e-3)


@pytest.mark.parametrize("suffix", [".obj", ".glb"])
def test_colours_are_those_of_the_organ(tmp_path: Path, suffix: str) -> None:
    trimesh = pytest.importorskip("trimesh")
    surface = surface_of(ellipsoid(), grid())
    assert surface is not None
    write_mesh(tmp_path / f"liver{suffix}", surface, (214, 84, 61))
    mesh = trimesh.load(tmp_path / f"liver{suffix}", force="mesh")
    assert np.abs(mesh.visual.vertex_colors[:, :3].astype(int) - (214, 84, 61)).max() <= 1


def test_organs_of_the_synthetic_scan_are_closed_and_keep_their_volumes() -> None:
    image = nibabel.as_closest_canonical(nibabel.load(PHANTOM))
    labels = np.ascontiguousarray(np.asarray(image.dataobj).T)
    x_mm, y_mm, z_mm = (float(step) for step in image.header.get_zooms())
    placed = Grid(labels.shape, (z_mm, y_mm, x_mm), image.affine)
    for organ in ORGANS:
        mask = labels == organ.label
        surface = surface_of(mask, placed)
        assert surface is not None
        edges = np.sort(surface.faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)
        _, counts = np.unique(edges, axis=0, return_counts=True)
        assert (counts % 2 == 0).all(), organ.name  # no edge is open
        wanted_ml = np.count_nonzero(mask) * placed.voxel_ml
        assert surface.volume_ml == pytest.approx(wanted_ml, rel=0.01), organ.name


def test_another_format(tmp_path: Path) -> None:
    pytest.importorskip("trimesh")
    surface = surface_of(ellipsoid(), grid())
    assert surface is not None
    with pytest.raises(UsageError, match=r"expected: \.stl, \.obj, \.glb"):
        write_mesh(tmp_path / "liver.vtk", surface, (0, 0, 0))
