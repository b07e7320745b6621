"""`flare` in a process of its own that may write no large files: `python -m tests.limited_command BYTES ...`.

The system is one that needs no networks.
"""

from __future__ import annotations

import resource
import sys

from flarecli.cli.entry import main
from flarecli.weights import selection
from tests.threshold_system import ThresholdSystem

if __name__ == "__main__":
    most_bytes = int(sys.argv[1])
    if most_bytes >= 0:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, most_bytes))
    selection.system_named = lambda name: ThresholdSystem()
    sys.argv = ["flare", *sys.argv[2:]]
    main()
