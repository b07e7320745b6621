"""`flare` in a process of its own, with a system that needs no networks and dies of some scans:
`python -m tests.shared_command SECONDS ...`, with the seconds that each scan takes."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Mapping

from flarecli.cli.entry import main
from flarecli.steps import Steps
from flarecli.systems.base import Network, RegionRequest, Segmentation
from flarecli.volume import Volume
from flarecli.weights import selection
from tests.threshold_system import ThresholdSystem

DEADLY_HU = 1500
"""A scan with this voxel kills the process."""


class DeadlySystem(ThresholdSystem):
    """Takes its time, and is killed where memory would run out."""

    seconds = 0.0

    def segment(
        self, volume: Volume, networks: Mapping[str, Network], region: RegionRequest, steps: Steps
    ) -> Segmentation:
        if volume.voxels.max() == DEADLY_HU:
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(self.seconds)
        return super().segment(volume, networks, region, steps)


if __name__ == "__main__":
    DeadlySystem.seconds = float(sys.argv[1])
    selection.system_named = lambda name: DeadlySystem()
    sys.argv = ["flare", *sys.argv[2:]]
    main()
