"""The data of a run: which label maps are held out, what identifies them, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from flarecli.errors import UsageError
from flarecli.phantom import PreparedLabels
from flarecli.training.data import CachedData, SyntheticData
from flarecli.training.folds import Split
from flarecli.training.recipe import SamplingSettings
from flarecli.training.samples.anatomies import Anatomies, read_anatomies
from tests.training import small
from tests.training.small_scans import fake_cache, labelled_scan

pytestmark = pytest.mark.any_backend


@pytest.mark.parametrize(
    ("maps", "share", "held_out"), [(1, 0.1, 0), (2, 0.1, 1), (5, 0.1, 1), (20, 0.1, 2), (9, 0, 0)]
)
def test_label_maps_are_held_out_down_to_two(maps: int, share: float, held_out: int) -> None:
    names = tuple(f"map{number}" for number in range(maps))
    prepared: tuple[PreparedLabels, ...] = names  # type: ignore[assignment]
    training, validation = Anatomies("folder", names, prepared).split(share)
    assert len(training) == maps - held_out
    assert (training == validation) if held_out == 0 else not set(training) & set(validation)


@pytest.mark.parametrize(
    ("maps", "share", "title", "facts"),
    [
        (0, 0.1, "procedural organs", {"label_maps": []}),
        (1, 0.1, "organs of 1 label map", {"label_maps": ["map0"]}),
        (2, 0.1, "organs of 1 label map", {"label_maps": ["map0"], "held_out_label_maps": ["map1"]}),
        (3, 0.0, "organs of 3 label maps", {"label_maps": ["map0", "map1", "map2"]}),
    ],
)
def test_title_and_facts_say_which_label_maps_are_trained_on(
    maps: int, share: float, title: str, facts: dict[str, list[str]]
) -> None:
    recipe = small.recipe()
    recipe = replace(recipe, synthesis=replace(recipe.synthesis, held_out_share=share))
    names = tuple(f"map{number}" for number in range(maps))
    data = SyntheticData(recipe, Anatomies("folder", names, names))  # type: ignore[arg-type]
    assert data.title == f"synthetic scans alone ({title})"
    assert data.facts == {"synthetic": True, **facts}
    assert data.stream(0).source.maps == tuple(facts["label_maps"])  # type: ignore[attr-defined]


def test_label_maps_are_identified_by_their_contents(tmp_path: Path) -> None:
    labels = np.kron(labelled_scan().labels, np.ones((2, 2, 2), np.uint8))
    path = tmp_path / "a.nii.gz"
    nib.Nifti1Image(labels.T, np.diag([4.0, 4.0, 4.0, 1.0])).to_filename(path)
    recipe = small.recipe()
    first, again = (SyntheticData(recipe, read_anatomies(str(tmp_path))).checksums for _ in range(2))
    labels[labels == 4] = 0
    nib.Nifti1Image(labels.T, np.diag([4.0, 4.0, 4.0, 1.0])).to_filename(path)
    assert first == again != SyntheticData(recipe, read_anatomies(str(tmp_path))).checksums
    assert SyntheticData(recipe, Anatomies("phantoms")).checksums == {}


def test_masks_of_single_organs_are_no_label_maps(tmp_path: Path) -> None:
    labels = np.kron(labelled_scan().labels, np.ones((2, 2, 2), np.uint8))
    for name, values in (("a", labels), ("a_left_kidney", labels == 2), ("a_spleen", labels == 3), ("b_liver", labels)):
        nib.Nifti1Image(values.T.astype(np.uint8), np.diag([4.0, 4.0, 4.0, 1.0])).to_filename(
            tmp_path / f"{name}.nii.gz"
        )
    found = read_anatomies(str(tmp_path))
    assert found.names == ("a.nii.gz", "b_liver.nii.gz")
    assert found.warning is not None
    assert "a_left_kidney.nii.gz, a_spleen.nii.gz (masks of single organs" in found.warning


def test_cases_to_be_repeated_must_exist() -> None:
    recipe = replace(small.recipe(), sampling=SamplingSettings(repeated=("case_001", "case_009")))
    with pytest.raises(UsageError, match="cases that the cache does not have; seen: case_009"):
        CachedData(recipe, fake_cache(4), Split(("case_000",), ("case_001",)))
