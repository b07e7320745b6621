"""Segment a scan from Python: `python examples/predict.py SCAN LABELS`."""

from __future__ import annotations

import sys

import flarecli


def main(scan: str, labels: str) -> None:
    result = flarecli.segment(scan)
    for name, organ in result.organs.items():
        print(f"{name:10s}{organ.volume_ml:8.0f} mL  {result.confidence[name].verdict}")
    result.save(labels)


if __name__ == "__main__":
    main(*sys.argv[1:3])
