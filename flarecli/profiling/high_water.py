"""The kernel's own high-water mark of resident memory, reset between steps."""

from __future__ import annotations

import sys
from pathlib import Path

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")
_CLEAR_HIGH_WATER = "5"
"""Source: Linux, Documentation/filesystems/proc.rst, `/proc/PID/clear_refs`."""


class HighWater:
    """Peak resident memory of this process between marks; exact, where sampling could miss a short peak.

    Works on Linux. Elsewhere, and where `/proc` may not be written, every peak is None.
    """

    def __init__(self) -> None:
        self._works = sys.platform == "linux"

    def mark(self) -> float | None:
        """Peak in MB (10^6 bytes) since the last mark, or since the process began; then reset."""
        if not self._works:
            return None
        try:
            peak = _resident_mb("VmHWM")
            _CLEAR.write_text(_CLEAR_HIGH_WATER, encoding="ascii")
        except OSError:
            self._works = False
            return None
        return peak


def resident_mb() -> float | None:
    """Resident memory of this process now, in MB; None where the system does not tell."""
    return _resident_mb("VmRSS") if _STATUS.exists() else None


def _resident_mb(field: str) -> float | None:
    for line in _STATUS.read_text(encoding="ascii").splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024 / 1e6
    return None
