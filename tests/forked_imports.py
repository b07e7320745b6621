"""What processes that are forked have imported (`tests/forked_process.py`): no library that starts threads."""

from __future__ import annotations

import gc
from importlib import import_module

from flarecli.cli.startup.lighter_imports import leave_out_unused_parts

leave_out_unused_parts()  # as the command does, before nibabel is imported

for _name in (
    "cc3d",
    "flarecli.cli.evaluate",
    "flarecli.cli.main",
    "flarecli.cli.many_scans.running",
    "flarecli.cli.predict",
    "flarecli.cli.preprocess",
    "flarecli.metrics.evaluation",
    "flarecli.prediction.batch",
    "flarecli.prediction.case_lists",
    "flarecli.prediction.supervised.request",
    "flarecli.prediction.writing",
    "flarecli.preprocessing.run",
    "flarecli.systems.flarelite",
    "pydantic.type_adapter",  # of typer, for the options of a command
    "rich.console",
    "rich.table",
    "scipy.sparse",
    "tests.deadly_system",
):
    import_module(_name)

gc.freeze()  # what was imported stays, and the forked processes share its memory
