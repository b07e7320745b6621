"""Label maps of real patients, prepared as anatomies of synthetic scans."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from flarecli.errors import InputError
from flarecli.files.folder import inventory_of_folder
from flarecli.files.names import SCAN_SUFFIXES
from flarecli.files.sources import is_folder
from flarecli.phantom import Anatomy, PhantomOptions, PreparedLabels, anatomy_from_labels, prepare_labels
from flarecli.processes.workers import Workers
from flarecli.training.checksums import checksum_of_images

PHANTOMS = "phantoms"
"""The source of procedural anatomies, without label maps."""


@dataclass(frozen=True)
class Anatomies:
    """Source of the organs of synthetic scans.

    Attributes:
        source: As the user named it: a folder, or "phantoms" for procedural organs only.
        names: File names of the label maps, sorted.
        prepared: The maps.
        sha256: Checksum of names and contents of the files; empty without label maps.
    """

    source: str
    names: tuple[str, ...] = ()
    prepared: tuple[PreparedLabels, ...] = ()
    sha256: str = ""

    def split(self, held_out_share: float) -> tuple[tuple[PreparedLabels, ...], tuple[PreparedLabels, ...]]:
        """Maps for training and for validation (the last ones by name).

        At least one is held out unless the share is 0; one map alone is used for both.
        """
        wanted = max(1, round(held_out_share * len(self.prepared))) if held_out_share > 0 else 0
        count = min(wanted, len(self.prepared) - 1)
        if count <= 0:
            return self.prepared, self.prepared
        return self.prepared[:-count], self.prepared[-count:]


def draw_anatomy(
    rng: np.random.Generator, maps: Sequence[PreparedLabels], procedural_share: float, options: PhantomOptions
) -> Anatomy | None:
    """Draw the organs of a label map, deformed; None where the organs are to be procedural."""
    is_procedural = rng.random() < procedural_share
    if not maps or is_procedural:
        return None
    return anatomy_from_labels(rng, maps[int(rng.integers(len(maps)))], options)


def read_anatomies(source: str, processes: int = 1) -> Anatomies:
    """Read a folder of label maps in FLARE labels: 1 liver, 2 kidneys, 3 spleen, 4 pancreas.

    Args:
        source: The folder, or "phantoms".
        processes: Number of processes that prepare maps.

    Raises:
        InputError: when the folder does not exist or holds no label maps, or a file is not one.
        InstallationError: when a process was killed.
    """
    if source == PHANTOMS:
        return Anatomies(source)
    folder = Path(source)
    if not is_folder(folder):
        raise InputError(
            "is not a folder of label maps",
            path=folder,
            expected=f'a folder, or "{PHANTOMS}" for procedural organs',
            remedy="Name another folder.",
        )
    inventory = inventory_of_folder(folder)
    files = inventory.files
    if not files:
        raise inventory.nothing_found(f"label maps ({', '.join(SCAN_SUFFIXES)})")
    with Workers(processes, "Make room in memory, or give fewer label maps, and run the command again.") as workers:
        prepared = dict(workers.work_on(_prepared, files))
    names = tuple(path.name for path in files)
    return Anatomies(source, names, tuple(prepared[path] for path in files), checksum_of_images(files))


def _prepared(path: Path) -> PreparedLabels:
    from flarecli.metrics.label_map import Fractions, read_label_map

    read = read_label_map(path, fractions=Fractions.UNLABELLED)
    try:
        return prepare_labels(read.labels, read.spacing_mm)
    except InputError as error:
        raise InputError(
            error.problem, path=path, seen=error.seen, expected=error.expected, remedy=error.remedy
        ) from error
