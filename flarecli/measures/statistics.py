"""Volume, intensities and extent of the organs of a label map, and tables of them."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flarecli.connected_parts import connected_parts
from flarecli.files.atomic import atomic_text, write_json
from flarecli.files.destinations import check_suffix
from flarecli.files.printable import table_cell
from flarecli.geometry import Grid, Window, bounding_window
from flarecli.measures.kidney_sides import KidneySides
from flarecli.measures.organ_profiles import OrganProfile, organ_profiles
from flarecli.organs import KIDNEYS, LEFT_KIDNEY, LEFT_KIDNEY_NAME, RIGHT_KIDNEY_NAME
from flarecli.volume import Volume

_NEIGHBOURS = 26
"""Voxels that share a corner belong together, so that a thin oblique structure counts as one piece."""

_FACES_ZYX = (("inferior", "superior"), ("posterior", "anterior"), ("left", "right"))
_DIGITS = {"volume_ml": 3, "largest_component_share": 4}
_DIGITS_OTHERWISE = 2


@dataclass(frozen=True)
class OrganStatistics:
    """Measurements of one organ of one scan. The defaults are those of an absent organ.

    Attributes:
        label: Its value in the label map; of the right and the left kidney alone, in one that tells them apart.
        name: Its name.
        voxels: Number of its voxels, 0 where it is absent.
        volume_ml: Its volume.
        mean_hu: Mean of the scan inside it.
        sd_hu: Standard deviation of the scan inside it (of the population: no correction for a sample).
        median_hu: Median of the scan inside it.
        extent_rl_mm: Edge length of its tight box along the grid axis nearest to left-right.
        extent_ap_mm: The same along posterior-anterior.
        extent_si_mm: The same along inferior-superior.
        centroid_x_mm: Centre of mass in world RAS, grows to the right.
        centroid_y_mm: Centre of mass in world RAS, grows to anterior.
        centroid_z_mm: Centre of mass in world RAS, grows to superior.
        components: Number of separate pieces, touching corners count as connected.
        largest_component_share: Part of the voxels that lies in the largest piece, 0 to 1.
        touches: Faces of the scan that it reaches, so that it may be cut off there: among "inferior",
            "superior", "posterior", "anterior", "left", "right".
        fused: Of the right and the left kidney alone: whether they are connected with each other (horseshoe kidney?)
            and were parted at the spine.
    """

    label: int
    name: str
    voxels: int = 0
    volume_ml: float = 0.0
    mean_hu: float | None = None
    sd_hu: float | None = None
    median_hu: float | None = None
    extent_rl_mm: float | None = None
    extent_ap_mm: float | None = None
    extent_si_mm: float | None = None
    centroid_x_mm: float | None = None
    centroid_y_mm: float | None = None
    centroid_z_mm: float | None = None
    components: int = 0
    largest_component_share: float | None = None
    touches: tuple[str, ...] = ()
    fused: bool = False

    def as_dict(self) -> dict[str, Any]:
        """The statistics for JSON and tables, rounded to what they can mean."""
        facts = {
            key: round(value, _DIGITS.get(key, _DIGITS_OTHERWISE)) if isinstance(value, float) else value
            for key, value in asdict(self).items()
        }
        return {**facts, "touches": list(self.touches)}

    @classmethod
    def from_dict(cls, facts: Mapping[str, Any]) -> OrganStatistics:
        """Restore what `as_dict` gave, as from the record of an earlier run.

        Raises:
            KeyError: when a value is missing.
        """
        values = {field.name: facts[field.name] for field in fields(cls)}
        return cls(**{**values, "touches": tuple(values["touches"])})


_JSON_START = '[\n  {\n    "case": '
_LONGEST_START = 64

COLUMNS: tuple[str, ...] = ("case", *(field.name for field in fields(OrganStatistics)))
"""Columns of a table of statistics, in order."""


def organ_statistics(volume: Volume, labels: NDArray[np.integer]) -> tuple[OrganStatistics, ...]:
    """Measure every organ of `ORGANS`, absent ones too.

    Args:
        volume: The scan.
        labels: Its label map, shape (z, y, x), integers; other label values are ignored.

    Raises:
        InputError: when the label map does not fit the scan.
    """
    return tuple(
        _measure(profile, volume.voxels, labels, volume.grid) for profile in organ_profiles(labels, volume.grid)
    )


def kidney_statistics(volume: Volume, sides: KidneySides) -> tuple[OrganStatistics, OrganStatistics]:
    """Measure the right and the left kidney, absent ones too.

    Args:
        volume: The scan.
        sides: Its label map with the kidneys told apart.
    """
    absent = (OrganStatistics(KIDNEYS, RIGHT_KIDNEY_NAME), OrganStatistics(LEFT_KIDNEY, LEFT_KIDNEY_NAME))
    if sides.window is None:
        return absent
    both = sides.together[sides.window] == KIDNEYS
    right, left = (
        _measure_part(side, mask, sides, volume)
        for side, mask in zip(absent, (both & ~sides.is_left, sides.is_left), strict=True)
    )
    return right, left


def write_statistics(path: Path, cases: Mapping[str, Iterable[OrganStatistics]]) -> None:
    """Write a table of cases, one row per organ and case, whole or not at all.

    `.csv`: the header is `COLUMNS`; what an absent organ does not have is empty; `touches` is separated by
    spaces; names of cases are written as `flarecli.files.printable.table_cell` does. `.json`: a list with one object
    a row, under the same names.

    Args:
        path: The file; its suffix chooses the format.
        cases: The statistics of each case, by its name.

    Raises:
        UsageError: when the suffix is neither.
        InputError: when the folder cannot be written to.
    """
    write_statistics_of(path, cases.items())


def write_statistics_of(
    path: Path, cases: Iterable[tuple[str, Iterable[OrganStatistics]]], *, replaces: bool = True
) -> None:
    """Write the same table of cases as they come; those of a `.csv` table are not kept in memory.

    Args:
        path: The file; its suffix chooses the format.
        cases: The name of each case, and its statistics.
        replaces: Whether a file that exists in the end is replaced.

    Raises:
        UsageError: when the suffix is neither.
        OutputError: when the file cannot be written, or exists and is not replaced.
    """
    path = Path(path)
    check_statistics_path(path)
    rows = ({"case": name, **organ.as_dict()} for name, organs in cases for organ in organs)
    if path.suffix.lower() == ".json":
        write_json(path, list(rows), replaces=replaces)
        return
    with atomic_text(path, replaces=replaces) as file:
        table = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        table.writeheader()
        for row in rows:
            table.writerow({**row, "case": table_cell(row["case"]), "touches": " ".join(row["touches"])})


def check_statistics_path(path: Path) -> None:
    """Refuse a file name that `write_statistics` could not write to, before anything is computed.

    Raises:
        UsageError: when the suffix is neither `.csv` nor `.json`.
    """
    check_suffix(path, "table of statistics", ".csv", ".json")


def is_statistics_table(path: Path) -> bool:
    """Whether a file begins as `write_statistics` begins it, so that a later run may replace it."""
    header = ",".join(COLUMNS) + "\n"
    try:
        if not path.is_file():
            return False
        with path.open(encoding="utf-8") as file:
            if path.suffix.lower() == ".csv":
                return file.read(len(header)) == header
            start = file.read(_LONGEST_START).lstrip()
    except (OSError, ValueError):
        return False
    return start in ("[]", "[]\n") or start.startswith(_JSON_START)


def _measure(
    profile: OrganProfile, voxels: NDArray[np.int16], labels: NDArray[np.integer], grid: Grid
) -> OrganStatistics:
    organ = profile.organ
    box, centroid_zyx = profile.box_zyx, profile.centroid_zyx
    if box is None or centroid_zyx is None:
        return OrganStatistics(organ.label, organ.name)
    absent = OrganStatistics(organ.label, organ.name)
    return _measured(absent, labels[box] == organ.label, box, centroid_zyx, voxels, grid)


def _measure_part(
    absent: OrganStatistics, mask: NDArray[np.bool_], sides: KidneySides, volume: Volume
) -> OrganStatistics:
    """One kidney, of which the mask lies in the window of both."""
    inner = bounding_window(mask)
    if inner is None or sides.window is None:
        return absent
    z, y, x = (
        slice(outer.start + part.start, outer.start + part.stop)
        for outer, part in zip(sides.window, inner, strict=True)
    )
    box = (z, y, x)
    tight = mask[inner]
    counts = (tight.sum(axis=(1, 2)), tight.sum(axis=(0, 2)), tight.sum(axis=(0, 1)))
    z_mean, y_mean, x_mean = (
        part.start + float(count @ np.arange(len(count))) / int(count.sum())
        for part, count in zip(box, counts, strict=True)
    )
    found = _measured(absent, tight, box, (z_mean, y_mean, x_mean), volume.voxels, volume.grid)
    return replace(found, fused=sides.is_fused)


def _measured(
    absent: OrganStatistics,
    mask: NDArray[np.bool_],
    box: Window,
    centroid_zyx: tuple[float, float, float],
    voxels: NDArray[np.int16],
    grid: Grid,
) -> OrganStatistics:
    """An organ, of which the mask fills its tight box."""
    count = int(np.count_nonzero(mask))
    mean_hu, sd_hu, median_hu = _distribution(voxels[box][mask])
    components, largest_voxels = _components(mask)
    si_mm, ap_mm, rl_mm = ((part.stop - part.start) * step for part, step in zip(box, grid.spacing_mm, strict=True))
    x_mm, y_mm, z_mm = (grid.affine_ras[:3, :3] @ centroid_zyx[::-1] + grid.affine_ras[:3, 3]).tolist()
    return OrganStatistics(
        label=absent.label,
        name=absent.name,
        voxels=count,
        volume_ml=count * grid.voxel_ml,
        mean_hu=mean_hu,
        sd_hu=sd_hu,
        median_hu=median_hu,
        extent_rl_mm=rl_mm,
        extent_ap_mm=ap_mm,
        extent_si_mm=si_mm,
        centroid_x_mm=x_mm,
        centroid_y_mm=y_mm,
        centroid_z_mm=z_mm,
        components=components,
        largest_component_share=largest_voxels / count,
        touches=_touched_faces(box, grid.shape_zyx),
    )


def _distribution(values_hu: NDArray[np.int16]) -> tuple[float, float, float]:
    """Mean, standard deviation and median, exact, from a histogram: several times faster than sorting."""
    low = int(values_hu.min())
    counts = np.bincount(values_hu.astype(np.int32) - low)
    above_low = np.arange(len(counts), dtype=np.float64)
    total = len(values_hu)
    mean = float(counts @ above_low) / total
    variance = float(counts @ (above_low - mean) ** 2) / total
    middle = np.searchsorted(np.cumsum(counts), ((total - 1) // 2, total // 2), side="right")
    return low + mean, variance**0.5, low + float(middle.mean())


def _components(mask: NDArray[np.bool_]) -> tuple[int, int]:
    """Number of connected pieces, and the voxels of the largest."""
    pieces, count = connected_parts(mask, _NEIGHBOURS)
    if count == 1:
        return 1, int(np.count_nonzero(mask))
    return count, int(np.bincount(pieces[mask])[1:].max())


def _touched_faces(box_zyx: tuple[slice, slice, slice], shape_zyx: tuple[int, int, int]) -> tuple[str, ...]:
    touched = []
    for part, length, (low_face, high_face) in zip(box_zyx, shape_zyx, _FACES_ZYX, strict=True):
        if part.start == 0:
            touched.append(low_face)
        if part.stop == length:
            touched.append(high_face)
    return tuple(touched)
