"""Predicting in this process, for tests that have put the system without networks in the place of every other."""

from __future__ import annotations

from pathlib import Path

from flarecli.prediction.batch import predict_cases
from flarecli.prediction.case_result import CaseResult
from flarecli.prediction.cases import find_cases
from flarecli.prediction.output_options import OutputOptions
from flarecli.prediction.predictor import Predictor


def run(
    source: Path, destination: Path, *, existing: str = "refuse", extras: OutputOptions | None = None
) -> list[CaseResult]:
    """What became of each case of a file or folder."""
    cases = find_cases(source, destination)
    return list(predict_cases(Predictor("threshold"), cases, extras=extras or OutputOptions(), existing=existing))
