"""Which scans a profile is about: the user's, or a phantom made for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from flarecli.errors import InputError
from flarecli.files.folder import inventory_of_folder
from flarecli.files.names import case_name
from flarecli.metrics.pairing import label_files, pair_cases
from flarecli.prediction.cases import Case, FoundCases, find_scans
from flarecli.profiling.profile import ScanToProfile

_FIELD_OF_VIEW_MM = (300.0, 400.0)
"""Length of a phantom along z, and the larger side of its slices: a larger size only means smaller voxels."""


def user_scans(
    sources: Sequence[Path], labels: str | None, folder: Path, on_warning: Callable[[str], None] | None = None
) -> list[ScanToProfile]:
    """The scans of files and folders, with their ground truths.

    Args:
        sources: Scans, folders of scans, folders of DICOM slices.
        labels: Label map, folder or glob pattern of label maps; None scores nothing.
        folder: Where the label maps to be made go.
        on_warning: Given a sentence for each folder of which something is passed over.

    Raises:
        InputError: when a source or the labels do not exist, or two scans have one name.
    """
    cases: dict[str, Case] = {}
    for source in sources:
        found = _found_in(source, folder)
        if on_warning is not None:
            for warning in found.warnings:
                on_warning(warning)
        for case in found.cases:
            named = replace(case, labels=folder / f"{case_name(case.scan)}.nii.gz")
            other = cases.setdefault(named.labels.name, named)
            if other is not named:
                raise InputError(
                    "two scans have one name",
                    path=named.scan,
                    seen=f"{other.scan} and {named.scan}",
                    remedy="Rename one of them, or profile them one by one.",
                )
    truths: dict[Path, Path] = {}
    if labels is not None:
        pairs, _ = pair_cases([case.labels for case in cases.values()], label_files(labels))
        truths = {pair.pred: pair.gt for pair in pairs if pair.pred is not None and pair.gt is not None}
    return [ScanToProfile(case, truths.get(case.labels)) for case in cases.values()]


def phantom_scan(shape_zyx: tuple[int, int, int], folder: Path) -> ScanToProfile:
    """A phantom of that many voxels, with its ground truth; always the same patient.

    Raises:
        UsageError: when the shape cannot be a grid.
    """
    from flarecli.phantom import make_phantom
    from flarecli.phantom.files import PhantomPaths, write_phantom

    slices, rows, columns = shape_zyx
    in_plane_mm = _FIELD_OF_VIEW_MM[1] / max(rows, columns)
    made = make_phantom(0, shape_zyx=shape_zyx, spacing_mm=(_FIELD_OF_VIEW_MM[0] / slices, in_plane_mm, in_plane_mm))
    name = f"phantom_{columns}x{rows}x{slices}"
    pair = PhantomPaths(folder / f"{name}_0000.nii.gz", folder / f"{name}_truth.nii.gz")
    write_phantom(made, pair)
    return ScanToProfile(Case(name, pair.scan, folder / f"{name}.nii.gz"), pair.labels)


def _found_in(source: Path, folder: Path) -> FoundCases:
    holds_scans = source.is_dir() and bool(inventory_of_folder(source).files)
    # Into a folder of its own: nothing is written there, but source and destination must not be one.
    return find_scans(source, folder / "cases" if holds_scans else folder / "case.nii.gz")
