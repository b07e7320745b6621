"""All checks, in the order of the report."""

from __future__ import annotations

from collections.abc import Iterator

from flarecli.doctor.backends import backend_findings
from flarecli.doctor.finding import Finding, Verdict
from flarecli.doctor.folders import folder_findings
from flarecli.doctor.machine import machine_findings
from flarecli.doctor.packages import package_findings


def examine() -> Iterator[Finding]:
    """Look at packages, machine, folders, weights, and try each backend, which takes some seconds."""
    yield from package_findings()
    has_gpu = False
    for finding in machine_findings():
        has_gpu = has_gpu or bool((finding.facts or {}).get("gpus"))
        yield finding
    yield from folder_findings()
    yield weights_finding()
    for finding in backend_findings():
        yield finding
        if has_gpu and finding.subject == "predict" and (finding.facts or {}).get("device") == "cpu":
            yield Finding(
                "use of the gpu",
                Verdict.warning,
                "there is a GPU, but predict does not use it",
                "Install PyTorch or TensorFlow for GPUs (pip install 'flarecli[torch]').",
            )


def weights_finding() -> Finding:
    """Which systems have weights for all of their networks."""
    from flarecli.errors import FlareError
    from flarecli.systems import SYSTEM_NAMES
    from flarecli.weights.selection import weighted_system
    from flarecli.weights.store import installed_weights

    ready, lacking = [], []
    for name in SYSTEM_NAMES:
        try:
            weighted_system(name)
            ready.append(name)
        except FlareError as error:
            lacking.append((name, error))
    damaged = [str(found.problem) for found in installed_weights() if found.problem is not None]
    facts = {"ready": ready, "lacking": {name: error.as_dict() for name, error in lacking}, "damaged": damaged}
    if not ready:
        return Finding("weights", Verdict.bad, "none for any system", lacking[0][1].remedy, facts)
    names = ", ".join(name for name, _ in lacking)
    seen = f"for {', '.join(ready)}" + (f"; not for {names} (flare systems)" if lacking else "")
    if damaged:
        remedy = "Import or train them again, or remove them: `flare weights list` names them."
        return Finding("weights", Verdict.warning, f"{seen}; damaged: {damaged[0]}", remedy, facts)
    return Finding("weights", Verdict.good, seen, facts=facts)
