"""Processor, memory and GPUs of this machine."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from pathlib import Path

import psutil

from flarecli.counts import counted
from flarecli.doctor.check_result import CheckResult, CheckVerdict
from flarecli.hardware.processors import available_processors

FEATURES = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_int8", "asimd", "bf16", "sve")
"""What speeds networks up, by the names that Linux gives it: x86, then ARM."""

NEEDED_MB = 3000
"""What the largest network takes at most on OpenVINO: EfficientSegNet at 192 cubed in float32, with its scan."""

_CPU_INFO = Path("/proc/cpuinfo")
_GROUP = Path("/sys/fs/cgroup")


def machine_checks() -> Iterator[CheckResult]:
    """Processor, memory, GPUs."""
    yield processor_check(_text(_CPU_INFO))
    free_bytes = psutil.virtual_memory().available
    yield memory_check(available_memory_mb(free_bytes, _text(_GROUP / "memory.max"), _text(_GROUP / "memory.current")))
    yield _gpu_check()


def processor_check(cpu_info: str) -> CheckResult:
    """The processor and what it can do.

    Args:
        cpu_info: Content of `/proc/cpuinfo`; empty where there is none.
    """
    values = dict(_fields(cpu_info))
    flags = set((values.get("flags") or values.get("Features") or "").split())
    features = [feature for feature in FEATURES if feature in flags]
    name = values.get("model name") or platform.processor() or platform.machine()
    threads = available_processors()
    seen = f"{name}, {counted(threads, 'thread')}" + (f": {', '.join(features)}" if features else "")
    facts = {"name": name, "threads": threads, "features": features}
    if "flags" in values and "avx2" not in flags:
        return CheckResult(
            "processor", CheckVerdict.warning, f"{seen}; no AVX2", "Networks are slow without it.", facts
        )
    return CheckResult("processor", CheckVerdict.good, seen, facts=facts)


def memory_check(available_mb: float) -> CheckResult:
    """Whether the memory that is free suffices for every network."""
    facts = {"available_mb": available_mb, "needed_mb": NEEDED_MB}
    seen = f"{available_mb / 1000:.1f} GB available"
    if available_mb < NEEDED_MB:
        remedy = "End other programs, or use a smaller system (flare systems)."
        return CheckResult(
            "memory", CheckVerdict.warning, f"{seen}, up to {NEEDED_MB / 1000:g} GB needed", remedy, facts
        )
    return CheckResult("memory", CheckVerdict.good, seen, facts=facts)


def available_memory_mb(free_bytes: int, group_limit: str, group_use: str) -> float:
    """Memory that a new program may take, in MB (10^6 bytes): what the machine has free, or its group has left.

    Args:
        free_bytes: What the machine has free.
        group_limit: Content of the control group's `memory.max`: bytes, or "max"; empty where there is none.
        group_use: Content of its `memory.current`.
    """
    available = free_bytes
    if group_limit.strip().isdigit() and group_use.strip().isdigit():
        available = min(available, int(group_limit) - int(group_use))
    return available / 1e6


def _gpu_check() -> CheckResult:
    import pynvml

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return CheckResult("gpu", CheckVerdict.note, "no NVIDIA GPU with a driver", facts={"gpus": []})
    try:
        handles = [pynvml.nvmlDeviceGetHandleByIndex(index) for index in range(pynvml.nvmlDeviceGetCount())]
        gpus = [
            {"name": pynvml.nvmlDeviceGetName(handle), "memory_mb": pynvml.nvmlDeviceGetMemoryInfo(handle).total / 1e6}
            for handle in handles
        ]
        driver = pynvml.nvmlSystemGetDriverVersion()
    finally:
        pynvml.nvmlShutdown()
    seen = ", ".join(f"{gpu['name']} ({gpu['memory_mb'] / 1000:.0f} GB)" for gpu in gpus)
    return CheckResult("gpu", CheckVerdict.good, f"{seen}, driver {driver}", facts={"gpus": gpus, "driver": driver})


def _fields(text: str) -> Iterator[tuple[str, str]]:
    """Names and values of lines `name : value`; of several processors those of the last one."""
    for line in text.splitlines():
        name, colon, value = line.partition(":")
        if colon:
            yield name.strip(), value.strip()


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""
