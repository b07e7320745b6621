"""How many threads work may be shared by."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from flarecli.hardware.processors import available_processors
from flarecli.hardware.thread_limit import allowed_threads, thread_limit
from flarecli.prediction.predictor import EngineRequest, Predictor
from flarecli.resample import restore_labels
from flarecli.steps import Steps
from flarecli.volume import read_volume
from tests.synthetic_ct import write_ct
from tests.threshold_system import ThresholdSystem


def test_a_limit_holds_inside_and_no_longer() -> None:
    with thread_limit(3):
        with thread_limit(1):
            assert allowed_threads() == 1
        with thread_limit(None):
            assert allowed_threads() == 3
    assert allowed_threads() == available_processors()


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_restoring_starts_no_more_threads(threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[int] = []

    class Counted(ThreadPoolExecutor):
        def __init__(self, count: int) -> None:
            started.append(count)
            super().__init__(count)

    monkeypatch.setattr("flarecli.resample.restoring.ThreadPoolExecutor", Counted)
    scores = np.random.default_rng(0).random((3, 4, 4, 4), np.float32)
    with thread_limit(threads):
        restore_labels(scores, (9, 9, 9), np.zeros((9, 9, 9), np.uint8))
    assert started in ([threads], [])
    assert threads == 1 or started


def test_the_threads_that_are_asked_for_hold_for_the_whole_segmentation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []

    class Asking(ThresholdSystem):
        def segment(self, *arguments: object) -> object:  # type: ignore[override]
            seen.append(allowed_threads())
            return super().segment(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr("flarecli.weights.selection.system_named", lambda name: Asking())
    write_ct(tmp_path / "scan.nii.gz")
    predictor = Predictor("threshold", engine=EngineRequest("openvino", "cpu", "float32", 1))
    predictor.segment(read_volume(tmp_path / "scan.nii.gz"), Steps())
    assert seen == [1]
