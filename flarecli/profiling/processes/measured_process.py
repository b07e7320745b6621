"""Runs a program in a fresh process and samples it from here."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from flarecli.errors import InstallationError
from flarecli.files.refusals import write_errors
from flarecli.hardware.nvml import Gpu
from flarecli.profiling.sampler import Sample, Sampler, SamplingCost


@dataclass(frozen=True)
class Measured:
    """A process that has ended, seen from outside.

    Attributes:
        start_s: When it was started, by `time.monotonic`.
        end_s: When it had ended.
        cpu_s: Processor seconds, as counted by the kernel.
        samples: The samples, from just before its start to just after its end.
        sampling: What these cost.
        exit_code: How it ended; negative is the signal that ended it.
        printed: Its standard output.
        last_error_line: The last line of its standard error.
    """

    start_s: float
    end_s: float
    cpu_s: float
    samples: tuple[Sample, ...]
    sampling: SamplingCost
    exit_code: int
    printed: str
    last_error_line: str

    @property
    def wall_s(self) -> float:
        """Seconds from its start to its end."""
        return self.end_s - self.start_s

    def breakdown(self) -> InstallationError:
        """The error of a process that ended without a result."""
        if self.exit_code < 0:
            return InstallationError(
                "the measured process was killed",
                seen=f"signal {-self.exit_code}; {self.last_error_line}",
                remedy="Most likely the memory ran out: profile a smaller scan, or on a machine with more memory.",
            )
        return InstallationError(
            "the measured process failed",
            seen=self.last_error_line,
            remedy="Run the same system with `flare predict --verbose`, which shows where it fails.",
        )


def measure_module(module: str, arguments: Sequence[object], *, gpu: Gpu | None, period_s: float) -> Measured:
    """Run `python -m module arguments` and measure it; the caller must have no other child process."""
    # -P: a file of the working folder must not stand in for a module.
    command = [sys.executable, "-P", "-m", module, *map(str, arguments)]
    with (
        write_errors(Path(tempfile.gettempdir())),
        tempfile.TemporaryFile() as output,
        tempfile.TemporaryFile() as errors,
    ):
        with Sampler(gpu, period_s) as sampler:
            cpu_before, start_s = _cpu_of_children_s(), time.monotonic()
            try:
                process = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=output, stderr=errors, env=measured_environment()
                )
            except OSError as error:
                raise InstallationError(
                    "another process could not be started",
                    seen=error.strerror,
                    remedy="Memory or the number of processes is used up: end other programs.",
                ) from error
            try:
                sampler.watch(process.pid)
                process.wait()
            finally:
                process.kill()
                process.wait()
            end_s, cpu_s = time.monotonic(), _cpu_of_children_s() - cpu_before
        printed, errors_text = (_text_of(file) for file in (output, errors))
    return Measured(
        start_s=start_s,
        end_s=end_s,
        cpu_s=cpu_s,
        samples=tuple(sampler.samples),
        sampling=sampler.cost,
        exit_code=process.returncode,
        printed=printed,
        last_error_line=next((line for line in reversed(errors_text.splitlines()) if line.strip()), "no message"),
    )


def measured_environment() -> dict[str, str]:
    """The environment of measured processes: CUDA counts GPUs in the order in which NVML does."""
    return {"CUDA_DEVICE_ORDER": "PCI_BUS_ID", **os.environ}


def _cpu_of_children_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _text_of(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode("utf-8", errors="replace")
