"""How well reading, inference and writing of many scans overlap, and whether memory stays where it is.

    python -m benchmarks.predict_folder FOLDER [--system NAME] [--weights SET]

Segments all scans of a folder once in the usual way and once stage by stage, after one scan to warm up, and prints
both as JSON: seconds a scan, the sum of each stage alone, and resident memory after each scan.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections import defaultdict
from pathlib import Path

from flarecli.hardware.memory import peak_rss_mb
from flarecli.prediction.batch import predict_cases
from flarecli.prediction.cases import find_cases
from flarecli.prediction.output_options import OutputOptions
from flarecli.prediction.predictor import Predictor
from flarecli.steps import Steps
from flarecli.volume import read_volume

_STAGE_OF_STEP = {"read": "read", "write": "write", "describe": "write"}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--system", default="efficientscn")
    parser.add_argument("--weights", action="append", default=[])
    arguments = parser.parse_args()
    predictor = Predictor(arguments.system, arguments.weights)
    with tempfile.TemporaryDirectory() as folder:
        cases = find_cases(arguments.folder, Path(folder))
        for _ in predict_cases(predictor, cases[:1], extras=OutputOptions()):
            pass
        resident_mb = []
        start = time.perf_counter()
        for outcome in predict_cases(predictor, cases, extras=OutputOptions(), existing="overwrite"):
            if outcome.error is not None:
                raise outcome.error
            resident_mb.append(round(_resident_mb()))
        together = time.perf_counter() - start
        alone: defaultdict[str, float] = defaultdict(float)
        for case in cases:
            steps = Steps()
            with steps("read"):
                volume = read_volume(case.scan)
            predictor.predict(case, volume, OutputOptions(), steps)
            for step in steps.times:
                alone[_STAGE_OF_STEP.get(step.name, "segment")] += step.wall_s
    print(
        json.dumps(
            {
                "scans": len(cases),
                "seconds_a_scan": round(together / len(cases), 3),
                "stage_alone_seconds_a_scan": {name: round(total / len(cases), 3) for name, total in alone.items()},
                "against_slowest_stage": round(together / max(alone.values()), 3),
                "resident_mb": resident_mb,
                "peak_mb": round(peak_rss_mb()),
            },
            indent=2,
        )
    )


def _resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096 / 1e6


if __name__ == "__main__":
    main()
