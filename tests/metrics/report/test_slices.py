"""Slices of the report: the contours of both label maps in their colours, where they are."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageColor

from flarecli.metrics.case import evaluate_case
from flarecli.metrics.organ_scores import EvaluationSettings
from flarecli.metrics.pairing import CasePair
from flarecli.metrics.report.colours import GROUND_TRUTH_COLOUR, PREDICTION_COLOUR
from flarecli.metrics.report.slices import slices_png
from flarecli.volume import write_scan

_AFFINE = np.diag([2.0, 2.0, 4.0, 1.0])


@pytest.fixture
def pair(tmp_path: Path) -> CasePair:
    gt = np.zeros((20, 60, 70), np.uint8)
    gt[5:15, 20:40, 15:35] = 1
    write_scan(tmp_path / "scan.nii.gz", np.full(gt.shape, 40, np.int16), _AFFINE)
    write_scan(tmp_path / "gt.nii.gz", gt, _AFFINE)
    write_scan(tmp_path / "pred.nii.gz", np.roll(gt, 12, axis=2), _AFFINE)
    return CasePair("gt.nii.gz", tmp_path / "pred.nii.gz", tmp_path / "gt.nii.gz")


def _columns(pixels: np.ndarray, colour: str) -> np.ndarray:
    return np.flatnonzero((np.abs(pixels - ImageColor.getrgb(colour)).max(axis=2) < 40).any(axis=0))


def test_both_contours_lie_where_their_label_maps_are(pair: CasePair, tmp_path: Path) -> None:
    settings = EvaluationSettings()
    png = slices_png(evaluate_case(pair, settings), tmp_path / "scan.nii.gz", settings)
    with Image.open(io.BytesIO(png)) as image:
        pixels = np.asarray(image).astype(int)
    first = pixels[:, : pixels.shape[1] // 3]
    truth, prediction = _columns(first, GROUND_TRUTH_COLOUR), _columns(first, PREDICTION_COLOUR)
    # x grows to the right of the patient, which is on the left of the picture.
    assert prediction.min() < truth.min() < prediction.max() < truth.max()
    assert truth.max() - truth.min() == pytest.approx(prediction.max() - prediction.min(), abs=4)
