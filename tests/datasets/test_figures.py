"""Figures of a whole dataset."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from flarecli.datasets.checks import check_pair
from flarecli.datasets.figures import dataset_figures
from flarecli.datasets.layouts import find_dataset
from flarecli.datasets.organ_values import FLARE_VALUES
from tests.datasets.labelled_files import flare_dataset, organ_blobs, save, scan_values


def test_all_cases_together(tmp_path: Path) -> None:
    flare_dataset(tmp_path, 2)
    labels = organ_blobs()
    labels[labels == 4] = 0
    save(tmp_path / "TrainingMask" / "train_001.nii.gz", labels)
    reports = [check_pair(pair, FLARE_VALUES) for pair in find_dataset(tmp_path).pairs]
    counts = sum(report.hu_counts for report in reports)
    figures = dataset_figures([report.figures for report in reports], counts)
    assert figures["cases"] == 2
    assert [row["median"] for row in figures["spacing_mm"]] == [8, 10, 10]
    assert figures["organ_volume_ml"]["pancreas"] == {
        "mean": 3.2, "sd": 0, "min": 3.2, "median": 3.2, "max": 3.2, "absent": 1,
    }  # fmt: skip
    both = np.concatenate([scan_values(number)[organ_blobs() == 1] for number in (0, 1)])
    assert figures["hu"]["liver"]["mean"] == pytest.approx(both.mean(), abs=0.006)
    assert figures["hu"]["liver"]["p95"] == np.percentile(both, 95, method="inverted_cdf")


def test_an_organ_that_no_case_has(tmp_path: Path) -> None:
    flare_dataset(tmp_path, 1)
    save(tmp_path / "TrainingMask" / "train_000.nii.gz", (organ_blobs() == 1).astype(np.uint8))
    report = check_pair(find_dataset(tmp_path).pairs[0], FLARE_VALUES)
    figures = dataset_figures([report.figures], report.hu_counts)
    assert figures["organ_volume_ml"]["spleen"]["mean"] is None
    assert figures["organ_volume_ml"]["spleen"]["absent"] == 1
    assert figures["hu"]["spleen"] is None
