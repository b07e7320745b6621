"""How far the labels of one precision are from those of another, and what it saves.

    python -m benchmarks.precision_agreement SCAN [SCAN ...] [--system NAME] [--weights SET]

Segments each scan in both precisions in turn, on OpenVINO, and prints one Markdown row a scan: DSC of each organ
between the two, processor seconds from reading to labels in both, and their ratio. The first scan is segmented once
more beforehand, so that networks are loaded.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np

from flarecli.metrics.overlap import dice
from flarecli.organs import ORGANS
from flarecli.segmentation import Segmenter


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scans", nargs="+", type=Path)
    parser.add_argument("--system", default="efficientsegnet")
    parser.add_argument("--weights", action="append", default=[])
    parser.add_argument("--precisions", nargs=2, default=["float32", "int8"])
    parser.add_argument("--threads", type=int)
    arguments = parser.parse_args()
    segmenters = [
        Segmenter(
            arguments.system,
            weights=arguments.weights,
            backend="openvino",
            precision=precision,
            threads=arguments.threads,
        )
        for precision in arguments.precisions
    ]
    for segmenter in segmenters:
        segmenter(arguments.scans[0])
    names = ", ".join(organ.name for organ in ORGANS)
    print(f"| scan | DSC ({names}) | processor s | ratio |\n|---|---|---|---|", flush=True)
    for scan in arguments.scans:
        print(_row(scan, segmenters), flush=True)


def _row(scan: Path, segmenters: list[Segmenter]) -> str:
    maps, seconds = [], []
    for segmenter in segmenters:
        start = time.process_time()
        result = segmenter(scan)
        seconds.append(time.process_time() - start)
        maps.append(result.labels)
    one, other = seconds
    return f"| {scan.name} | {_scores(*maps)} | {one:.2f}, {other:.2f} | {other / one:.2f} |"


def _scores(one: np.ndarray, other: np.ndarray) -> str:
    return ", ".join(f"{dice(one == organ.label, other == organ.label):.4f}" for organ in ORGANS)


if __name__ == "__main__":
    main()
