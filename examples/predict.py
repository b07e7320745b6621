"""Segment a scan from Python: `python examples/predict.py SCAN LABELS`."""

from __future__ import annotations

import sys
from pathlib import Path

from flarecli.prediction.batch import predict_cases
from flarecli.prediction.cases import Case
from flarecli.prediction.outcome import Extras
from flarecli.prediction.predictor import Predictor


def main(scan: Path, labels: Path) -> None:
    predictor = Predictor("flarelite")
    for outcome in predict_cases(predictor, [Case("scan", scan, labels)], extras=Extras()):
        if outcome.error is not None:
            raise outcome.error
        for organ in outcome.statistics:
            print(f"{organ.name:10s}{organ.volume_ml:8.0f} mL")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
