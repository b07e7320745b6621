"""Folders of label maps to evaluate."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.metrics.label_files import blobs, save_labels


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three cases, shifted by 0, 1 and 2 voxels."""
    for number in range(3):
        save_labels(tmp_path / "pred" / f"case_{number}.nii.gz", blobs(shift=number))
        save_labels(tmp_path / "gt" / f"case_{number}.nii.gz", blobs())
    return tmp_path
