"""Scores that are made from labels have the sizes of the networks that they stand in for."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.organ_shaped_scores import _write_scores
from flarecli.organs import ORGANS
from flarecli.weights.selection import weighted_system

EXAMPLES = Path(__file__).resolve().parent.parent.parent / "examples"


def test_files_fill_the_scores_of_the_installed_weights(tmp_path: Path) -> None:
    _write_scores(EXAMPLES / "phantom_ct_0000.nii.gz", EXAMPLES / "phantom_ct.nii.gz", [], 0.0, tmp_path)

    shapes = {key: card.input_shape for key, card in weighted_system("efficientsegnet").cards.items()}
    assert set(shapes) == {"coarse", "fine"}
    for key, shape_zyx in shapes.items():
        assert shape_zyx is not None
        scores = np.fromfile(tmp_path / f"{key}.f32", np.float32).reshape(len(ORGANS), *shape_zyx)
        assert scores.max() > 5, "inside an organ"
        assert scores.min() < -5, "outside"
