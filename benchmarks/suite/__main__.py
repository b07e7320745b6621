"""Runs all benchmarks, one after the other, and writes their rows as JSON and as a table.

    python -m benchmarks.suite [--full] [--only startup evaluate ...] [--output FOLDER] [SCAN ...]

The quick mode takes some minutes on two processors, the full one an hour. SCANs are profiled beside the phantoms.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks.suite import evaluation, networks, predict, startup, training
from benchmarks.suite.rows import Row, as_markdown, write_results

SUBJECTS = {
    "startup": startup.rows,
    "evaluate": evaluation.rows,
    "networks": networks.rows,
    "predict": predict.rows,
    "training": training.rows,
}


def main() -> None:
    """Run what is asked for; what cannot run becomes a row that says why."""
    options = _options()
    rows: list[Row] = []
    for subject in options.only:
        for row in SUBJECTS[subject](options.full, options.scans):
            print(as_markdown([row]).splitlines()[-1], file=sys.stderr, flush=True)
            rows.append(row)
            # After every row: an interrupted run keeps what it has.
            write_results(options.output, rows, mode="full" if options.full else "quick")
    print(as_markdown(rows))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scans", nargs="*", type=Path, metavar="SCAN", help="scans to profile beside the phantoms")
    parser.add_argument("--full", action="store_true", help="challenge sizes, every precision, training")
    parser.add_argument("--only", nargs="+", choices=SUBJECTS, default=list(SUBJECTS), help="some of the benchmarks")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results"), help="folder of the results")
    return parser.parse_args()


if __name__ == "__main__":
    main()
