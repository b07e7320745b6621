"""Options of every verb that runs a system: system, weights, backend and device."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer


class Backend(StrEnum):
    """Choices of `--backend`."""

    auto = "auto"
    openvino = "openvino"
    tensorflow = "tensorflow"
    torch = "torch"
    jax = "jax"


class Device(StrEnum):
    """Choices of `--device`."""

    auto = "auto"
    cpu = "cpu"
    gpu = "gpu"


class Precision(StrEnum):
    """Choices of `--precision`."""

    auto = "auto"
    float32 = "float32"
    bfloat16 = "bfloat16"
    float16 = "float16"
    int8 = "int8"


SystemOption = Annotated[str, typer.Option(help="Segmentation system.")]
WeightsOption = Annotated[
    list[str] | None,
    typer.Option(help="Set of weights, folder or file; NETWORK=... for one network. May be given several times."),
]
BackendOption = Annotated[Backend, typer.Option(help="Inference backend.")]
DeviceOption = Annotated[Device, typer.Option(help="Device of the networks.")]
PrecisionOption = Annotated[
    Precision, typer.Option(help="Number type of the networks; auto: bfloat16, int8 or float32.")
]
GPU_LIMIT_HELP = "Limit of the process's GPU memory, MB; networks that need more run in slabs."
ThreadsOption = Annotated[
    int | None, typer.Option(min=1, help="Processor threads; by default all that are available to the process.")
]
