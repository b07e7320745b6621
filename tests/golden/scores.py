"""Scores of the challenge's evaluation, its published roundings and thresholds included."""

from __future__ import annotations

import tempfile
from pathlib import Path

import nibabel
import numpy as np

from flarecli.metrics.case import evaluate_case
from flarecli.metrics.organ_scores import EvaluationSettings
from flarecli.metrics.pairing import CasePair
from flarecli.metrics.protocol import FLARE21, FLARE22, Metric
from flarecli.metrics.surface_elements import area_by_code_mm2
from tests.golden.case import Arrays, GoldenCase
from tests.golden.drawn import label_map

_SPACINGS_MM = ((1.0, 1.0, 1.0), (0.8, 0.7, 5.0), (2.5, 0.33, 1.7))


def _scores() -> Arrays:
    """Array (spacings, metrics, organs) for each protocol: a map against itself with one organ changed, and more."""
    settings = {
        "flare21": EvaluationSettings(metrics=tuple(Metric)),
        "flare21_literal": EvaluationSettings(literal=True),
        "flare22_literal": EvaluationSettings(protocol=FLARE22, literal=True),
        "wider": EvaluationSettings(protocol=FLARE21.with_tolerances(dict.fromkeys(range(1, 5), 2.0))),
    }
    rows: dict[str, list[np.ndarray]] = {name: [] for name in settings}
    for index, spacing_mm in enumerate(_SPACINGS_MM):
        truth = label_map((14, 26, 22), 401 + index)
        found = np.where(label_map(truth.shape, 501 + index) == 2, 3, np.roll(truth, 1, axis=2))
        with tempfile.TemporaryDirectory() as folder:
            paths = []
            for side, labels in (("found", found), ("truth", truth)):
                paths.append(Path(folder) / f"{side}.nii.gz")
                image = nibabel.Nifti1Image(labels.T.astype(np.uint8), np.diag([*spacing_mm, 1.0]))
                nibabel.save(image, paths[-1])
            for name, chosen in settings.items():
                result = evaluate_case(CasePair("case", *paths), chosen)
                assert result.error is None
                rows[name].append(np.array([result.scores[metric] for metric in chosen.metrics]))
    return {name: np.stack(arrays) for name, arrays in rows.items()}


def _surface_areas() -> Arrays:
    return {"areas_mm2": np.stack([area_by_code_mm2(spacing_mm) for spacing_mm in _SPACINGS_MM])}


CASES = {
    "scores": GoldenCase(_scores, {"": 1e-12}),
    "surface_areas": GoldenCase(_surface_areas, {"": 1e-14}),
}
