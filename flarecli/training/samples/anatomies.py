"""Label maps of real patients, prepared as anatomies of synthetic scans."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from flarecli.datasets.organ_masks import without_organ_masks
from flarecli.errors import InputError
from flarecli.files.folder import inventory_of_folder
from flarecli.files.names import SCAN_SUFFIXES
from flarecli.files.sources import is_folder
from flarecli.phantom import Anatomy, PhantomOptions, PreparedLabels, anatomy_from_labels, prepare_labels
from flarecli.processes.workers import Workers
from flarecli.training.checksums import checksum_of_images

PHANTOMS = "phantoms"
"""The source of procedural anatomies, without label maps."""

MAPS = "label_maps"
"""Key, in the facts of data, of the names of the label maps that are trained on."""

HELD_OUT_MAPS = "held_out_label_maps"
"""Key of the names of those that are not."""


@dataclass(frozen=True)
class Anatomies:
    """Source of the organs of synthetic scans.

    Attributes:
        source: As the user named it: a folder, or "phantoms" for procedural organs only.
        names: File names of the label maps, sorted.
        prepared: The maps.
        sha256: Checksum of names and contents of the files; empty without label maps.
        warning: What of the folder is not used, as a sentence for the user; None where nothing is left out.
    """

    source: str
    names: tuple[str, ...] = ()
    prepared: tuple[PreparedLabels, ...] = ()
    sha256: str = ""
    warning: str | None = None

    def split(self, held_out_share: float) -> tuple[tuple[PreparedLabels, ...], tuple[PreparedLabels, ...]]:
        """Maps for training and for validation (the last ones by name).

        At least one is held out unless the share is 0; one map alone is used for both.
        """
        count = self._held_out(held_out_share)
        if not count:
            return self.prepared, self.prepared
        return self.prepared[:-count], self.prepared[-count:]

    def split_names(self, held_out_share: float) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Names of the maps for training, and of those that are held out from it."""
        stop = len(self.names) - self._held_out(held_out_share)
        return self.names[:stop], self.names[stop:]

    def _held_out(self, share: float) -> int:
        wanted = max(1, round(share * len(self.prepared))) if share > 0 else 0
        return max(0, min(wanted, len(self.prepared) - 1))


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

    Masks of single organs beside them are passed over.

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
    inventory = without_organ_masks(inventory_of_folder(folder))
    files = inventory.files
    if not files:
        raise inventory.nothing_found(f"label maps ({', '.join(SCAN_SUFFIXES)})")
    with Workers(processes, "Make room in memory, or give fewer label maps, and run the command again.") as workers:
        prepared = dict(workers.work_on(_prepared, files))
    names = tuple(path.name for path in files)
    maps = tuple(prepared[path] for path in files)
    return Anatomies(source, names, maps, checksum_of_images(files), inventory.warning())


def _prepared(path: Path) -> PreparedLabels:
    from flarecli.metrics.label_map import Fractions, read_label_map

    read = read_label_map(path, fractions=Fractions.UNLABELLED)
    try:
        return prepare_labels(read.labels, read.spacing_mm)
    except InputError as error:
        raise InputError(
            error.problem, path=path, seen=error.seen, expected=error.expected, remedy=error.remedy
        ) from error
