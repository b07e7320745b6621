"""All golden cases, by the file that holds their arrays."""

from __future__ import annotations

from tests.golden import layers, losses, networks, scores, steps
from tests.golden.case import GoldenCase

AREAS: dict[str, dict[str, GoldenCase]] = {
    "networks": networks.CASES,
    "layers": layers.CASES,
    "losses": losses.CASES,
    "steps": steps.CASES,
    "scores": scores.CASES,
}
