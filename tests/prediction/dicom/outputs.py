"""The command with a system of known results, and how its DICOM results are read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from typer.testing import CliRunner, Result

from flarecli.cli.main import app
from flarecli.organs import KIDNEYS
from flarecli.systems.base import Segmentation
from tests.threshold_system import ThresholdSystem


class Kidneys(ThresholdSystem):
    """Calls the soft tissue of the left third and of the right third kidney, the rest liver."""

    segmented = 0

    def segment(self, volume, networks, region, steps) -> Segmentation:  # type: ignore[no-untyped-def]
        type(self).segmented += 1
        found = super().segment(volume, networks, region, steps)
        third = volume.voxels.shape[2] // 3
        for part in (found.labels[:, :, :third], found.labels[:, :, -third:]):
            part[part == 1] = KIDNEYS
        return found


class Nothing(ThresholdSystem):
    """Finds no organ."""

    def segment(self, volume, networks, region, steps) -> Segmentation:  # type: ignore[no-untyped-def]
        found = super().segment(volume, networks, region, steps)
        found.labels[:] = 0
        return found


def use(monkeypatch: pytest.MonkeyPatch, system: ThresholdSystem) -> None:
    monkeypatch.setattr("flarecli.weights.selection.system_named", lambda name: system)


def flare(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["predict", *map(str, arguments)])


def said(result: Result) -> str:
    return " ".join(result.output.split())


def as_nifti(series: Path, path: Path, change: Any = None) -> Path:
    """The scan of a series as NIfTI."""
    from flarecli.volume import read_volume

    volume = read_volume(series)
    affine = np.array(volume.grid.affine_ras)
    image = nibabel.Nifti1Image(np.ascontiguousarray(volume.voxels.transpose(2, 1, 0)), affine)
    image.header.set_xyzt_units("mm")
    nibabel.save(image if change is None else change(image), path)
    return path


def masks_of(path: Path) -> dict[str, np.ndarray]:
    """The segments by name, in canonical orientation."""
    import highdicom

    read = highdicom.seg.segread(path)
    volume = read.get_volume(combine_segments=True).to_patient_orientation(("H", "A", "R"))
    return {item.SegmentLabel: volume.array == item.SegmentNumber for item in read.SegmentSequence}
