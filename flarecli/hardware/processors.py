"""How many processors this process may use."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path

from flarecli.hardware.control_groups import control_groups


def available_processors(root: Path = Path("/")) -> int:
    """Processors that this process may run on; fewer where the CPU quota of its container is less.

    With a thread for each processor of a large machine, a container with a quota of two uses it up in a fraction of
    each period and is throttled for the rest.

    Args:
        root: Where `proc` and `sys` are found.

    Returns:
        At least 1; a part of a processor counts as one.
    """
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min([allowed, *(math.ceil(quota) for quota in _quotas(root))]))


def _quotas(root: Path) -> Iterator[float]:
    """Processors' time that the control groups of this process may take, in processors. Source: Linux cgroups(7)."""
    for controllers, group in control_groups(root, "cpu"):
        try:
            if controllers:
                quota = (group / "cpu.cfs_quota_us").read_text(encoding="ascii")
                period = (group / "cpu.cfs_period_us").read_text(encoding="ascii")
            else:
                quota, period = (group / "cpu.max").read_text(encoding="ascii").split()
            if quota.strip() not in ("max", "-1"):
                yield int(quota) / int(period)
        except (OSError, ValueError, ZeroDivisionError):
            continue  # no limit there
