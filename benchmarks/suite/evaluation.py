"""Scores of one case from its two files, as `flare evaluate` computes them."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.suite.rows import Row
from flarecli.metrics.case import evaluate_case
from flarecli.metrics.organ_scores import EvaluationSettings
from flarecli.metrics.pairing import CasePair
from flarecli.metrics.protocol import Metric
from flarecli.phantom import make_phantom
from flarecli.volume import write_scan


def rows(full: bool, _scans: list[Path]) -> Iterator[Row]:
    """A phantom's labels against the same moved by a voxel, read and scored in this process."""
    shape_zyx = (100, 512, 512) if full else (60, 256, 256)
    pixel_mm = 400.0 / shape_zyx[1]
    spacing_mm = (300.0 / shape_zyx[0], pixel_mm, pixel_mm)
    labels = make_phantom(0, shape_zyx=shape_zyx, spacing_mm=spacing_mm).labels
    affine_ras = np.diag([*spacing_mm[::-1], 1.0])
    with tempfile.TemporaryDirectory() as folder:
        truth, prediction = Path(folder) / "truth.nii.gz", Path(folder) / "prediction.nii.gz"
        write_scan(truth, labels, affine_ras)
        write_scan(prediction, np.roll(labels, (1, 1, 1), (0, 1, 2)), affine_ras)
        pair = CasePair("phantom.nii.gz", prediction, truth)
        for name, metrics in {"DSC and NSD": (Metric.DSC, Metric.NSD), "all scores": tuple(Metric)}.items():
            seconds = []
            cpu_before = time.process_time()
            for _ in range(5):
                start = time.perf_counter()
                result = evaluate_case(pair, EvaluationSettings(metrics=metrics))
                if result.error is not None:
                    raise result.error
                seconds.append(time.perf_counter() - start)
            cpu_s = (time.process_time() - cpu_before) / 5
            size = "×".join(str(count) for count in shape_zyx[::-1])
            yield Row("evaluate", f"{name}, {size}", statistics.median(seconds), cpu_s, note="reading included")
