"""How many small scans an hour several processes and the workers of a scheduler do, over those of one process.

    python -m benchmarks.many_processes --scans 200 --seconds 0.2
    python -m benchmarks.many_processes --scans 200 --processor-time

Each scan takes the same time: the system waits in place of computing, so that what is measured is what reading,
writing and handing out cost, also on a machine that does other work. Rates are taken between the first and the last
result, without the start of processes. Ways take turns.

With `--processor-time` the milliseconds of processor time that each further scan costs are printed, of all processes
together: the difference between runs of all scans and of a fifth of them. It says what may be expected of cores that do
nothing else, also where it is measured on a machine that does.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.synthetic_ct import write_ct

WAYS: Mapping[str, tuple[int, tuple[str, ...]]] = {
    "one process": (1, ()),
    "--part, 2 processes": (2, ("--part", "{number}/{processes}")),
    "--share, 1 process": (1, ("--share",)),
    "--share, 2 processes": (2, ("--share",)),
    "--share, 4 processes": (4, ("--share",)),
    "--timeout 600": (1, ("--timeout", "600")),
    "--scheduler local:2": (1, ("--scheduler", "local:2")),
}


def run(arguments: Sequence[str], processes: int) -> None:
    """Run a command in several processes at once; `{number}` and `{processes}` in arguments stand for theirs."""
    running = []
    for number in range(1, processes + 1):
        own = [argument.format(number=number, processes=processes) for argument in arguments]
        running.append(subprocess.Popen([sys.executable, *own, "--quiet"], stderr=subprocess.DEVNULL))
    codes = [process.wait() for process in running]
    if any(codes):
        raise SystemExit(f"a process failed: {' '.join(arguments)}")


def rate(scans: Path, out: Path, seconds: float, processes: int, options: Sequence[str]) -> float:
    """Scans a second, between the first and the last result."""
    run(["-m", "tests.shared_command", str(seconds), "predict", str(scans), str(out), *options], processes)
    times = sorted(path.stat().st_mtime for path in out.glob("*.json"))
    last_started = len(times) // 5  # by then all processes are at work
    return (len(times) - 1 - last_started) / (times[-1] - times[last_started])


def processor_s(scans: Path, listed: Path, out: Path, processes: int, options: Sequence[str]) -> float:
    """Seconds of processor time of all processes for the scans of a list."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    run(["-m", "tests.shared_command", "0", "predict", str(out), "--from", str(listed), *options], processes)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def cost_ms(scans: Path, place: Path, processes: int, options: Sequence[str]) -> float:
    """Milliseconds of processor time that each further scan costs."""
    paths = sorted(scans.iterdir())
    seconds = []
    for count in (len(paths) // 5, len(paths)):
        listed, out = place / "listed", place / "out"
        listed.write_text("".join(f"{path}\n" for path in paths[:count]))
        seconds.append(processor_s(scans, listed, out, processes, options))
        shutil.rmtree(out)
    return 1000 * (seconds[1] - seconds[0]) / (len(paths) - len(paths) // 5)


def main() -> None:
    """Measure, and print the rates as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scans", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=0.2)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--processor-time", action="store_true")
    parser.add_argument("--only", nargs="*", choices=WAYS, default=list(WAYS), help="which ways")
    options = parser.parse_args()
    ways = {way: WAYS[way] for way in options.only}
    rates: dict[str, list[float]] = {way: [] for way in ways}
    with tempfile.TemporaryDirectory() as place:
        scans = Path(place, "scans")
        for number in range(options.scans):
            write_ct(scans / f"s{number:04}.nii.gz", seed=number)
        for _ in range(options.turns):
            for way, (processes, further) in ways.items():
                out = Path(place, "out")
                if options.processor_time:
                    rates[way].append(cost_ms(scans, Path(place), processes, further))
                else:
                    rates[way].append(rate(scans, out, options.seconds, processes, further))
                    shutil.rmtree(out)
                print(json.dumps({way: round(rates[way][-1], 2)}), file=sys.stderr, flush=True)
    if options.processor_time:
        print(json.dumps({way: round(statistics.median(values), 1) for way, values in rates.items()}))
        return
    one = statistics.median(rates[next(iter(ways))])
    print(json.dumps({way: round(statistics.median(values) / one, 3) for way, values in rates.items()}))


if __name__ == "__main__":
    main()
