"""Round numbers along the axis of a plot."""

from __future__ import annotations

import math


def round_ticks(low: float, high: float, *, least_span: float = 1e-3, most: int = 6) -> tuple[float, ...]:
    """Round numbers at equal distances, the first at or below `low`, the last at or above `high`, at least two.

    Args:
        low: Lowest value.
        high: Highest value.
        least_span: The axis spans at least this.
        most: At most so many steps between the values.
    """
    span = max(high - low, least_span)
    step = next(
        step
        for step in (factor * 10.0**power for power in range(-4, 13) for factor in (1, 2, 5))
        if span / step <= most
    )
    first = math.floor(round(low / step, 6))
    last = math.ceil(round(high / step, 6))
    first -= first == last
    return tuple(tick * step for tick in range(first, last + 1))
