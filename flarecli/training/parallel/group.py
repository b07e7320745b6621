"""The processes of one training, and what they tell each other."""

from __future__ import annotations

import datetime
import gc
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from flarecli.engine import Runtime
from flarecli.errors import UsageError
from flarecli.training.parallel.launch import Launch, present_launch

_LONGEST_WAIT = datetime.timedelta(hours=4)
"""For processes that are still at work, such as on scoring; of one that died, torchrun ends the others at once."""


@dataclass(frozen=True)
class Group:
    """The processes of a training; every one has to call the same methods in the same order.

    Attributes:
        launch: Which of them this one is. Alone, nothing is sent.
    """

    launch: Launch = field(default_factory=Launch)

    @property
    def is_first(self) -> bool:
        """Whether this process writes and reports."""
        return self.launch.is_first

    @property
    def size(self) -> int:
        """Number of processes."""
        return self.launch.size

    @property
    def rank(self) -> int:
        """Number of this process, from 0 on."""
        return self.launch.rank

    def highest(self, value: int) -> int:
        """The highest of the numbers that the processes have."""
        if self.size == 1:
            return value
        import torch

        told = torch.tensor([value], dtype=torch.int64)
        torch.distributed.all_reduce(told, op=torch.distributed.ReduceOp.MAX)
        return int(told.item())

    def mean(self, values: list[float]) -> list[float]:
        """The means of the numbers that the processes have, place by place; the same in all of them."""
        if self.size == 1:
            return values
        import torch

        told = torch.tensor(values, dtype=torch.float64)
        torch.distributed.all_reduce(told)
        return [float(value) / self.size for value in told]

    def gathered(self, value: Any) -> list[Any]:
        """What the processes have, by their number."""
        if self.size == 1:
            return [value]
        import torch

        told: list[Any] = [None] * self.size
        torch.distributed.all_gather_object(told, value)
        return told

    def from_first(self, value: Any) -> Any:
        """What the first process has; the others wait for it."""
        if self.size == 1:
            return value
        import torch

        told = [value]
        torch.distributed.broadcast_object_list(told, src=0)
        return told[0]


def joined_group(runtime: Runtime) -> Group:
    """The group of this process, which it joins when it is first asked for: alone where torchrun did not start it.

    Raises:
        UsageError: for another backend than PyTorch, and for more processes on a host than it has GPUs.
    """
    launch = present_launch()
    if launch.size == 1:
        return Group()
    if runtime.backend != "torch":
        raise UsageError(
            "several processes train with PyTorch alone",
            seen=f"--backend {runtime.backend}, {launch.size} processes",
            expected="--backend torch",
            remedy="Give --backend torch, or start one process.",
        )
    _join(runtime.device == "gpu", launch)
    return Group(launch)


@cache
def _join(on_gpu: bool, launch: Launch) -> None:
    import torch

    # What wraps the model imports these; imported when there is a group, some of their functions have it as the default
    # of an argument, a reference that keeps its threads: see `leave_group`.
    import torch._dynamo
    import torch.distributed.nn.functional

    if on_gpu:
        gpus = torch.cuda.device_count()
        if launch.local_size > gpus:
            raise UsageError(
                "there are more processes than GPUs on this host",
                seen=f"{launch.local_size} processes, {gpus} GPUs",
                remedy=f"Give torchrun --nproc-per-node {gpus}, or --device cpu.",
            )
        torch.cuda.set_device(launch.local_rank)
    torch.distributed.init_process_group("cpu:gloo,cuda:nccl" if on_gpu else "gloo", timeout=_LONGEST_WAIT)


def leave_group() -> None:
    """Leave the group at the end of the work, when the others are at its end, too; alone, nothing happens.

    Its threads must not meet the end of the interpreter: they abort the process when they release an object of Python's
    then. They end with the last reference to the group, which the trained model has.
    """
    if present_launch().size > 1 and _join.cache_info().currsize:
        import torch

        torch.distributed.barrier()
        torch.distributed.destroy_process_group()
        _join.cache_clear()
        gc.collect()
