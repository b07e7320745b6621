"""Meshes as files: STL, OBJ and glTF binary, through trimesh."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from flarecli.errors import UsageError
from flarecli.files.atomic import atomic_path
from flarecli.meshes.formats import MESH_SUFFIXES
from flarecli.meshes.surface import Surface


def write_mesh(path: Path, surface: Surface, colour: tuple[int, int, int]) -> None:
    """Write a mesh in world mm (RAS), whole or not at all.

    Coordinates are millimetres in every format, also in glTF, whose viewers take them for metres.

    Args:
        path: Ends in `.stl`, `.obj` or `.glb`.
        surface: The mesh.
        colour: Red, green and blue in 0-255, of every vertex in OBJ and glTF; STL has no colours.

    Raises:
        UsageError: when the name has another ending.
        OutputError: when the file cannot be written.
    """
    import trimesh

    if path.suffix.lower() not in MESH_SUFFIXES:
        raise UsageError(
            "is not a format that meshes are written in",
            path=path,
            seen=path.suffix or "no suffix",
            expected=", ".join(MESH_SUFFIXES),
            remedy="Choose such a name.",
        )
    colours = np.tile(np.array([*colour, 255], np.uint8), (len(surface.vertices_ras), 1))
    mesh = trimesh.Trimesh(surface.vertices_ras, surface.faces, process=False, vertex_colors=colours)
    content: Any = mesh.export(file_type=path.suffix.lower().removeprefix("."))
    with atomic_path(path) as temporary:
        temporary.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
