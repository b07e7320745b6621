"""The widget of a notebook holds scan and organs as they are."""

from __future__ import annotations

import gzip
import sys
from pathlib import Path

import nibabel
import numpy as np
import pytest

import flarecli
from flarecli.errors import InstallationError
from tests.threshold_system import LIVER_HU, ThresholdSystem
from tests.viewer.scenes import save_scene, scan_voxels


@pytest.fixture
def result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> flarecli.SegmentationResult:
    monkeypatch.setattr("flarecli.weights.selection.system_named", lambda name: ThresholdSystem())
    scan, *_ = save_scene(tmp_path)
    return flarecli.segment(scan)


def test_the_widget_shows_scan_and_organs(result: flarecli.SegmentationResult) -> None:
    ipyniivue = pytest.importorskip("ipyniivue", reason="needs ipyniivue: pip install 'flarecli[view]'")
    widget = flarecli.view(result, height=420)
    assert isinstance(widget, ipyniivue.NiiVue)
    assert widget.height == 420
    scan, organs = (
        np.asarray(nibabel.Nifti1Image.from_bytes(gzip.decompress(volume.data)).dataobj).T for volume in widget.volumes
    )
    assert np.array_equal(scan, scan_voxels())
    assert np.array_equal(organs, scan_voxels() > LIVER_HU)
    assert list(widget.volumes[1].colormap_label.lut[4:8]) == [214, 84, 61, 255]
    widget.close()


def test_a_missing_package_is_named(result: flarecli.SegmentationResult, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ipyniivue", None)
    with pytest.raises(InstallationError, match=r"flarecli\[view\]"):
        flarecli.view(result)
