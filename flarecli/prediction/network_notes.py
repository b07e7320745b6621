"""Warnings and facts of networks: layers of constant weights, and measures that saved memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from flarecli.engine import MemoryLimitedNetwork, Runtime
from flarecli.engine.weights.values import warning_of
from flarecli.systems.base import Network, Segmentation


def with_notes_of_networks(
    segmentation: Segmentation, networks: Mapping[str, Network], runtime: Runtime
) -> Segmentation:
    """Add the warnings and facts of the networks that made a segmentation."""
    return _with_memory_use(_with_constant_layers(segmentation, networks), networks, runtime)


def _with_constant_layers(segmentation: Segmentation, networks: Mapping[str, Network]) -> Segmentation:
    sentences = [warning_of(key, getattr(network, "constant_layers", ())) for key, network in networks.items()]
    told = tuple(sentence for sentence in sentences if sentence is not None)
    return replace(segmentation, warnings=(*segmentation.warnings, *told)) if told else segmentation


def _with_memory_use(segmentation: Segmentation, networks: Mapping[str, Network], runtime: Runtime) -> Segmentation:
    """Add how networks were run within the memory of their device, where that was limited."""
    uses = {
        key: network.take_memory_use() for key, network in networks.items() if isinstance(network, MemoryLimitedNetwork)
    }
    told: dict[str, Any] = {
        key: use.as_dict() for key, use in uses.items() if runtime.max_gpu_mb is not None or use.out_of_memory
    }
    if not told:
        return segmentation
    warnings = [use.warning(key) for key, use in uses.items()]
    return replace(
        segmentation,
        warnings=(*segmentation.warnings, *(sentence for sentence in warnings if sentence is not None)),
        facts={**segmentation.facts, "memory": told},
    )
