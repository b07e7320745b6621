"""Each network of each system on each backend and precision, with untrained weights, in processes of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.suite.rows import Row
from flarecli.engine.backend_choice import BACKENDS, is_installed
from flarecli.systems import SYSTEM_NAMES, system_named

_PRECISIONS = {"openvino": ("bfloat16", "float32"), "tensorflow": ("float32",), "torch": ("float32", "bfloat16")}


def rows(full: bool, _scans: list[Path]) -> Iterator[Row]:
    """Later calls of each network; the first one, which compiles, is in the note."""
    for system in SYSTEM_NAMES:
        for spec in system_named(system).networks:
            for backend in BACKENDS:
                if not is_installed(backend):
                    yield Row("networks", f"{system}/{spec.key}, {backend}", note="not run: not installed")
                    continue
                for precision in _PRECISIONS[backend] if full else _PRECISIONS[backend][:1]:
                    yield _row(system, spec.key, backend, precision, full=full)


def _row(system: str, key: str, backend: str, precision: str, *, full: bool) -> Row:
    name = f"{system}/{key}, {backend} {precision}"
    command = [sys.executable, "-m", "benchmarks.suite.one_network", system, key, backend, precision]
    with tempfile.TemporaryDirectory() as cache:
        # Graphs with untrained weights are nothing to keep.
        environment = {**os.environ, "FLARE_CACHE": cache}
        ended = subprocess.run(
            [*command, *(["--full"] if full else [])], capture_output=True, text=True, check=False, env=environment
        )
    if ended.returncode:
        lines = ended.stderr.strip().splitlines()
        return Row("networks", name, note=f"failed: {lines[-1] if lines else f'code {ended.returncode}'}")
    figures = json.loads(ended.stdout.splitlines()[-1])
    shape = "×".join(str(size) for size in figures["input_shape"])
    note = f"{shape}, {figures['gflops']:.0f} GFLOP/s, first call {figures['first_s']:.2f} s"
    return Row("networks", name, figures["call_s"], figures["cpu_s"], figures["peak_rss_mb"], note, figures)
