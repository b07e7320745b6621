"""Which backends there are, and whether they compute: each tried in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from flarecli.counts import counted
from flarecli.doctor.check_result import CheckResult, CheckVerdict
from flarecli.engine.backend_choice import BACKENDS, is_installed

AUTO = "auto"

_TIMEOUT_S = 180.0

_LARGEST_ERROR = {"float32": 1e-3, "bfloat16": 0.05, "float16": 0.01, "int8": 0.05}
"""Relative; rounding stays well below, a wrong convolution lies at 0.1 and above."""

Probe = Callable[[str], dict[str, Any]]


def run_probe(backend: str) -> dict[str, Any]:
    """What `flarecli.doctor.probe` prints for a backend, or `{"error": {...}}` where it fails in whatever way."""
    # -P: a file of the working folder must not stand in for a module.
    command = [sys.executable, "-P", "-m", "flarecli.doctor.probe", backend]
    # No graph of the probe's network among the user's.
    environment = {**os.environ, "FLARE_CACHE": "off", "TF_CPP_MIN_LOG_LEVEL": "3"}
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S, env=environment)
    except subprocess.TimeoutExpired:
        return {"error": {"problem": f"no answer within {_TIMEOUT_S:g} s", "remedy": "Try another backend."}}
    try:
        found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        last = (done.stderr.strip().splitlines() or [f"it ended with code {done.returncode}"])[-1]
        return {"error": {"problem": last, "remedy": "Install the package again, in another version."}}
    return found


def backend_checks(probe: Probe = run_probe) -> Iterator[CheckResult]:
    """What `flare predict` uses by default, then each backend; the one that it uses is tried once.

    Args:
        probe: Tries a backend, or "auto"; see `run_probe`.
    """
    installed = [backend for backend in BACKENDS if is_installed(backend)]
    expected = os.environ.get("KERAS_BACKEND", "openvino")  # without a GPU
    names = [AUTO, *(backend for backend in installed if backend != expected)]
    with ThreadPoolExecutor(len(names)) as pool:
        found = dict(zip(names, pool.map(probe, names), strict=True))
    if expected in installed:
        found[expected] = found[AUTO] if found[AUTO].get("backend") == expected else probe(expected)
    yield _check("predict", found[AUTO], CheckVerdict.bad)
    for backend in BACKENDS:
        if backend in found:
            yield _check(f"backend {backend}", found[backend], CheckVerdict.warning)
        else:
            extra = "" if backend == "openvino" else f"[{backend}]"
            yield CheckResult(f"backend {backend}", CheckVerdict.note, f"not installed (pip install 'flarecli{extra}')")


def _check(subject: str, found: dict[str, Any], failure: CheckVerdict) -> CheckResult:
    if "error" in found:
        error = found["error"]
        return CheckResult(subject, failure, error["problem"], error["remedy"], found)
    described = f"{found['backend']} {found['version']} on {found['device']}, {found['precision']}"
    described += f", {counted(found['threads'], 'thread')}"
    if not found["relative_error"] <= _LARGEST_ERROR[found["precision"]]:
        return CheckResult(
            subject,
            failure,
            f"{described}: 3-D convolutions come out wrong (relative error {found['relative_error']:.1g})",
            "Choose another backend with --backend, or install another version of this one.",
            found,
        )
    return CheckResult(subject, CheckVerdict.good, described, facts=found)
