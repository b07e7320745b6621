"""How often verdicts are right on scans with known labels: by anatomy alone, by uncertainty alone, and by both.

    python -m benchmarks.verdicts SCANS PREDICTIONS TRUTH [SCANS PREDICTIONS TRUTH ...] --json rows.json

SCANS, PREDICTIONS and TRUTH are folders with files of the same names; PREDICTIONS has label maps, and beside them the
records of `flare predict` where the uncertainty of the network is to count. TRUTH may be PREDICTIONS, too: then every
flag is false. An organ is poor where its DSC is below that of `benchmarks.calibration`. Verdicts are made anew by the
rules of this version.
"""

from __future__ import annotations

import argparse
import json
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from benchmarks.calibration import POOR_DSC
from flarecli.measures.anatomy.shapes import organ_shapes
from flarecli.measures.calibration import CALIBRATIONS
from flarecli.measures.kidney_sides import kidney_sides
from flarecli.measures.quality import OrganQuality, assess_organs
from flarecli.measures.signals import OrganSignals
from flarecli.measures.statistics import kidney_statistics, organ_statistics
from flarecli.metrics.label_map import Fractions, read_label_map
from flarecli.metrics.overlap import dice
from flarecli.organs import ORGANS
from flarecli.volume import read_volume

_UNCERTAIN = ("is expected", "border is uncertain")
"""Reasons that come from the network's uncertainty."""


@dataclass(frozen=True)
class Row:
    """One organ of one scan.

    Attributes:
        group: The folder of predictions.
        case: The scan.
        organ: The organ.
        dsc: Against the truth.
        verdict: By this version.
        reasons: Why.
    """

    group: str
    case: str
    organ: str
    dsc: float
    verdict: OrganQuality
    reasons: tuple[str, ...]

    @property
    def is_poor(self) -> bool:
        """Whether it should be flagged."""
        return self.dsc < POOR_DSC[self.organ]

    @property
    def by_anatomy(self) -> bool:
        """Whether anatomy flags it."""
        return any(not text.endswith(_UNCERTAIN) for text in self.reasons)

    @property
    def by_uncertainty(self) -> bool:
        """Whether the network's uncertainty flags it."""
        return any(text.endswith(_UNCERTAIN) for text in self.reasons)


def judged_rows(scans: Path, predictions: Path, truth: Path) -> list[Row]:
    """The organs of a folder of results that are in the truth."""
    rows = []
    for path in sorted(predictions.glob("*.nii.gz")):
        volume = read_volume(scans / path.name)
        labels, true = (
            read_label_map(each, fractions=Fractions.UNLABELLED).labels for each in (path, truth / path.name)
        )
        sides = kidney_sides(labels, volume.voxels, volume.grid)
        judged = assess_organs(
            organ_statistics(volume, labels),
            kidney_statistics(volume, sides),
            organ_shapes(volume, sides),
            volume.grid.spacing_mm[0],
            signals=_signals(path.with_name(path.name.replace(".nii.gz", ".json"))),
            calibrations=CALIBRATIONS,
        )
        for organ, quality in zip(ORGANS, judged, strict=True):
            if not (true == organ.label).any():
                continue
            score = float(dice(labels == organ.label, true == organ.label))
            rows.append(Row(predictions.name, path.name, organ.name, score, quality.verdict, quality.reasons))
    return rows


def _signals(record: Path) -> list[OrganSignals]:
    """Those of a record; none where there is no record, or none in it."""
    if not record.is_file():
        return []
    confidence = json.loads(record.read_text())["confidence"]
    names = [field.name for field in fields(OrganSignals) if field.name != "label"]
    return [
        OrganSignals(organ.label, **{name: _number(confidence[organ.name][name]) for name in names})
        for organ in ORGANS
        if confidence.get(organ.name, {}).get("mean_margin") is not None
    ]


def _number(value: float | None) -> float:
    return float("nan") if value is None else value


def print_table(rows: list[Row]) -> None:
    """Poor organs and others that are flagged: by anatomy, by uncertainty, by either."""
    for group in dict.fromkeys(row.group for row in rows):
        print(f"\n{group:24}{'poor flagged: anatomy, uncertainty, either':>46}{'others flagged':>22}")
        own = [row for row in rows if row.group == group]
        for organ in (*(organ.name for organ in ORGANS), "all"):
            chosen = [row for row in own if organ in (row.organ, "all")]
            poor, others = ([row for row in chosen if row.is_poor == wanted] for wanted in (True, False))
            print(f"{organ:24}{_counts(poor):>46}{_counts(others):>22}")
        for wanted in (True, False):
            kinds = Counter(
                re.sub(r"[\d.]+", "…", text) for row in own if row.is_poor == wanted for text in row.reasons
            )
            print("poor:" if wanted else "others:", "; ".join(f"{text} {count}" for text, count in kinds.most_common()))


def _counts(rows: Iterable[Row]) -> str:
    rows = list(rows)
    flagged = [sum(row.by_anatomy for row in rows), sum(row.by_uncertainty for row in rows)]
    return f"{flagged[0]}, {flagged[1]}, {sum(bool(row.reasons) for row in rows)} of {len(rows)}"


def main() -> None:
    """Judge, print the table, write the rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="+", help="SCANS PREDICTIONS TRUTH, in threes")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    if len(arguments.folders) % 3:
        parser.error("folders come in threes: SCANS PREDICTIONS TRUTH")
    threes = zip(*(arguments.folders[start::3] for start in range(3)), strict=True)
    rows = [row for folders in threes for row in judged_rows(*folders)]
    print_table(rows)
    if arguments.json:
        arguments.json.write_text(json.dumps([asdict(row) for row in rows], indent=1))


if __name__ == "__main__":
    main()
