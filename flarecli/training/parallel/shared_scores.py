"""Scoring of held-out scans, shared out among the processes of a training."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice, zip_longest

from flarecli.training.parallel.group import Group
from flarecli.training.scoring import CaseScores
from flarecli.training.views.scan import LabelledScan


def shared_scores(
    group: Group,
    scans: Iterator[tuple[str, LabelledScan]],
    score: Callable[[Iterator[tuple[str, LabelledScan]]], list[CaseScores]],
) -> list[CaseScores]:
    """The scores of all scans, of which each process scores every n-th one.

    Args:
        group: The processes.
        scans: Names and scans, the same ones in every process.
        score: Scores scans.

    Returns:
        The scores of all scans in their order, in every process.
    """
    shares = group.gathered(score(islice(scans, group.rank, None, group.size)))
    return [result for row in zip_longest(*shares) for result in row if result is not None]
