"""A system that needs no networks, takes its time, dies of some scans and hangs at others; also in other processes."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping

from flarecli.prediction.predictor import Predictor
from flarecli.prediction.supervised.request import PredictionRequest
from flarecli.steps import Steps
from flarecli.systems.base import Network, RegionRequest, Segmentation
from flarecli.volume import Volume
from flarecli.weights import selection
from tests.threshold_system import ThresholdSystem

DEADLY_HU = 1500
"""A scan with this voxel kills the process."""
ENDLESS_HU = 1600
"""A scan with this voxel is never finished."""
SECONDS = "FLARE_TEST_SECONDS"
"""The environment variable that says how long each scan takes."""


class DeadlySystem(ThresholdSystem):
    """Takes its time, and is killed where memory would run out."""

    def segment(
        self, volume: Volume, networks: Mapping[str, Network], region: RegionRequest, steps: Steps
    ) -> Segmentation:
        if volume.voxels.max() == DEADLY_HU:
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(600 if volume.voxels.max() == ENDLESS_HU else float(os.environ.get(SECONDS, "0")))
        return super().segment(volume, networks, region, steps)


class DeadlyRequest(PredictionRequest):
    """Predicts with this system, in whatever process."""

    def predictor(self, *, keep_memory: bool = True) -> Predictor:
        choose_deadly_system()
        return super().predictor(keep_memory=keep_memory)


def choose_deadly_system() -> None:
    """Take this system for every name."""
    selection.system_named = lambda name: DeadlySystem()
