"""Control groups: where Linux keeps the limits of a process or container. Source: Linux cgroups(7)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

_GROUPS = "sys/fs/cgroup"


def control_groups(root: Path, controller: str) -> Iterator[tuple[str, Path]]:
    """The groups that may limit this process: their controllers, none in version 2, and their folders.

    Within a container the process's own group is the root of what is mounted, whatever it is called outside.

    Args:
        root: Where `proc` and `sys` are found.
        controller: "cpu" or "memory".
    """
    try:
        lines = (root / "proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        mounted = root / _GROUPS / controllers
        own = mounted / path.lstrip("/")
        for group in (own, *own.parents):
            yield controllers, group
            if group == mounted:
                break
