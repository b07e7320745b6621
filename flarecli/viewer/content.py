"""The content of a viewer page: the voxels of scan and label maps, surfaces of the organs, and figures."""

from __future__ import annotations

import base64
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from flarecli.errors import OutputError
from flarecli.files.printable import printable_name
from flarecli.geometry import Grid
from flarecli.preview.slice_picture import WINDOW_LEVEL_HU, WINDOW_WIDTH_HU
from flarecli.viewer.facts import shown_labels, viewer_facts
from flarecli.viewer.label_layer import LabelLayer, read_layer
from flarecli.viewer.nifti_bytes import compressed, packed_labels, voxel_parts
from flarecli.viewer.reduction import coarser_grid, reduced_labels, reduced_scan
from flarecli.viewer.surface_files import surface_file, thinned
from flarecli.volume import Volume, read_volume

MOST_SERVED_VOXELS = 1 << 27
"""512 × 512 × 512 voxels; more exceed the memory of many browsers."""

FIRST_HU = (WINDOW_LEVEL_HU - WINDOW_WIDTH_HU / 2, WINDOW_LEVEL_HU + WINDOW_WIDTH_HU / 2)
"""Display window (black, white) of a page when it opens, HU."""

Told = Callable[[str], None]


@dataclass(frozen=True)
class OrganSurfaces:
    """Surfaces of the first label map's organs, computed on request.

    Attributes:
        labels: Its labels, thinned, shape (z, y, x).
        grid: Their grid.
    """

    labels: NDArray[np.uint8]
    grid: Grid
    _making: threading.Lock = field(default_factory=threading.Lock)
    _made: dict[int, bytes | None] = field(default_factory=dict)

    @classmethod
    def of(cls, labels: NDArray[np.uint8], grid: Grid) -> OrganSurfaces:
        """The surfaces of a label map."""
        return cls(*thinned(labels, grid))

    def file(self, label: int) -> bytes | None:
        """One surface as MZ3; None where there is none."""
        with self._making:
            if label not in self._made:
                self._made[label] = surface_file(self.labels, self.grid, label)
            return self._made[label]


@dataclass(frozen=True)
class ServedContent:
    """Content of a page that is served: the scan lies in a temporary file, so that memory stays small.

    Attributes:
        facts: Figures and places.
        scan: HU of the scan as int16, little-endian, in the order x, y, z; an open file without a name.
        scan_bytes: Its size.
        labels: Voxels of each label map, gzip of uint8 in the order x, y, z.
        surfaces: Surfaces of the organs; None without a label map.
    """

    facts: dict[str, Any]
    scan: BinaryIO
    scan_bytes: int
    labels: tuple[bytes, ...]
    surfaces: OrganSurfaces | None


def served_content(
    scan: Path, labels: Sequence[Path], *, told: Told = lambda step: None, most_voxels: int = MOST_SERVED_VOXELS
) -> ServedContent:
    """Read a scan and its label maps for a page that is served.

    Args:
        scan: As `flarecli.volume.read_volume` takes it.
        labels: Label maps of the scan.
        told: Called with the name of each step as it begins.
        most_voxels: A larger scan is reduced.

    Raises:
        InputError: when a file cannot be read, or a label map does not lie on the scan.
        OutputError: when the temporary folder is full.
    """
    told("reading the scan")
    # Imported while the scan is decompressed, which releases the interpreter lock.
    threading.Thread(target=import_module, args=("scipy.ndimage",), daemon=True).start()
    volume = read_volume(scan)
    grid, warnings = volume.grid, volume.warnings
    shown = coarser_grid(grid, most_voxels)
    told("storing the scan")
    file, size = _spooled(voxel_parts(reduced_scan(volume.voxels, shown.shape_zyx)))
    del volume
    try:
        layers = _layers(labels, grid, told)
        facts = _facts(scan, grid, shown, layers, warnings, told)
        maps = shown_labels(layers)
        packed = tuple(packed_labels(reduced_labels(each, shown.shape_zyx)) for each in maps)
        return ServedContent(facts, file, size, packed, OrganSurfaces.of(maps[0], grid) if maps else None)
    except BaseException:
        file.close()
        raise


def embedded_content(
    scan: Path, labels: Sequence[Path], *, most_bytes: float, told: Told = lambda step: None
) -> tuple[dict[str, Any], dict[str, str]]:
    """Read a scan and its label maps for a page that contains all data.

    Args:
        scan: As `flarecli.volume.read_volume` takes it.
        labels: Label maps of the scan.
        most_bytes: Limit of all voxels and surfaces in the page; the scan is reduced where they exceed it.
        told: Called with the name of each step as it begins.

    Returns:
        Figures and places, and the base64 text of each embedded file by name.

    Raises:
        InputError: when a file cannot be read, or a label map does not lie on the scan.
    """
    told("reading the scan")
    volume = read_volume(scan)
    grid = volume.grid
    layers = _layers(labels, grid, told)
    maps = shown_labels(layers)
    told("packing")
    surfaces = _embedded_surfaces(maps, grid)
    room = most_bytes - sum(map(len, surfaces.values()))
    shown = coarser_grid(grid, MOST_SERVED_VOXELS)
    while True:
        voxels = _embedded_voxels(volume, maps, shown)
        size = sum(map(len, voxels.values()))
        if size <= room or max(shown.shape_zyx) <= _LEAST_VOXELS_ALONG:
            break
        share = max(_SHARE_STEP * room / size, _LEAST_SHARE)
        shown = coarser_grid(grid, share * float(np.prod(shown.shape_zyx)))
    facts = _facts(scan, grid, shown, layers, volume.warnings, told)
    return facts, {**voxels, **surfaces}


_LEAST_VOXELS_ALONG = 16
_LEAST_SHARE = 0.02
_SHARE_STEP = 0.95
"""Averaged voxels compress slightly worse."""


def _embedded_voxels(volume: Volume, maps: Sequence[NDArray[np.uint8]], shown: Grid) -> dict[str, str]:
    scan = compressed(voxel_parts(reduced_scan(volume.voxels, shown.shape_zyx)))
    packed = (packed_labels(reduced_labels(each, shown.shape_zyx)) for each in maps)
    return {"scan": _text(scan), **{f"labels-{place}": _text(each) for place, each in enumerate(packed)}}


def _embedded_surfaces(maps: Sequence[NDArray[np.uint8]], grid: Grid) -> dict[str, str]:
    if not maps:
        return {}
    surfaces = OrganSurfaces.of(maps[0], grid)
    files = {label: surfaces.file(int(label)) for label in np.unique(surfaces.labels) if label}
    return {f"surface-{label}": _text(compressed([file])) for label, file in files.items() if file is not None}


def _layers(labels: Sequence[Path], grid: Grid, told: Told) -> list[LabelLayer]:
    are_named_alike = len({path.name for path in labels}) < len(labels)
    layers = []
    for path in labels:
        told("reading label maps")
        layer = read_layer(path, grid)
        name = f"{printable_name(path.resolve().parent.name)}/{layer.name}" if are_named_alike else layer.name
        layers.append(replace(layer, name=name))
    return layers


def _facts(
    scan: Path, grid: Grid, shown: Grid, layers: Sequence[LabelLayer], warnings: Sequence[str], told: Told
) -> dict[str, Any]:
    told("measuring")
    return viewer_facts(printable_name(scan.resolve().name), grid, shown, layers, warnings)


def _spooled(parts: Iterator[bytes]) -> tuple[BinaryIO, int]:
    """Write content to a temporary file without a name, so that nothing is left when the process ends."""
    size = 0
    try:
        file = tempfile.TemporaryFile(prefix="flare-view-")  # noqa: SIM115  # stays open as long as the server
        for part in parts:
            file.write(part)
            size += len(part)
        file.flush()
    except OSError as error:
        raise OutputError(
            "the scan cannot be stored for the viewer",
            path=tempfile.gettempdir(),
            seen=error.strerror or str(error),
            expected=f"{size / 1e6:.0f} MB and more of room",
            remedy="Make room there, or set TMPDIR to a folder with more room.",
        ) from error
    return file, size


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")
