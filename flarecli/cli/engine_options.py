"""Options of every verb that runs a system: which one, with which weights, on what."""

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
BackendOption = Annotated[Backend, typer.Option(help="What computes the networks.")]
DeviceOption = Annotated[Device, typer.Option(help="Where they are computed.")]
PrecisionOption = Annotated[
    Precision, typer.Option(help="Arithmetic of the networks; auto: bfloat16, int8 or float32.")
]
GPU_LIMIT_HELP = "Most GPU memory of the process, MB; networks run in slabs where they would take more."
ThreadsOption = Annotated[
    int | None, typer.Option(min=1, help="Processor threads; by default all that the process may use.")
]
