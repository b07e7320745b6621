"""All checks, in the order of the report."""

from __future__ import annotations

from collections.abc import Iterator

from flarecli.doctor.backends import backend_checks
from flarecli.doctor.check_result import CheckResult, CheckVerdict
from flarecli.doctor.folders import folder_checks
from flarecli.doctor.machine import machine_checks
from flarecli.doctor.packages import package_checks


def examine() -> Iterator[CheckResult]:
    """Check packages, machine, folders and weights, and try each backend, which takes some seconds."""
    yield from package_checks()
    has_gpu = False
    for result in machine_checks():
        has_gpu = has_gpu or bool((result.facts or {}).get("gpus"))
        yield result
    yield from folder_checks()
    yield weights_check()
    for result in backend_checks():
        yield result
        if has_gpu and result.subject == "predict" and (result.facts or {}).get("device") == "cpu":
            yield CheckResult(
                "use of the gpu",
                CheckVerdict.warning,
                "there is a GPU, but predict does not use it",
                "Install PyTorch or TensorFlow for GPUs (pip install 'flarecli[torch]').",
            )


def weights_check() -> CheckResult:
    """Which systems have weights for all of their networks."""
    from flarecli.errors import FlareError
    from flarecli.systems import SYSTEM_NAMES
    from flarecli.weights.selection import weighted_system
    from flarecli.weights.store import installed_weights

    try:
        installed = list(installed_weights())
    except FlareError as error:
        return CheckResult("weights", CheckVerdict.bad, error.problem, error.remedy)
    ready, lacking = [], []
    for name in SYSTEM_NAMES:
        try:
            weighted_system(name)
            ready.append(name)
        except FlareError as error:
            lacking.append((name, error))
    damaged = [str(found.problem) for found in installed if found.problem is not None]
    facts = {"ready": ready, "lacking": {name: error.as_dict() for name, error in lacking}, "damaged": damaged}
    if not ready:
        return CheckResult("weights", CheckVerdict.bad, "none for any system", lacking[0][1].remedy, facts)
    names = ", ".join(name for name, _ in lacking)
    seen = f"for {', '.join(ready)}" + (f"; not for {names} (flare systems)" if lacking else "")
    if damaged:
        remedy = "Import or train them again, or remove them: `flare weights list` names them."
        return CheckResult("weights", CheckVerdict.warning, f"{seen}; damaged: {damaged[0]}", remedy, facts)
    return CheckResult("weights", CheckVerdict.good, seen, facts=facts)
