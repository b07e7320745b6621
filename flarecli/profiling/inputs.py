"""Which scans a profile is about: the user's, or a phantom made for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from flarecli.dicom.collection.detection import is_archive, is_directory_file
from flarecli.files.destinations import target_of
from flarecli.files.folder import inventory_of_folder
from flarecli.files.names import case_name
from flarecli.metrics.pairing import CasePair, inventory_of_labels, names_one_file, pair_cases
from flarecli.prediction.cases import Case, FoundCases, find_scans
from flarecli.profiling.profile import ScanToProfile, two_of_one_name

_FIELD_OF_VIEW_MM = (300.0, 400.0)
"""Length of a phantom along z, and the larger side of its slices: a larger size only means smaller voxels."""


def user_scans(
    sources: Sequence[Path], labels: str | None, folder: Path, on_warning: Callable[[str], None] | None = None
) -> list[ScanToProfile]:
    """The scans of files and folders, with their ground truths, each case named as its input is.

    Args:
        sources: Scans, folders of scans, folders of DICOM slices.
        labels: Label map, folder or glob pattern of label maps; None scores nothing.
        folder: Where the label maps to be made go.
        on_warning: Given a sentence for each folder of which something is passed over.

    Raises:
        InputError: when a source or the labels do not exist, or two scans have one name.
    """
    cases: dict[str, Case] = {}
    is_one_scan = len(sources) == 1
    for source in sources:
        found = _found_in(source, folder)
        if on_warning is not None:
            for warning in found.warnings:
                on_warning(warning)
        is_one_scan = is_one_scan and found.folder is None and len(found.cases) == 1
        for case in found.cases:
            name = case_name(case.scan) if found.folder is not None else _name_of_input(source)
            named = replace(case, name=name, labels=folder / f"{name}.nii.gz")
            other = cases.setdefault(name, named)
            if other is not named:
                raise two_of_one_name(other, named)
    truths: dict[Path, Path] = {}
    if labels is not None:
        found_truths = inventory_of_labels(labels)
        made = [case.labels for case in cases.values()]
        if is_one_scan and names_one_file(found_truths):  # whatever their names
            pairs = [CasePair(made[0].name, made[0], found_truths.files[0])]
        else:
            pairs, _ = pair_cases(made, found_truths.files)
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


def _name_of_input(source: Path) -> str:
    """What the only scan of an input is called: an archive without `.zip`, a DICOMDIR as the folder that it is in."""
    path = source if source.name not in ("", "..") else target_of(source)
    if is_directory_file(path):
        return path.absolute().parent.name or path.name
    return path.stem if is_archive(path) and path.suffix.lower() == ".zip" else case_name(path)


def _found_in(source: Path, folder: Path) -> FoundCases:
    holds_scans = source.is_dir() and bool(inventory_of_folder(source).files)
    # Into a folder of its own: nothing is written there, but source and destination must not be one.
    return find_scans(source, folder / "cases" if holds_scans else folder / "case.nii.gz")
