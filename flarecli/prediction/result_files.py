"""What is known of a segmented scan, and the files that it becomes: record, masks, preview and label map."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from flarecli.engine import Runtime
from flarecli.files.atomic import write_json
from flarecli.files.together import appearing_together
from flarecli.measures.statistics import OrganStatistics, organ_statistics
from flarecli.measures.verdict import judge_organs
from flarecli.organs import ORGANS
from flarecli.prediction.cases import Case
from flarecli.prediction.outcome import Extras, Outcome
from flarecli.prediction.record import described_file, make_record
from flarecli.prediction.scan_content import ScanContent
from flarecli.steps import Steps, StepTime
from flarecli.systems.base import Segmentation
from flarecli.volume import Volume, write_labels
from flarecli.weights.card import Card


@dataclass(frozen=True)
class Provenance:
    """How label maps are made, the same for every scan of a run.

    Attributes:
        system: Name of the system.
        cards: Cards of the weights, by network.
        runtime: What computes the networks.
        asked: What the user asked of region and engine.
    """

    system: str
    cards: Mapping[str, Card]
    runtime: Runtime
    asked: Mapping[str, Any]

    def record(
        self,
        volume: Volume,
        segmentation: Segmentation,
        statistics: Iterable[OrganStatistics],
        content: ScanContent,
        steps: Iterable[StepTime],
        *,
        scan: Path,
        labels: Mapping[str, str],
        masks: Mapping[str, Mapping[str, str]] | None = None,
        preview: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """The record of one scan; see `flarecli.prediction.record.make_record`."""
        statistics = tuple(statistics)
        return make_record(
            scan=scan,
            content=content,
            labels=labels,
            masks=masks or {},
            preview=preview,
            asked=self.asked,
            system=self.system,
            cards=self.cards,
            runtime=self.runtime,
            grid=volume.grid,
            segmentation=segmentation,
            statistics=statistics,
            confidence=judge_organs(segmentation.signals, statistics),
            warnings=(*volume.warnings, *segmentation.warnings),
            steps=steps,
        )


def write_result(
    case: Case,
    volume: Volume,
    segmentation: Segmentation,
    extras: Extras,
    steps: Steps,
    content: ScanContent,
    provenance: Provenance,
) -> Outcome:
    """Write what belongs to a segmented scan: record, masks, preview and label map, which appear together.

    Args:
        case: The case.
        volume: Its scan.
        segmentation: What a system found in it.
        extras: What to write besides.
        steps: Clock.
        content: Checksum of the scan, for the record.
        provenance: How the label map was made.

    Raises:
        FlareError: when a file cannot be written; then none appears, and earlier ones stay as they are.
    """
    masks = {organ: case.organ_file(organ.name) for organ in ORGANS} if extras.split else {}
    preview = None if extras.preview is None else extras.preview(case)
    finals = [case.record, *masks.values(), *([] if preview is None else [preview]), case.labels]
    with appearing_together(finals) as written:
        with steps("write"):
            write_labels(written[case.labels], segmentation.labels, volume)
            for organ, path in masks.items():
                write_labels(written[path], (segmentation.labels == organ.label).astype(np.uint8), volume)
        with steps("describe"):
            statistics = organ_statistics(volume, segmentation.labels)
            if preview is not None:
                from flarecli.preview import write_preview

                write_preview(written[preview], volume, segmentation.labels, title=case.name)
        record = provenance.record(
            volume,
            segmentation,
            statistics,
            content,
            steps.times,
            scan=case.scan,
            labels=described_file(case.labels, written[case.labels]),
            masks={organ.name: described_file(path, written[path]) for organ, path in masks.items()},
            preview=None if preview is None else described_file(preview, written[preview]),
        )
        write_json(written[case.record], record)
    return Outcome(case, "done", record, statistics)
