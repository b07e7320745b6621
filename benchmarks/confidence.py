"""How often flarelite's verdicts are right, on synthetic scans made to fail.

    python -m benchmarks.confidence --scans 12 --json confidence.json [--labels FOLDER]

Every scan is segmented as it is and damaged in each of the ways below. An organ is poor where its DSC is below
`POOR_DSC`; the table says how many poor organs were flagged (check or failed), and how many of the others. With
`--labels` the anatomy comes from label maps in that folder, else it is procedural.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.calibration import POOR_DSC
from flarecli.engine import load_network, start_runtime
from flarecli.errors import InputError
from flarecli.geometry import Grid
from flarecli.measures.anatomy.shapes import organ_shapes
from flarecli.measures.kidney_sides import kidney_sides
from flarecli.measures.quality import assess_organs
from flarecli.measures.statistics import kidney_statistics, organ_statistics
from flarecli.metrics.overlap import dice
from flarecli.organs import ORGANS
from flarecli.phantom import anatomy_from_labels, make_phantom, options_for
from flarecli.steps import Steps
from flarecli.systems.base import RegionRequest
from flarecli.training.samples.anatomies import PHANTOMS, read_anatomies
from flarecli.weights.selection import weighted_system

FIRST_SEED = 2**41
_HELD_OUT_SHARE = 0.13
"""Of the label maps: the last four of thirty, which flarelite's weights have not seen."""
SHAPE_ZYX = (96, 112, 128)
SPACING_MM = (3.0, 3.0, 3.0)

Pair = tuple[np.ndarray, np.ndarray]
Damage = Callable[[np.ndarray, np.ndarray, np.random.Generator], Pair]


@dataclass(frozen=True)
class SyntheticScan:
    """What a system and the statistics need of a volume."""

    voxels: np.ndarray
    grid: Grid
    path: Path = Path("synthetic")


def _as_it_is(voxels: np.ndarray, labels: np.ndarray, rng: np.random.Generator) -> Pair:
    return voxels, labels


def _noisy(voxels: np.ndarray, labels: np.ndarray, rng: np.random.Generator) -> Pair:
    noise = rng.normal(0, rng.uniform(80, 300), voxels.shape)
    return np.clip(voxels + noise, -1024, 3000).astype(np.int16), labels


def _cut(voxels: np.ndarray, labels: np.ndarray, rng: np.random.Generator) -> Pair:
    """Leave off what lies beyond a plane through the organs."""
    axis = int(rng.integers(3))
    inside = np.flatnonzero(labels.any(tuple(other for other in range(3) if other != axis)))
    at = int(np.quantile(inside, rng.uniform(0.3, 0.7)))
    part = slice(at, None) if rng.random() < 0.5 else slice(None, at)
    window = tuple(part if other == axis else slice(None) for other in range(3))
    return np.ascontiguousarray(voxels[window]), np.ascontiguousarray(labels[window])


def _stored_units(voxels: np.ndarray, labels: np.ndarray, rng: np.random.Generator) -> Pair:
    """Intensities without their intercept, or with the wrong slope."""
    if rng.random() < 0.5:
        return (voxels.astype(np.int32) + 1024).astype(np.int16), labels
    return (voxels * rng.choice([0.25, 0.5, 2.0, 4.0])).clip(-32000, 32000).astype(np.int16), labels


def _mr_like(voxels: np.ndarray, labels: np.ndarray, rng: np.random.Generator) -> Pair:
    """Another order of tissues: dark air and bone, bright fat."""
    knots = np.array([-1024, -200, -100, 0, 60, 150, 400, 3000])
    values = np.array([0, 20, rng.uniform(200, 400), *rng.uniform(20, 300, 3), rng.uniform(0, 60), 0])
    return np.interp(voxels, knots, values).astype(np.int16), labels


def _upside_down(voxels: np.ndarray, labels: np.ndarray, rng: np.random.Generator) -> Pair:
    axes = (0,) if rng.random() < 0.5 else (0, 1)
    return np.ascontiguousarray(np.flip(voxels, axes)), np.ascontiguousarray(np.flip(labels, axes))


DAMAGES: dict[str, Damage] = {
    "as it is": _as_it_is,
    "noise": _noisy,
    "cut field of view": _cut,
    "wrong units": _stored_units,
    "MR-like contrast": _mr_like,
    "upside down": _upside_down,
}


def measure(scans: int, first_seed: int, labels_folder: Path | None, weights: list[str]) -> list[dict[str, Any]]:
    """One row an organ, scan and damage: DSC, verdict, signals."""
    chosen = weighted_system("flarelite", weights)
    system, paths = chosen.system, chosen.paths
    runtime = start_runtime("auto", "cpu", "auto", None)
    networks = {
        spec.key: load_network(spec.build, paths[spec.key], runtime, spec.output, sha256=chosen.cards[spec.key].sha256)
        for spec in system.networks
    }
    anatomies = read_anatomies(str(labels_folder or PHANTOMS)).split(_HELD_OUT_SHARE)[1]
    rows = []
    for index in range(scans):
        rng = np.random.default_rng(first_seed + index)
        anatomy = None
        if anatomies:
            anatomy = anatomy_from_labels(rng, anatomies[index % len(anatomies)], options_for("wide"))
        phantom = make_phantom(
            first_seed + index, shape_zyx=SHAPE_ZYX, spacing_mm=SPACING_MM, strength="wide", anatomy=anatomy
        )
        for name, damage in DAMAGES.items():
            voxels, labels = damage(phantom.voxels, phantom.labels, rng)
            grid = Grid(voxels.shape, SPACING_MM, np.diag([*SPACING_MM[::-1], 1.0]))
            scan: Any = SyntheticScan(voxels, grid)
            try:
                found = system.segment(scan, networks, RegionRequest(), Steps())
            except InputError:
                # Refused aloud: nobody takes it for a result.
                rows += [{"scan": index, "damage": name, "organ": organ.name, "refused": True} for organ in ORGANS]
                continue
            sides = kidney_sides(found.labels, voxels, grid)
            verdicts = assess_organs(
                organ_statistics(scan, found.labels),
                kidney_statistics(scan, sides),
                organ_shapes(scan, sides),
                grid.spacing_mm[0],
                signals=found.signals,
                calibrations=found.calibrations,
            )
            for organ, verdict in zip(ORGANS, verdicts, strict=True):
                truth = labels == organ.label
                rows.append(
                    {
                        "scan": index,
                        "damage": name,
                        "organ": organ.name,
                        "refused": False,
                        "present": bool(truth.any()),
                        "dsc": round(float(dice(found.labels == organ.label, truth)), 4),
                        **verdict.as_dict(),
                    }
                )
    return rows


def flagged_shares(rows: list[dict[str, Any]]) -> dict[str, str]:
    """Of the poor organs and of the others, how many were flagged."""
    judged = [row for row in rows if not row["refused"] and row["present"]]
    poor = [row["verdict"] != "good" for row in judged if row["dsc"] < POOR_DSC[row["organ"]]]
    others = [row["verdict"] != "good" for row in judged if row["dsc"] >= POOR_DSC[row["organ"]]]
    return {
        "poor flagged": f"{sum(poor)}/{len(poor)}",
        "others flagged": f"{sum(others)}/{len(others)}",
        "refused": str(sum(row["refused"] for row in rows)),
    }


def main() -> None:
    """Measure, print the table, write the rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scans", type=int, default=12)
    parser.add_argument("--first-seed", type=int, default=FIRST_SEED)
    parser.add_argument("--labels", type=Path)
    parser.add_argument("--weights", action="append", default=[])
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    rows = measure(arguments.scans, arguments.first_seed, arguments.labels, arguments.weights)
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=1))
    print(f"{'':24}{'poor flagged':>16}{'others flagged':>16}{'refused':>10}")
    groups = [(damage, [row for row in rows if row["damage"] == damage]) for damage in DAMAGES]
    groups += [(organ.name, [row for row in rows if row["organ"] == organ.name]) for organ in ORGANS]
    for name, group in [*groups, ("all", rows)]:
        shares = flagged_shares(group)
        print(f"{name:24}{shares['poor flagged']:>16}{shares['others flagged']:>16}{shares['refused']:>10}")


if __name__ == "__main__":
    main()
