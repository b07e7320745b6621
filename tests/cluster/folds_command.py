"""`flare train` in a process of its own, with a small network and a cache in memory, also on workers of a scheduler:
`python -m tests.cluster.folds_command SECONDS DEADLY ...`, with the seconds that each iteration takes, and the fold
whose process dies at its third iteration ("" for none)."""

from __future__ import annotations

import os
import sys

from flarecli.cli.entry import main
from flarecli.training import fold_training
from tests.cluster.small_folds import DEADLY, SECONDS, choose_small_network, small_fold_training

if __name__ == "__main__":
    os.environ[SECONDS], os.environ[DEADLY] = sys.argv[1:3]
    choose_small_network()
    fold_training.FoldTraining = small_fold_training
    sys.argv = ["flare", "train", *sys.argv[3:]]
    main()
