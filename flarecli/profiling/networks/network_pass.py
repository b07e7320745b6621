"""Measures the networks of a system one by one, at the input sizes that the cases use."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from flarecli.engine import load_network
from flarecli.profiling.allocator import AllocatorPeak
from flarecli.profiling.high_water import HighWater, resident_mb
from flarecli.profiling.networks.convolution_rate import measured_convolution_rate
from flarecli.profiling.networks.network_measurement import NetworkMeasurement
from flarecli.profiling.processes.work import Done, Work
from flarecli.steps import Steps
from flarecli.systems.base import Network, NetworkSpec, RegionRequest
from flarecli.volume import read_volume
from flarecli.weights.selection import weighted_system

if TYPE_CHECKING:
    from flarecli.engine import Runtime


_MEASURED_CONVOLUTIONS = 3
"""Shapes of convolutions of which the fastest is the limit; they hold most of a network's multiply-adds."""


@dataclass(frozen=True)
class _Call:
    shape: tuple[int, ...]
    seconds: float
    rise_mb: float | None
    allocator_peak_mb: float | None


@dataclass
class _WatchedNetwork:
    """A network that records each call."""

    network: Network
    high_water: HighWater
    allocator: AllocatorPeak
    calls: list[_Call] = field(default_factory=list)

    def __call__(self, image: np.ndarray, /) -> np.ndarray:
        before_mb = resident_mb()
        self.high_water.mark()
        self.allocator.mark()
        start = time.perf_counter()
        scores = self.network(image)
        seconds = time.perf_counter() - start
        peak_mb = self.high_water.mark()
        rise_mb = None if peak_mb is None or before_mb is None else max(0.0, peak_mb - before_mb)
        self.calls.append(_Call(image.shape, seconds, rise_mb, self.allocator.mark()))
        return scores


def examine_networks(work: Work) -> Done:
    """Segment each case twice and measure each network in the second pass.

    Raises:
        FlareError: when a case cannot be read or segmented.
    """
    chosen = weighted_system(work.system, work.weights)
    system, paths = chosen.system, chosen.paths
    runtime = work.engine.start(system)
    high_water, allocator = HighWater(), AllocatorPeak()
    allocator.ready = True
    watched = {
        spec.key: _WatchedNetwork(
            load_network(spec.build, paths[spec.key], runtime, spec.output, sha256=chosen.cards[spec.key].sha256),
            high_water,
            allocator,
        )
        for spec in system.networks
    }
    by_case = []
    for case in work.cases:
        volume = read_volume(case.source())
        passes = []
        for _ in range(2):
            for network in watched.values():
                network.calls = []
            system.segment(volume, watched, RegionRequest(), Steps())
            passes.append({key: network.calls for key, network in watched.items()})
        first, second = passes
        figures = [
            _figures(spec, shape, runtime, first[spec.key], second[spec.key])
            for spec in system.networks
            for shape in dict.fromkeys(call.shape for call in second[spec.key])
        ]
        by_case.append((case.name, tuple(figures)))
    return Done(networks=tuple(by_case))


def _figures(
    spec: NetworkSpec, shape: tuple[int, ...], runtime: Runtime, first: list[_Call], second: list[_Call]
) -> NetworkMeasurement:
    from flarecli.engine.keras_import import import_keras

    import_keras()
    from flarecli_models.activations import count_activations
    from flarecli_models.flops import costliest_convolutions, count_operations

    model = spec.build()
    batch, spatial = _batch_and_spatial(model, shape)
    operations = count_operations(model, spatial)
    activations = count_activations(model, spatial, spec.output)
    megabytes = batch * runtime.activation_bytes / 1e6
    first_call = next((call for call in first if call.shape == shape), None)
    calls = [call for call in second if call.shape == shape]
    call_s = statistics.median(call.seconds for call in calls)
    allocated = [call.allocator_peak_mb for call in calls if call.allocator_peak_mb is not None]
    return NetworkMeasurement(
        key=spec.key,
        input_shape=shape,
        parameters=model.count_params(),
        multiply_adds=batch * operations.multiply_adds,
        operations=batch * operations.total,
        activations_mb=activations.largest_alive * megabytes,
        all_activations_mb=activations.all_together * megabytes,
        calls=len(calls),
        first_call_s=(first_call or calls[0]).seconds,
        call_s=call_s,
        first_call_rise_mb=None if first_call is None else first_call.rise_mb,
        allocator_peak_mb=max(allocated, default=None),
        convolution_flops=measured_convolution_rate(
            costliest_convolutions(model, spatial, _MEASURED_CONVOLUTIONS), runtime, batch * operations.total / call_s
        ),
    )


def _batch_and_spatial(model: Any, shape: tuple[int, ...]) -> tuple[int, tuple[int, ...]]:
    """Number of images in a call, and their size, from the shape of what a `Network` was given."""
    if len(model.inputs[0].shape) == 5:
        return 1, shape[-3:]
    return shape[0], shape[-2:]
