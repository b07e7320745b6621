"""Series of collections from Python."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from flarecli import Segmenter, segment
from flarecli.dicom.collection.opening import catalogue_of
from flarecli.errors import InputError, UsageError
from tests.dicom.collection.trees import put_tree, zipped
from tests.threshold_system import LIVER_HU, ThresholdSystem


@pytest.fixture(autouse=True)
def threshold_system(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flarecli.weights.selection.system_named", lambda name: ThresholdSystem())


@pytest.mark.parametrize("kind", ["tree", "zip"])
def test_each_series_of_a_collection_is_segmented(tmp_path: Path, kind: str) -> None:
    scans = put_tree(tmp_path / "tree")
    source = tmp_path / "tree" if kind == "tree" else zipped(tmp_path / "tree", tmp_path / "tree.zip")

    with Segmenter("threshold") as segmenter:
        for series in catalogue_of(source).scans:
            result = segmenter(series.files)
            result.save(tmp_path / "out" / f"{series.name}.nii.gz")
            assert any(np.array_equal(result.labels, voxels > LIVER_HU) for voxels in scans.values())
            assert result.record["scan_content"]["files"] == 9

    assert len(list((tmp_path / "out").glob("*.nii.gz"))) == 4
    late = segment(source, series="5", system="threshold")
    np.testing.assert_array_equal(late.labels, scans["P1 late"] > LIVER_HU)
    with pytest.raises(InputError, match="several CT series"):
        segment(source, system="threshold")
    with pytest.raises(UsageError, match="not a path"):
        segment((scans["P2"], np.eye(4)), series="5", system="threshold")
