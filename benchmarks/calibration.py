"""Fits the calibration of the expected DSC to scans with known labels, and says how well it holds.

    python -m benchmarks.calibration PREDICTIONS TRUTH [PREDICTIONS TRUTH ...] --plot calibration.png --json rows.json

PREDICTIONS is a folder that `flare predict` wrote, with records; TRUTH has label maps of the same names and labels. The
weights must not have been trained on these scans. Each organ is estimated by a calibration that was fitted without its
scan (leave one out), then compared with its DSC.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from flarecli.measures.calibration import Calibration
from flarecli.measures.quality import LIMITS
from flarecli.metrics.label_map import Fractions, read_label_map
from flarecli.metrics.overlap import dice
from flarecli.organs import ORGANS

POOR_DSC = {"liver": 0.85, "kidneys": 0.85, "spleen": 0.85, "pancreas": 0.6}
"""An organ below this should be flagged."""

EXPONENTS = np.linspace(0.6, 3.5, 59)
FACTORS = np.exp(np.linspace(-1, 7, 161))


@dataclass
class Row:
    """One organ of one scan.

    Attributes:
        group: The folder of predictions.
        case: The scan.
        organ: The organ.
        expected_dsc: As the record says.
        dsc: Against the truth.
        verdict: As the record says.
        estimated_dsc: By a calibration fitted to all other scans.
    """

    group: str
    case: str
    organ: str
    expected_dsc: float
    dsc: float
    verdict: str
    estimated_dsc: float = float("nan")


def fitted(expected: np.ndarray, true: np.ndarray) -> Calibration:
    """The calibration with the smallest mean absolute error; a grid search."""
    error = np.power.outer(np.clip(1 - expected, 1e-3, 1), EXPONENTS)
    estimates = np.clip(1 - FACTORS[:, None, None] * error, 0, 1)
    losses = np.abs(estimates - true[:, None]).mean(axis=1)
    factor, exponent = np.unravel_index(losses.argmin(), losses.shape)
    return Calibration(float(FACTORS[factor]), float(EXPONENTS[exponent]))


def read_rows(predictions: Path, truth: Path) -> list[Row]:
    """The organs of a folder of results that are in the truth or in the result."""
    rows = []
    for labels in sorted(predictions.glob("*.nii.gz")):
        name = labels.name.removesuffix(".nii.gz")
        reference = next((path for path in sorted(truth.glob("*.nii.gz")) if path.name.startswith(name)), None)
        if reference is None:
            continue
        confidence = json.loads(labels.with_name(f"{name}.json").read_text())["confidence"]
        found, true = (read_label_map(path, fractions=Fractions.UNLABELLED).labels for path in (labels, reference))
        for organ in ORGANS:
            judged = confidence[organ.name]
            if judged["expected_dsc"] is None or not (true == organ.label).any():
                continue
            score = float(dice(found == organ.label, true == organ.label))
            rows.append(Row(predictions.name, name, organ.name, judged["expected_dsc"], score, judged["verdict"]))
    return rows


def estimate_without_own_scan(rows: Sequence[Row]) -> None:
    """Fill in `estimated_dsc`, organ by organ."""
    for organ in ORGANS:
        own = [row for row in rows if row.organ == organ.name]
        for row in own:
            others = [other for other in own if (other.group, other.case) != (row.group, row.case)]
            law = fitted(np.array([o.expected_dsc for o in others]), np.array([o.dsc for o in others]))
            row.estimated_dsc = law.estimate(row.expected_dsc)


def print_tables(rows: Sequence[Row]) -> None:
    """The calibrations, the errors by organ and folder, and what the limits flag."""
    for organ in ORGANS:
        own = [row for row in rows if row.organ == organ.name]
        law = fitted(np.array([row.expected_dsc for row in own]), np.array([row.dsc for row in own]))
        print(f"{organ.name}: Calibration({law.factor:.4g}, {law.exponent:.4g})")
    print(f"\n{'mean absolute error':32}{'expected':>10}{'estimated':>10}{'organs':>8}")
    for group in dict.fromkeys(row.group for row in rows):
        for organ in ORGANS:
            own = [row for row in rows if (row.group, row.organ) == (group, organ.name)]
            raw = np.mean([abs(row.expected_dsc - row.dsc) for row in own])
            estimated = np.mean([abs(row.estimated_dsc - row.dsc) for row in own])
            print(f"{group + ' ' + organ.name:32}{raw:10.3f}{estimated:10.3f}{len(own):8}")
    print(f"\n{'':32}{'poor flagged':>16}{'others flagged':>16}")
    for organ in ORGANS:
        own = [row for row in rows if row.organ == organ.name]
        print(f"{organ.name:32}{_flagged(own, poor=True):>16}{_flagged(own, poor=False):>16}")
    print(f"{'all':32}{_flagged(rows, poor=True):>16}{_flagged(rows, poor=False):>16}")


def _flagged(rows: Sequence[Row], *, poor: bool) -> str:
    """How many are estimated below the limit of their organ, of those that are poor or not."""
    chosen = [row for row in rows if (row.dsc < POOR_DSC[row.organ]) == poor]
    flagged = sum(row.estimated_dsc < LIMITS[row.organ].check_below_dsc for row in chosen)
    return f"{flagged} of {len(chosen)}"


def plot(rows: Sequence[Row], path: Path) -> None:
    """Estimated against true DSC, one panel an organ, one colour a folder."""
    from flarecli.matplotlib_import import prepare_matplotlib

    prepare_matplotlib()
    from matplotlib import pyplot

    figure, panels = pyplot.subplots(1, len(ORGANS), figsize=(4 * len(ORGANS), 4), layout="constrained")
    for panel, organ in zip(panels, ORGANS, strict=True):
        for group in dict.fromkeys(row.group for row in rows):
            own = [row for row in rows if (row.group, row.organ) == (group, organ.name)]
            panel.scatter([row.estimated_dsc for row in own], [row.dsc for row in own], s=18, label=group)
        lowest = min(min(row.dsc, row.estimated_dsc) for row in rows if row.organ == organ.name) - 0.03
        panel.plot([lowest, 1], [lowest, 1], color="grey", linewidth=1)
        panel.axvline(LIMITS[organ.name].check_below_dsc, color="grey", linestyle=":")
        panel.set(title=organ.name, xlabel="estimated DSC", xlim=(lowest, 1), ylim=(lowest, 1))
    panels[0].set_ylabel("DSC")
    panels[0].legend(fontsize=8)
    figure.savefig(path, dpi=110)


def main() -> None:
    """Read, estimate, print, plot."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="+", help="PREDICTIONS TRUTH, in pairs")
    parser.add_argument("--plot", type=Path)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    if len(arguments.folders) % 2:
        parser.error("folders come in pairs: PREDICTIONS TRUTH")
    pairs = zip(arguments.folders[::2], arguments.folders[1::2], strict=True)
    rows = [row for predictions, truth in pairs for row in read_rows(predictions, truth)]
    estimate_without_own_scan(rows)
    print_tables(rows)
    if arguments.json:
        arguments.json.write_text(json.dumps([asdict(row) for row in rows], indent=1))
    if arguments.plot:
        plot(rows, arguments.plot)


if __name__ == "__main__":
    main()
