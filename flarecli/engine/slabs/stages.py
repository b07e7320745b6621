"""Partitions a network's graph into stages: each computes one tensor that is kept in host memory, from kept tensors.

The tensors between are computed slab by slab and never exist as a whole. Kept are: tensors that several operations use,
unless they are cheap to compute from a kept one; those whose moments are needed; those that an operation needs as a
whole; and, to limit what neighbouring slabs compute twice, the results of a number of convolutions, or of one before
it is joined with another branch.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flarecli.engine.slabs.treatment import Treatment


@dataclass(frozen=True)
class Stage:
    """The nodes that compute one kept tensor from others.

    Attributes:
        target: Symbol of the tensor that it computes.
        sources: Symbols of the kept tensors that it reads.
        nodes: Nodes of the graph in an order in which they can be computed.
    """

    target: Any
    sources: tuple[Any, ...]
    nodes: tuple[Any, ...]


def cut_into_stages(
    nodes: Sequence[Any], source: Any, wanted: Any, treatments: Mapping[int, Treatment], longest_chain: int
) -> list[Stage]:
    """Partition a graph.

    Args:
        nodes: The nodes that lead from `source` to `wanted`, in an order in which they can be computed.
        source: Symbol of the network's input.
        wanted: Symbol of its output.
        treatments: Treatment of each node, by the node's id.
        longest_chain: Convolutions that may follow each other within a stage.

    Returns:
        Stages in an order in which they can be computed; the last one computes `wanted`.
    """
    kept = {id(source), id(wanted)} | _kept_by_their_users(nodes, treatments)
    kept |= _kept_against_repetition(nodes, treatments, kept, longest_chain)
    makers = {id(tensor): node for node in nodes for tensor in node.outputs}
    targets = [tensor for node in nodes for tensor in node.outputs if id(tensor) in kept]
    return [_stage_of(target, nodes, kept, makers) for target in targets]


def _kept_by_their_users(nodes: Sequence[Any], treatments: Mapping[int, Treatment]) -> set[int]:
    kept = set()
    for node in nodes:
        treatment = treatments[id(node)]
        if treatment.needs_moments or treatment.is_whole or len(node.outputs) > 1:
            kept |= {id(tensor) for tensor in node.input_tensors}
        if treatment.is_whole:
            kept |= {id(tensor) for tensor in node.outputs}
    return kept


def _kept_against_repetition(
    nodes: Sequence[Any], treatments: Mapping[int, Treatment], already_kept: set[int], longest_chain: int
) -> set[int]:
    uses = Counter(id(tensor) for node in nodes for tensor in node.input_tensors)
    kept = set(already_kept)
    chain: dict[int, int] = {}
    follows_cheaply = set()

    def chain_of(tensor: Any) -> int:
        return 0 if id(tensor) in kept else chain.get(id(tensor), 0)

    for node in nodes:
        treatment = treatments[id(node)]
        longest = longest_chain - treatment.spreads if len(node.input_tensors) == 1 else 0
        kept |= {id(tensor) for tensor in node.input_tensors if chain_of(tensor) > longest}
        length = max((chain_of(tensor) for tensor in node.input_tensors), default=0) + treatment.spreads
        entering = [id(tensor) for tensor in node.input_tensors]
        is_cheap = treatment.is_cheap and len(entering) == 1 and (entering[0] in kept or entering[0] in follows_cheaply)
        for tensor in node.outputs:
            chain[id(tensor)] = length
            if is_cheap:
                follows_cheaply.add(id(tensor))
            elif uses[id(tensor)] > 1:
                kept.add(id(tensor))
    return kept


def _stage_of(target: Any, nodes: Sequence[Any], kept: set[int], makers: Mapping[int, Any]) -> Stage:
    sources: dict[int, Any] = {}
    members = set()
    open_nodes = [makers[id(target)]]
    while open_nodes:
        node = open_nodes.pop()
        if id(node) in members:
            continue
        members.add(id(node))
        for tensor in node.input_tensors:
            if id(tensor) in kept:
                sources[id(tensor)] = tensor
            else:
                open_nodes.append(makers[id(tensor)])
    return Stage(target, tuple(sources.values()), tuple(node for node in nodes if id(node) in members))
