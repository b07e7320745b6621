"""Compare two methods on the same cases: `python examples/evaluate_two_methods.py BASELINE METHOD TRUTH`.

The three are folders of label maps with equal names.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from flarecli.metrics.comparison import compare
from flarecli.metrics.evaluation import evaluate
from flarecli.metrics.organ_scores import EvaluationSettings
from flarecli.metrics.pairing import label_files, pair_cases
from flarecli.metrics.score_table import ScoreTable, read_score_table, write_score_table


def main(baseline: Path, method: Path, truth: Path) -> None:
    comparison = compare(scores(baseline, truth), scores(method, truth))
    for row in comparison.rows:
        print(f"{row.metric:9s}{row.organ:9s} difference {row.mean:+.3f}, p {row.p:.3f}")


def scores(predictions: Path, truth: Path) -> ScoreTable:
    """DSC and NSD at 1 mm of every case and organ."""
    pairs, _ = pair_cases(label_files(str(predictions)), label_files(str(truth)))
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "scores.csv"
        write_score_table(table, evaluate(pairs, EvaluationSettings()))
        return read_score_table(table)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]))
