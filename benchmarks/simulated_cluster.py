"""Simulate thousands of scans on hundreds of workers: stragglers, failures, and three ways to hand out the work.

    python -m benchmarks.simulated_cluster

* parts: each worker has every N-th scan (`--part I/N`); one that fails starts its part again where it was.
* claims: workers take the next scan (`--share`); the scan of one that failed is taken over when its claim was not
  renewed for 120 s, by a worker that has nothing else to begin.
* scheduler: as `--scheduler`; the scan of one that failed goes to another worker at once.

Seconds a scan are log-normal, so that few take much longer than most. Times between failures of a worker are
exponential; a new worker is there after ten minutes. Printed is the time until the last scan is done, as a multiple of
what the same seconds take when they are shared out evenly and nothing fails (mean of the repetitions).
"""

from __future__ import annotations

import argparse
import heapq
import json
import math
import random
from collections import deque
from collections.abc import Sequence

from flarecli.files.claims import DEAD_S

RESTART_S = 600.0
_WAYS = ("parts", "claims", "scheduler")


def drawn_seconds(count: int, median_s: float, spread: float, draw: random.Random) -> list[float]:
    """Seconds of each scan: log-normal, with this standard deviation of the logarithm."""
    return [draw.lognormvariate(math.log(median_s), spread) for _ in range(count)]


def makespan_of_parts(seconds: Sequence[float], workers: int, failures_an_hour: float, draw: random.Random) -> float:
    """When the last part is done: each worker does its own scans one by one."""
    return max(_alone(seconds[start::workers], failures_an_hour, draw) for start in range(workers))


def _alone(seconds: Sequence[float], failures_an_hour: float, draw: random.Random) -> float:
    now = 0.0
    fails_at = _next_failure(now, failures_an_hour, draw)
    for duration in seconds:
        while now + duration > fails_at:
            now = fails_at + RESTART_S
            fails_at = _next_failure(now, failures_an_hour, draw)
        now += duration
    return now


def makespan_of_queue(
    seconds: Sequence[float],
    workers: int,
    failures_an_hour: float,
    draw: random.Random,
    *,
    takeover_s: float,
    last: bool,
) -> float:
    """When the last scan is done: each free worker takes the next one.

    Args:
        seconds: Of each scan.
        workers: How many there are.
        failures_an_hour: Of one worker.
        draw: Where randomness comes from.
        takeover_s: How long after a failure another worker may take the scan.
        last: Whether scans of workers that failed wait until nothing else is left to be begun.
    """
    left = deque(seconds)
    orphans: list[tuple[float, float]] = []  # (from when on, seconds)
    free = [(0.0, number) for number in range(workers)]
    fails_at = [_next_failure(0.0, failures_an_hour, draw) for _ in range(workers)]
    finished = 0.0
    while free and (left or orphans):
        now, number = heapq.heappop(free)
        if now >= fails_at[number]:
            now = fails_at[number] + RESTART_S
            fails_at[number] = _next_failure(now, failures_an_hour, draw)
            heapq.heappush(free, (now, number))
            continue
        is_ready = bool(orphans) and orphans[0][0] <= now
        if is_ready and not (last and left):
            duration = heapq.heappop(orphans)[1]
        elif left:
            duration = left.popleft()
        elif orphans:
            heapq.heappush(free, (orphans[0][0], number))
            continue
        else:
            continue  # this worker has nothing to do any more; what others lose is in `orphans` already
        if now + duration > fails_at[number]:
            failed = fails_at[number]
            heapq.heappush(orphans, (failed + takeover_s, duration))
            heapq.heappush(free, (failed, number))
        else:
            finished = max(finished, now + duration)
            heapq.heappush(free, (now + duration, number))
    return finished


def _next_failure(now: float, an_hour: float, draw: random.Random) -> float:
    return math.inf if an_hour == 0 else now + draw.expovariate(an_hour / 3600)


def makespan(way: str, seconds: Sequence[float], workers: int, failures_an_hour: float, draw: random.Random) -> float:
    """Seconds until all is done, in one of the three ways."""
    if way == "parts":
        return makespan_of_parts(seconds, workers, failures_an_hour, draw)
    takeover_s = DEAD_S if way == "claims" else 0.0
    return makespan_of_queue(seconds, workers, failures_an_hour, draw, takeover_s=takeover_s, last=way == "claims")


def table(scans: int, median_s: float, repetitions: int, seed: int) -> list[dict[str, float | int | str]]:
    """One row for each number of workers, spread and rate of failures."""
    rows: list[dict[str, float | int | str]] = []
    for workers in (20, 200):
        for spread in (0.3, 0.8):
            for failures in (0.0, 0.01, 0.1):
                row: dict[str, float | int | str] = {"workers": workers, "spread": spread, "failures an hour": failures}
                for way in _WAYS:
                    ratios = []
                    for repetition in range(repetitions):
                        draw = random.Random(f"{seed} {repetition} {workers} {spread}")
                        seconds = drawn_seconds(scans, median_s, spread, draw)
                        ratios.append(makespan(way, seconds, workers, failures, draw) / (sum(seconds) / workers))
                    row[way] = round(sum(ratios) / len(ratios), 3)
                rows.append(row)
    return rows


def main() -> None:
    """Print the table as Markdown, or as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scans", type=int, default=10_000)
    parser.add_argument("--median-s", type=float, default=4.0)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rows = table(options.scans, options.median_s, options.repetitions, options.seed)
    if options.json:
        print(json.dumps(rows))
        return
    print("| " + " | ".join(rows[0]) + " |\n|" + "---|" * len(rows[0]))
    for row in rows:
        print("| " + " | ".join(map(str, row.values())) + " |")


if __name__ == "__main__":
    main()
