"""Cases that several processes score together: the scores of each are a file that all of them read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from flarecli import __version__
from flarecli.addresses import shown
from flarecli.errors import Blame, InputError, UsageError, error_from_dict
from flarecli.files.atomic import write_json
from flarecli.files.refusals import name_that_fits
from flarecli.files.shared_work import SharedWork, shared_results
from flarecli.metrics.case import CaseEvaluation, EvaluationStatus, evaluate_case
from flarecli.metrics.label_values import ValueCounts
from flarecli.metrics.organ_scores import EvaluationSettings
from flarecli.metrics.pairing import CasePair
from flarecli.metrics.protocol import Metric
from flarecli.volume.image_files import files_of_image

SCORES_VERSION = 1
_MOST_BYTES = 64 << 20
_SHOWN_NAMES = 3


@dataclass(frozen=True)
class SharedScores:
    """Scores of cases in a folder, one file each; one counts as long as label maps and settings are those that it was
    made from.

    A case that failed is kept, too, where its label maps are the reason. Where this host is (too little memory, a file
    that it does not show), nothing is kept: other processes and later runs score the case again.

    Attributes:
        folder: The folder, which holds nothing else.
        settings: How cases are scored.
    """

    folder: Path
    settings: EvaluationSettings

    def evaluations(self, pairs: Sequence[CasePair]) -> Iterator[tuple[CasePair, CaseEvaluation]]:
        """Each pair with its evaluation, whichever process scored it.

        Raises:
            UsageError: when the folder holds something else.
            OutputError: when the folder cannot be written to.
        """
        self._check_folder()
        return shared_results(pairs, SharedWork(self._place, self._found, self._scored, self._killed))

    def _check_folder(self) -> None:
        """Refuse a folder of other files, among which scores could replace one."""
        if not self.folder.is_dir():
            return
        foreign = sorted(path.name for path in self.folder.iterdir() if not _is_ours(path))
        if foreign:
            raise UsageError(
                "holds something else than scores",
                path=self.folder,
                seen=", ".join(foreign[:_SHOWN_NAMES]),
                expected="a folder that does not exist, is empty, or was given to --share before",
                remedy="Choose another folder for --share.",
            )

    def _place(self, pair: CasePair) -> Path:
        return self.folder / name_that_fits(f"{pair.name}.json", self.folder)

    def _found(self, pair: CasePair) -> CaseEvaluation | None:
        path = self._place(pair)
        try:
            if path.stat().st_size > _MOST_BYTES:
                return None
            facts = json.loads(path.read_text(encoding="utf-8"))
            return _evaluation(pair, facts) if facts["key"] == self._key(pair) else None
        except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
            return None

    def _scored(self, pair: CasePair) -> CaseEvaluation:
        key = self._key(pair)  # of the files as they are before they are read
        evaluation = evaluate_case(pair, self.settings)
        if evaluation.error is not None and evaluation.error.blame is not Blame.INPUT:
            return evaluation
        return self._written(evaluation, key)

    def _killed(self, pair: CasePair, deaths: int) -> CaseEvaluation:
        error = InputError(
            "killed every process that worked on it",
            path=pair.pred,
            seen=f"{deaths} processes died",
            expected="label maps that can be compared with the memory of the machine",
            remedy=f"Use a machine with more memory; remove {self._place(pair).name} to have the case tried again.",
        )
        return self._written(CaseEvaluation(pair, EvaluationStatus.FAILED, {}, error=error), self._key(pair))

    def _written(self, evaluation: CaseEvaluation, key: str) -> CaseEvaluation:
        write_json(self._place(evaluation.pair), {"scores_version": SCORES_VERSION, "key": key, **_facts(evaluation)})
        return evaluation

    def _key(self, pair: CasePair) -> str:
        states = [None if path is None else _state(path) for path in (pair.pred, pair.gt)]
        content = json.dumps([SCORES_VERSION, __version__, repr(self.settings), states])
        return hashlib.sha256(content.encode()).hexdigest()


def _is_ours(path: Path) -> bool:
    if path.name.startswith(".flare-"):
        return True
    if path.suffix != ".json":
        return False
    try:
        with path.open(encoding="utf-8") as file:
            return '"scores_version"' in file.read(200)
    except FileNotFoundError:
        return True
    except (OSError, ValueError):
        return False


def _state(path: Path) -> list[Any]:
    """What tells quickly whether a label map has changed."""
    try:
        states = [file.stat() for file in files_of_image(path)]
    except (OSError, InputError):
        return [shown(path.resolve()), "unreadable"]
    return [shown(path.resolve()), *([state.st_size, state.st_mtime_ns] for state in states)]


def _facts(evaluation: CaseEvaluation) -> dict[str, Any]:
    """An evaluation as JSON; scores as texts, because they may be infinite or not exist."""
    values = evaluation.values
    return {
        "status": evaluation.status.value,
        "scores": {metric.value: list(map(repr, scores)) for metric, scores in evaluation.scores.items()},
        "warnings": list(evaluation.warnings),
        "error": None if evaluation.error is None else evaluation.error.as_dict(),
        "values": None
        if values is None
        else {
            "pred": [[int(value), int(count)] for value, count in values.pred.items()],
            "gt": [[int(value), int(count)] for value, count in values.gt.items()],
            "both": [[int(pred), int(gt), int(count)] for (pred, gt), count in values.both.items()],
        },
    }


def _evaluation(pair: CasePair, facts: dict[str, Any]) -> CaseEvaluation:
    """Restore what `_facts` gave."""
    values, error = facts["values"], facts["error"]
    evaluation = CaseEvaluation(
        pair,
        EvaluationStatus(facts["status"]),
        {Metric(metric): tuple(map(float, scores)) for metric, scores in facts["scores"].items()},
        tuple(facts["warnings"]),
        None if error is None else error_from_dict(error),
    )
    if values is None:
        return evaluation
    counts = ValueCounts(
        dict(values["pred"]),
        dict(values["gt"]),
        {(pred, gt): count for pred, gt, count in values["both"]},
    )
    return replace(evaluation, values=counts)
