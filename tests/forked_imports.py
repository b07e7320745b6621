"""What processes that are forked have imported (`tests/forked_process.py`): no library that starts threads."""

from __future__ import annotations

from importlib import import_module

from flarecli.cli.startup.nibabel_import import leave_pydicom_out

leave_pydicom_out()  # as the command does, before nibabel is imported

for _name in (
    "flarecli.cli.evaluate",
    "flarecli.cli.many_scans.running",
    "flarecli.cli.predict",
    "flarecli.cli.preprocess",
    "flarecli.metrics.evaluation",
    "flarecli.prediction.batch",
    "flarecli.prediction.supervised.request",
    "flarecli.prediction.writing",
    "flarecli.preprocessing.run",
    "flarecli.systems.flarelite",
    "tests.deadly_system",
):
    import_module(_name)
