"""Detection of a dataset's layout, and the pairs of the layouts that are based on file names only."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from flarecli.datasets.decathlon import read_decathlon
from flarecli.datasets.listed_paths import in_any_case
from flarecli.datasets.organ_values import OrganValues
from flarecli.datasets.pair_table import read_pair_table
from flarecli.datasets.pairs import Dataset, pairs_of_folders, with_unique_names
from flarecli.errors import InputError
from flarecli.files.names import SCAN_SUFFIXES
from flarecli.files.sources import exists, is_folder
from flarecli.organs import ORGANS

_FLARE_FOLDERS = ("TrainingImg", "TrainingMask")
_NNUNET_FOLDERS = ("imagesTr", "labelsTr")
_LAYOUTS = (
    "TrainingImg and TrainingMask (FLARE), dataset.json (nnU-Net, Medical Decathlon), "
    "imagesTr and labelsTr, or a .csv of two columns"
)


def find_dataset(source: Path, values: OrganValues | None = None) -> Dataset:
    """Find the pairs of a dataset, and the meaning of the values of its label maps.

    Supported: a folder with `TrainingImg` and `TrainingMask` (FLARE); one with a `dataset.json`, or that file
    itself (nnU-Net 1 and 2, Medical Segmentation Decathlon); one with `imagesTr` and `labelsTr` alone; a `.csv` with
    a scan and a label map in each row.

    Args:
        source: The folder or file.
        values: Meaning of the values, instead of what the dataset states.

    Raises:
        InputError: when it is none of these, holds no pairs, or none of the organs, or gives a value two meanings.
    """
    dataset = _of_layout(Path(source), values)
    if values is not None:
        dataset = replace(dataset, values=values)
    if not any(dataset.values.flare_labels.values()):
        raise InputError(
            "names none of the organs",
            path=source,
            seen=", ".join(dataset.values.background_names) or "no names",
            expected=f"some of {', '.join(organ.name for organ in ORGANS)}",
            remedy="Name them in dataset.json, or give their values: --organ liver=6.",
        )
    return dataset


def _of_layout(source: Path, values: OrganValues | None) -> Dataset:
    is_file = exists(source) and source.is_file()
    if is_file and source.suffix.lower() in (".csv", ".tsv"):
        return read_pair_table(source)
    if is_file and source.suffix.lower() == ".json":
        return read_decathlon(source, values)
    if is_folder(source):
        description = in_any_case(source, "dataset.json")
        if os.path.lexists(description):
            return read_decathlon(description, values)
        for layout, names in (("FLARE", _FLARE_FOLDERS), ("nnU-Net", _NNUNET_FOLDERS)):
            images, labels = (in_any_case(source, name) for name in names)
            if images.is_dir() and labels.is_dir():
                pairs, warnings = pairs_of_folders(images, labels, SCAN_SUFFIXES)
                return Dataset(source, layout, with_unique_names(pairs, source), warnings=warnings)
    raise InputError(
        "does not exist" if not exists(source) else "is not a dataset of a known layout",
        path=source,
        seen=_content(source) if is_folder(source) else None,
        expected=_LAYOUTS,
        remedy="Check the path, or list the pairs in a .csv file: scan,labels in each row.",
    )


def _content(folder: Path) -> str:
    names = sorted(path.name for path in folder.iterdir())
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "") or "an empty folder"
