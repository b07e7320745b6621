"""The files that a segmented scan becomes, in the one place that lists and writes them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from flarecli.files.names import is_segmentation_name
from flarecli.organs import ORGANS, ORGANS_WITH_SIDES, Organ
from flarecli.prediction.case import Case
from flarecli.prediction.dicom.files import write_report, write_segmentation_object, write_structure_set
from flarecli.prediction.output_options import OutputOptions
from flarecli.prediction.result import Result
from flarecli.volume import write_labels


@dataclass(frozen=True)
class ResultFile:
    """One file of a case besides its record.

    Attributes:
        key: What it is called in the record: "labels", "liver_mask", "preview".
        content: What it is, for messages.
        path: Where it goes.
        write: Writes it to a path; files are flushed as `flarecli.files.atomic` does.
        exists_for: Whether there is such a file of a result: absent organs have no mesh.
    """

    key: str
    content: str
    path: Path
    write: Callable[[Path, Result], None]
    exists_for: Callable[[Result], bool] = lambda result: True


def result_files(case: Case, options: OutputOptions) -> tuple[ResultFile, ...]:
    """Every file of a case but its record, the label map last."""
    return (*_further_files(case, options), _label_map(case, options))


def _label_map(case: Case, options: OutputOptions) -> ResultFile:
    if is_segmentation_name(case.labels):
        write_object = partial(write_segmentation_object, labelmap=options.labelmap)
        return ResultFile("labels", "DICOM segmentation", case.labels, write_object)

    def write(path: Path, result: Result) -> None:
        write_labels(path, result.sides.labels if options.sides else result.segmentation.labels, result.volume)

    return ResultFile("labels", "label map", case.labels, write)


def _further_files(case: Case, options: OutputOptions) -> Iterator[ResultFile]:
    if options.split:
        yield from _masks(case, options)
    if options.preview is not None:
        yield ResultFile("preview", "preview", options.preview(case), partial(_write_preview, title=case.name))
    if options.mesh is not None:
        for organ in _shown_organs(sides=options.sides):
            name = organ.name.replace(" ", "_")
            yield ResultFile(
                f"{name}_mesh",
                f"{organ.name} mesh",
                case.beside(f"_{name}.{options.mesh}"),
                partial(_write_mesh, organ=organ, sides=options.sides),
                partial(_has_organ, organ=organ),
            )
    writers: dict[str, tuple[str, Callable[[Path, Result], None]]] = {
        "seg": ("DICOM segmentation", partial(write_segmentation_object, labelmap=options.labelmap)),
        "rtstruct": ("RT structure set", write_structure_set),
        "sr": ("structured report", partial(write_report, labelmap=options.labelmap)),
    }
    for name in options.dicom:
        if name == "seg" and is_segmentation_name(case.labels):
            continue  # it is the label map itself
        content, write = writers[name]
        key = "seg_labelmap" if name == "seg" and options.labelmap else name  # the two are not substitutes
        yield ResultFile(key, content, case.beside(f".{name}.dcm"), write, lambda result: result.has_organs)


def _masks(case: Case, options: OutputOptions) -> Iterator[ResultFile]:
    for organ in _shown_organs(sides=options.sides):
        name = organ.name.replace(" ", "_")
        write = partial(_write_mask, organ=organ, sides=options.sides)
        yield ResultFile(f"{name}_mask", f"{organ.name} mask", case.organ_file(name), write)


def _shown_organs(*, sides: bool) -> tuple[Organ, ...]:
    """What a label map tells apart."""
    return ORGANS_WITH_SIDES if sides else ORGANS


def _mask(result: Result, organ: Organ, *, sides: bool) -> np.ndarray:
    labels = result.sides.labels if sides else result.segmentation.labels
    return np.asarray(labels == organ.label)


def _write_mask(path: Path, result: Result, *, organ: Organ, sides: bool) -> None:
    write_labels(path, _mask(result, organ, sides=sides).astype(np.uint8), result.volume)


def _write_preview(path: Path, result: Result, *, title: str) -> None:
    from flarecli.preview import write_preview

    write_preview(path, result.volume, result.segmentation.labels, title=title)


def _has_organ(result: Result, *, organ: Organ) -> bool:
    return any(found.voxels for found in result.statistics if found.name == organ.name)


def _write_mesh(path: Path, result: Result, *, organ: Organ, sides: bool) -> None:
    from flarecli.meshes.files import write_mesh
    from flarecli.meshes.surface import surface_of

    surface = surface_of(_mask(result, organ, sides=sides), result.volume.grid)
    assert surface is not None  # asked for organs that exist
    write_mesh(path, surface, organ.colour)
