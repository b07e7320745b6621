"""What `torchrun` tells each of the processes that it starts, by environment variables."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from flarecli.errors import UsageError

_MARK = "TORCHELASTIC_RUN_ID"
"""Set by torchrun; schedulers set `RANK` and the like for programs of other kinds, too."""


@dataclass(frozen=True)
class Launch:
    """Which process of how many this one is.

    Attributes:
        rank: From 0 on; the first one writes what there is to write.
        size: Number of processes, on all hosts.
        local_rank: From 0 on, among those of this host.
        local_size: Number of processes of this host.
    """

    rank: int = 0
    size: int = 1
    local_rank: int = 0
    local_size: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this process writes and reports."""
        return self.rank == 0


def present_launch(environment: Mapping[str, str] = os.environ) -> Launch:
    """How this process was started; alone, where that was not by torchrun.

    Raises:
        UsageError: when torchrun's variables are not complete.
    """
    if _MARK not in environment:
        return Launch()
    names = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")
    try:
        return Launch(*(int(environment[name]) for name in names))
    except (KeyError, ValueError):
        raise UsageError(
            "the environment is not the one of a process of torchrun",
            seen=", ".join(f"{name}={environment.get(name)}" for name in names),
            expected=f"numbers in {', '.join(names)}, with {_MARK}",
            remedy="Start it with torchrun, or unset these variables.",
        ) from None
