"""Which layout a dataset has, and the pairs of the layouts that follow file names alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from flarecli.datasets.decathlon import read_decathlon
from flarecli.datasets.organ_values import OrganValues
from flarecli.datasets.pair_table import read_pair_table
from flarecli.datasets.pairs import Dataset, Pair, with_unique_names
from flarecli.errors import InputError
from flarecli.files.names import files_by_case, image_suffix
from flarecli.organs import ORGANS

_FLARE_FOLDERS = ("TrainingImg", "TrainingMask")
_NNUNET_FOLDERS = ("imagesTr", "labelsTr")
_LAYOUTS = (
    "TrainingImg and TrainingMask (FLARE), dataset.json (nnU-Net, Medical Decathlon), "
    "imagesTr and labelsTr, or a .csv of two columns"
)


def find_dataset(source: Path, values: OrganValues | None = None) -> Dataset:
    """Find the pairs of a dataset, and what the values of its label maps mean.

    Understood: a folder with `TrainingImg` and `TrainingMask` (FLARE); one with a `dataset.json`, or that file
    itself (nnU-Net 1 and 2, Medical Segmentation Decathlon); one with `imagesTr` and `labelsTr` alone; a `.csv` with
    a scan and a label map in each row.

    Args:
        source: The folder or file.
        values: What the values mean, in place of what the dataset says about them.

    Raises:
        InputError: when it is none of these, holds no pairs, or none of the organs.
    """
    dataset = _of_layout(Path(source))
    if values is not None:
        dataset = replace(dataset, values=values)
    if not any(dataset.values.house_labels.values()):
        raise InputError(
            "names none of the organs",
            path=source,
            seen=", ".join(dataset.values.background_names) or "no names",
            expected=f"some of {', '.join(organ.name for organ in ORGANS)}",
            remedy="Name them in dataset.json, or give their values: --organ liver=6.",
        )
    return dataset


def _of_layout(source: Path) -> Dataset:
    if source.is_file() and source.suffix.lower() in (".csv", ".tsv"):
        return read_pair_table(source)
    if source.is_file() and source.suffix.lower() == ".json":
        return read_decathlon(source)
    if source.is_dir():
        if (source / "dataset.json").is_file():
            return read_decathlon(source / "dataset.json")
        for layout, (images, labels) in (("FLARE", _FLARE_FOLDERS), ("nnU-Net", _NNUNET_FOLDERS)):
            if (source / images).is_dir() and (source / labels).is_dir():
                return Dataset(source, layout, _pairs_by_name(source, source / images, source / labels))
    raise InputError(
        "does not exist" if not source.exists() else "is no dataset of a known layout",
        path=source,
        seen=_content(source) if source.is_dir() else None,
        expected=_LAYOUTS,
        remedy="Check the path, or list the pairs in a .csv file: scan,labels in each row.",
    )


def _pairs_by_name(source: Path, images: Path, labels: Path) -> tuple[Pair, ...]:
    scan_by_name, labels_by_name = _files_by_name(images), _files_by_name(labels)
    names = scan_by_name.keys() | labels_by_name.keys()
    return with_unique_names((Pair(name, scan_by_name.get(name), labels_by_name.get(name)) for name in names), source)


def _files_by_name(folder: Path) -> dict[str, Path]:
    files = (path for path in sorted(folder.iterdir()) if path.is_file() and not path.name.startswith("."))
    return files_by_case((path for path in files if image_suffix(path)), "Remove or rename one of them.")


def _content(folder: Path) -> str:
    names = sorted(path.name for path in folder.iterdir())
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "") or "an empty folder"
