"""The GPU as NVML, NVIDIA's management library, reports it: memory of the device and of one process, energy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_MIB = 2**20


@dataclass(frozen=True)
class GpuReading:
    """Memory of a GPU at one moment.

    Attributes:
        used_mb: In use on the whole device, all processes together, MB (10^6 bytes).
        taken_mib: Total less free, MiB (2^20 bytes): what the FLARE scripts read. On drivers since R510 it includes
            what the driver reserves for itself, about 300 to 600 MiB on an idle GPU.
        process_mb: Of the one process, MB; None where NVML does not tell.
        energy_j: Energy that the whole device has used since its driver was loaded, J; None where it does not count.
    """

    used_mb: float
    taken_mib: float
    process_mb: float | None
    energy_j: float | None


@dataclass(frozen=True)
class NoGpu:
    """Why there are no figures of a GPU.

    Attributes:
        reason: One sentence for the user.
    """

    reason: str


class Gpu:
    """One GPU, or one instance of a GPU that is split (MIG).

    Attributes:
        name: Name of the device.
        driver: Version of the driver.
        notes: What the user must know about the figures, one sentence each.
    """

    def __init__(self, nvml: Any, device: Any, *, notes: tuple[str, ...] = ()) -> None:
        self._nvml = nvml
        self._device = device
        self.name = str(_text(nvml.nvmlDeviceGetName(device)))
        self.driver = str(_text(nvml.nvmlSystemGetDriverVersion()))
        self.notes = list(notes)
        self._memory_version: int | None = nvml.nvmlMemory_v2
        self._process_is_readable = True
        self._energy_is_counted = True

    def read(self, pid: int | None = None) -> GpuReading | None:
        """Read the memory now; None, with a note, where the device does not answer.

        Args:
            pid: The process to look for; None leaves `process_mb` empty.
        """
        try:
            memory = self.memory()
        except self._nvml.NVMLError as error:
            self._note(f"The GPU stopped answering: {error}.")
            return None
        process = None if pid is None else self._process_bytes(pid)
        return GpuReading(
            used_mb=memory.used / 1e6,
            taken_mib=(memory.total - memory.free) / _MIB,
            process_mb=None if process is None else process / 1e6,
            energy_j=self._energy_j(),
        )

    def close(self) -> None:
        """Shut NVML down."""
        self._nvml.nvmlShutdown()

    def memory(self) -> Any:
        """NVML's own structure with `total`, `free` and `used`, bytes.

        Raises:
            NVMLError: when the device does not answer.
        """
        if self._memory_version is not None:
            try:
                # Version 2 tells "used" without the driver's own reserve; drivers before R510 do not know it.
                return self._nvml.nvmlDeviceGetMemoryInfo(self._device, version=self._memory_version)
            except self._nvml.NVMLError:
                self._memory_version = None
        return self._nvml.nvmlDeviceGetMemoryInfo(self._device)

    def _process_bytes(self, pid: int) -> int | None:
        """Memory of the process; None where NVML does not list it, or lists it without its memory."""
        if not self._process_is_readable:
            return None
        try:
            listed = [
                *self._nvml.nvmlDeviceGetComputeRunningProcesses(self._device),
                *self._nvml.nvmlDeviceGetGraphicsRunningProcesses(self._device),
            ]
        except (self._nvml.NVMLError, self._nvml.NVMLLibraryMismatchError) as error:
            self._process_is_readable = False
            self._note(f"NVML does not list the processes of this GPU ({error}): their memory is not known.")
            return None
        own = [process.usedGpuMemory for process in listed if process.pid == pid]
        if any(used is None for used in own):
            self._process_is_readable = False
            where = "under WSL" if runs_under_wsl() else "with this driver (WDDM, WSL, or without permission)"
            self._note(f"NVML lists the process without its memory, as it does {where}: use the other figures.")
            return None
        # A process with both kinds of context is listed twice, with the same memory.
        return max(own, default=None)

    def _energy_j(self) -> float | None:
        if not self._energy_is_counted:
            return None
        try:
            return float(self._nvml.nvmlDeviceGetTotalEnergyConsumption(self._device)) / 1e3
        except self._nvml.NVMLError as error:
            self._energy_is_counted = False
            self._note(f"The GPU does not tell its energy ({error}).")
            return None

    def _note(self, sentence: str) -> None:
        if sentence not in self.notes:
            self.notes.append(sentence)


def open_gpu(environment: Mapping[str, str]) -> Gpu | NoGpu:
    """Open the GPU that a process with these environment variables would compute on.

    The first entry of `CUDA_VISIBLE_DEVICES` decides, else the first GPU. Of a GPU that is split (MIG) it is the
    instance named there, else the first one.
    """
    import pynvml

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as error:
        return NoGpu(_why_not_started(pynvml, error))
    try:
        if not pynvml.nvmlDeviceGetCount():
            pynvml.nvmlShutdown()
            return NoGpu("The NVIDIA driver is there, but it sees no GPU.")
        chosen = environment.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0].strip()
        if chosen in ("", "-1", "NoDevFiles"):
            pynvml.nvmlShutdown()
            return NoGpu("CUDA_VISIBLE_DEVICES hides every GPU.")
        return _opened(pynvml, chosen)
    except pynvml.NVMLError as error:
        pynvml.nvmlShutdown()
        if isinstance(error, pynvml.NVMLError_NoPermission):
            return NoGpu(
                "No permission to read this GPU through NVML: in a container give it the device and the 'utility' "
                "capability, with MIG the instance; or ask the administrator."
            )
        return NoGpu(f"NVML cannot read this GPU: {error}.")


def runs_under_wsl() -> bool:
    """Whether this is the Windows Subsystem for Linux."""
    version = Path("/proc/version")
    return version.exists() and "microsoft" in version.read_text(encoding="utf-8", errors="replace").lower()


def _opened(nvml: Any, chosen: str) -> Gpu:
    by_index = chosen.isascii() and chosen.isdecimal()
    device = nvml.nvmlDeviceGetHandleByIndex(int(chosen)) if by_index else nvml.nvmlDeviceGetHandleByUUID(chosen)
    notes: list[str] = []
    if by_index and _is_split(nvml, device):
        instance = _first_instance(nvml, device)
        if instance is None:
            notes.append("MIG is on and has no instance: the figures are of the whole GPU, where it gives any.")
        else:
            device = instance
            notes.append("MIG splits this GPU: the figures are of its first instance.")
    elif chosen.startswith("MIG-"):
        notes.append("MIG splits this GPU: the figures are of the instance that CUDA_VISIBLE_DEVICES names.")
    gpu = Gpu(nvml, device, notes=tuple(notes))
    gpu.memory()
    return gpu


def _is_split(nvml: Any, device: Any) -> bool:
    try:
        current, _pending = nvml.nvmlDeviceGetMigMode(device)
    except nvml.NVMLError:
        return False  # GPUs that cannot be split do not know the question
    return bool(current == nvml.NVML_DEVICE_MIG_ENABLE)


def _first_instance(nvml: Any, device: Any) -> Any | None:
    for index in range(nvml.nvmlDeviceGetMaxMigDeviceCount(device)):
        try:
            return nvml.nvmlDeviceGetMigDeviceHandleByIndex(device, index)
        except nvml.NVMLError_NotFound:
            continue
    return None


def _why_not_started(nvml: Any, error: Exception) -> str:
    if isinstance(error, nvml.NVMLError_LibraryNotFound):
        return "No NVIDIA driver was found (NVML's library is absent): no figures of a GPU."
    if isinstance(error, nvml.NVMLError_DriverNotLoaded):
        return "The NVIDIA driver is installed but not loaded: no figures of a GPU."
    if isinstance(error, nvml.NVMLError_NoPermission):
        return "No permission to talk to the NVIDIA driver: check the rights on /dev/nvidia*."
    if isinstance(error, nvml.NVMLError_LibRmVersionMismatch):
        return "NVML and the NVIDIA driver are of different versions, as after an update: restart the machine."
    return f"NVML did not start: {error}."


def _text(value: str | bytes) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
