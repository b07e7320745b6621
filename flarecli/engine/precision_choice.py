"""Selection of the number type of networks: those that processor, backend and network support, and the fastest one."""

from __future__ import annotations

import platform
from dataclasses import dataclass

from flarecli.errors import InstallationError, UsageError
from flarecli_models.openvino_import import import_openvino

PRECISIONS = ("float32", "bfloat16", "float16", "int8")

_X86 = ("x86_64", "amd64")


@dataclass(frozen=True)
class Int8Support:
    """Whether the convolutions of networks may be computed on 8-bit integers, on OpenVINO.

    Attributes:
        allowed: Whether they may.
        by_default: Whether they are where nobody says: on x86 processors without bfloat16.
        reason: Why they may not.
    """

    allowed: bool
    by_default: bool = False
    reason: str = "int8 needs instance normalisation before every convolution, as flarelite's networks have it"


INT8_BY_DEFAULT = Int8Support(allowed=True, by_default=True)
INT8_ON_REQUEST = Int8Support(allowed=True)
NO_INT8 = Int8Support(allowed=False)


def processor_computes_bfloat16() -> bool:
    """Whether convolutions in bfloat16 are computed by the processor's vector instructions; OpenVINO knows."""
    return "BF16" in import_openvino().Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def framework_precision(device: str, precision: str) -> str:
    """The number type of TensorFlow or PyTorch on a device, where `precision`, or "auto", was requested.

    Raises:
        UsageError: for float16 on a processor.
        InstallationError: for bfloat16 on a processor that does not compute it.
    """
    # Measured on a CPU with a 3x3x3 convolution of 32 channels: float16 takes 20 times as long as float32 on
    # TensorFlow 2.21 and 100 times as long on PyTorch 2.13.
    if device == "cpu" and precision == "float16":
        raise UsageError(
            "float16 networks need a GPU",
            seen="--precision float16 on the CPU",
            expected="float32 or bfloat16",
            remedy="Choose one of those.",
        )
    if device == "cpu":
        check_bfloat16(precision)
    return "float32" if precision == "auto" else precision


def fastest_openvino_precision(int8: Int8Support) -> str:
    """The fastest number type of OpenVINO on this processor that needs no request.

    Args:
        int8: What the networks allow. On Arm OpenVINO's convolutions on integers are not measured.
    """
    if processor_computes_bfloat16():
        return "bfloat16"
    return "int8" if int8.by_default and platform.machine().lower() in _X86 else "float32"


def check_int8(backend: str, int8: Int8Support) -> None:
    """Refuse int8 where the backend or the networks do not support it.

    Raises:
        UsageError: then.
    """
    if backend != "openvino":
        raise UsageError(
            f"{backend} does not compute these networks in int8",
            seen="--precision int8",
            remedy="Use --backend openvino, or another precision.",
        )
    if not int8.allowed:
        raise UsageError(
            f"these networks are not computed in int8: {int8.reason}",
            seen="--precision int8",
            expected="float32 or, where the processor has it, bfloat16",
            remedy="Choose another precision, or leave the choice to --precision auto.",
        )


def check_bfloat16(precision: str) -> None:
    """Refuse bfloat16 where the processor does not compute it.

    Raises:
        InstallationError: then.
    """
    # Measured on a processor with AVX2 alone: the localization network of EfficientSCN comes out four times as far from
    # float32 on TensorFlow 2.21 as with instructions for bfloat16 (it sums in bfloat16), and a 3x3x3 convolution of 32
    # channels takes 18 times as long as in float32 on PyTorch 2.13.
    if precision == "bfloat16" and not processor_computes_bfloat16():
        raise InstallationError("this processor does not compute bfloat16", remedy="Use --precision float32 or auto.")
