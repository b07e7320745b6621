"""Masks of single organs are told from label maps by their names and by what lies beside them."""

from __future__ import annotations

from pathlib import Path

import pytest

from flarecli.datasets.organ_masks import is_organ_mask, stems_of_label_maps, without_organ_masks
from flarecli.files.folder import inventory_of_folder
from flarecli.metrics.pairing import inventory_of_labels
from flarecli.prediction.case import Case
from flarecli.prediction.output_options import OutputOptions
from flarecli.prediction.result_files import result_files


@pytest.mark.parametrize("sides", [False, True])
@pytest.mark.parametrize("name", ["a.nii.gz", "a_b.NRRD", "a.dcm"])
def test_all_masks_of_a_prediction_are_recognised(tmp_path: Path, name: str, *, sides: bool) -> None:
    case = Case("a", tmp_path / "scan.nii.gz", tmp_path / name)
    names = [file.path.name for file in result_files(case, OutputOptions(split=True, sides=sides))]
    stems = stems_of_label_maps(names)
    masks = [path for path in names if is_organ_mask(path.split(".")[0], stems)]
    assert masks == names[:-1]
    assert len(masks) == (5 if sides else 4)


def test_a_mask_needs_its_label_map(tmp_path: Path) -> None:
    for name in ("a_liver.nii.gz", "b.nii", "b_spleen.nii.gz", "b_aorta.nii.gz", "liver.nii.gz", "b_spleen.txt"):
        (tmp_path / name).touch()
    left = without_organ_masks(inventory_of_folder(tmp_path))
    assert list(left.names) == ["a_liver.nii.gz", "b.nii", "b_aorta.nii.gz", "liver.nii.gz"]
    assert "b_spleen.nii.gz (masks of single organs" in str(left.warning())


def test_a_file_that_is_named_is_kept(tmp_path: Path) -> None:
    for name in ("b.nii.gz", "b_spleen.nii.gz"):
        (tmp_path / name).touch()
    named = inventory_of_labels(str(tmp_path / "b_spleen.nii.gz"))
    assert without_organ_masks(named) is named
    assert list(without_organ_masks(inventory_of_labels(str(tmp_path / "*_spleen*"))).files) == []
