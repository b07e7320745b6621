"""`flare` in a process of its own, with a system that needs no networks and dies of some scans:
`python -m tests.shared_command SECONDS ...`, with the seconds that each scan takes."""

from __future__ import annotations

import os
import sys

from flarecli.cli.entry import main
from flarecli.prediction.supervised import request
from tests.deadly_system import SECONDS, DeadlyRequest, choose_deadly_system

if __name__ == "__main__":
    os.environ[SECONDS] = sys.argv[1]
    choose_deadly_system()
    request.PredictionRequest = DeadlyRequest
    sys.argv = ["flare", *sys.argv[2:]]
    main()
