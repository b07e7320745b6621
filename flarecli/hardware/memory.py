"""How much memory this process has taken, and how much it can still get."""

from __future__ import annotations

import ctypes
import resource
import sys
from collections.abc import Iterator
from pathlib import Path

from flarecli.hardware.control_groups import control_groups


def return_freed_memory() -> None:
    """Give what this process has freed back to the system, where the C library is glibc; takes milliseconds."""
    library = ctypes.CDLL(None)
    if hasattr(library, "malloc_trim"):
        library.malloc_trim(0)


def peak_rss_mb() -> float:
    """Largest resident memory of this process so far, in MB (10^6 bytes).

    On Linux from the kernel's own high-water mark: `getrusage` there starts from that of the parent process.
    """
    if sys.platform == "linux":
        for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024 / 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6


def available_bytes(root: Path = Path("/")) -> float:
    """Memory that this process can still take without swapping: the least of what the machine has free, its control
    groups allow, and `ulimit -v` leaves; infinite where nothing of this is known.

    Args:
        root: Where `proc` and `sys` are found.
    """
    return min([_free_bytes(root), _address_space_bytes(root), *_control_group_bytes(root)])


def _free_bytes(root: Path) -> float:
    try:
        for line in (root / "proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024.0
    except (OSError, ValueError):
        pass
    import psutil

    return float(psutil.virtual_memory().available)


def _address_space_bytes(root: Path) -> float:
    """What is left of the limit of the address space (`ulimit -v`)."""
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit == resource.RLIM_INFINITY:
        return float("inf")
    try:
        pages = int((root / "proc/self/statm").read_text(encoding="ascii").split()[0])
    except (OSError, ValueError):
        return float(limit)
    return max(0.0, limit - pages * resource.getpagesize())


def _control_group_bytes(root: Path) -> Iterator[float]:
    """What the limits of the control groups leave; files that the kernel can drop from its cache count as free."""
    for controllers, group in control_groups(root, "memory"):
        limit_name, used_name = (
            ("memory.limit_in_bytes", "memory.usage_in_bytes")
            if controllers
            else (
                "memory.max",
                "memory.current",
            )
        )
        try:
            limit = (group / limit_name).read_text(encoding="ascii").strip()
            if limit == "max":
                continue
            used = int((group / used_name).read_text(encoding="ascii"))
            cached = _inactive_file_bytes(group)
            yield max(0.0, float(int(limit) - used + cached))
        except (OSError, ValueError):
            continue  # no limit there


def _inactive_file_bytes(group: Path) -> int:
    for line in (group / "memory.stat").read_text(encoding="ascii").splitlines():
        if line.startswith(("inactive_file ", "total_inactive_file ")):
            return int(line.split()[1])
    return 0
