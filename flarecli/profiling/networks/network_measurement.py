"""Measurements of one network at the input size of a case."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class NetworkMeasurement:
    """One network at one input size.

    Attributes:
        key: Its name within the system.
        input_shape: Shape of what it was given: (z, y, x), (channels, z, y, x), or (slices, channels, y, x).
        parameters: Numbers that training determines, and the moving statistics.
        multiply_adds: Of convolutions and dense layers, in one call.
        operations: Floating-point operations of one call; see `flarecli_models.flops`.
        activations_mb: Least memory for the tensors between its layers, MB (10^6 bytes), at the run's precision: each
            tensor freed after its last use.
        all_activations_mb: All these tensors together.
        calls: How often a case called it at this size.
        first_call_s: Seconds of the first call, which compiles where the backend does.
        call_s: Median seconds of a later call.
        first_call_rise_mb: Rise of the process's resident memory in the first call, above what it held before; None
            where the system does not tell.
        convolution_flops: Floating-point operations a second of its own costliest convolutions alone, at the same
            precision: what it could reach at most. None where it has none.
        allocator_peak_mb: Peak of the framework's GPU allocator in later calls; None without a GPU.
    """

    key: str
    input_shape: tuple[int, ...]
    parameters: int
    multiply_adds: int
    operations: int
    activations_mb: float
    all_activations_mb: float
    calls: int
    first_call_s: float
    call_s: float
    first_call_rise_mb: float | None
    allocator_peak_mb: float | None
    convolution_flops: float | None = None

    @property
    def achieved_flops(self) -> float:
        """Floating-point operations a second in a later call."""
        return self.operations / self.call_s

    @property
    def share_of_convolutions(self) -> float | None:
        """The achieved rate by that of its own convolutions; None where that is not known."""
        return None if not self.convolution_flops else self.achieved_flops / self.convolution_flops
