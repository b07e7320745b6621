"""Shares of a run's time: imports, reading, networks, and the rest."""

from __future__ import annotations

from itertools import pairwise

from flarecli.profiling.run_profile import RunProfile
from flarecli.profiling.step_meter import STARTING_STEP

IMPORT, READ, NETWORK, OTHER = "import", "read", "network", "other"

KINDS = {
    "locate": NETWORK,
    "refine": NETWORK,
    "localize": NETWORK,
    "segment": NETWORK,
    "read": READ,
    STARTING_STEP: IMPORT,
    "load": IMPORT,
}
"""By step: what it counts as. The start of the process is the interpreter and imports, and so is loading beside it."""

_FIRST = (NETWORK, READ, IMPORT, OTHER)
"""Of steps at one time the first of these counts: what the run could not do without."""


def shares_of_run(run: RunProfile) -> dict[str, float]:
    """The parts of a run's time that each kind took, which sum to 1; every moment counts once.

    Args:
        run: With its spans; not a median.
    """
    edges = sorted({edge for span in run.spans for edge in (span.start_s, span.end_s)})
    seconds = dict.fromkeys((IMPORT, READ, NETWORK, OTHER), 0.0)
    for start, end in pairwise(edges):
        kinds = {KINDS.get(span.name, OTHER) for span in run.spans if span.start_s <= start and end <= span.end_s}
        seconds[next((kind for kind in _FIRST if kind in kinds), OTHER)] += end - start
    whole = sum(seconds.values())
    return {kind: taken / whole if whole else 0.0 for kind, taken in seconds.items()}
