"""Time of the scores of one pair of label maps in memory, beside the usual ways, in one process.

    python -m benchmarks.evaluate_case PRED GT

Peers run where they can be imported: surface-distance, and MONAI (which needs torch).
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from scipy.ndimage import distance_transform_edt

from flarecli.geometry import bounding_window
from flarecli.metrics.label_map import Fractions, LabelMap, read_label_map
from flarecli.metrics.label_masks import masks_by_label
from flarecli.metrics.organ_scores import EvaluationSettings, score_organs
from flarecli.metrics.overlap import dice
from flarecli.metrics.protocol import FLARE21, FLARE22, Metric
from flarecli.metrics.surface_elements import corner_codes, on_surface

_LABELS = tuple(organ.label for organ in FLARE21.organs)


def _timed(run: Callable[[], object], repeats: int) -> dict[str, float]:
    """Seconds of the first call and the median of all."""
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    return {"first_s": round(seconds[0], 4), "median_s": round(statistics.median(seconds), 4)}


def _scipy_distances(pred: LabelMap, gt: LabelMap) -> None:
    """The distances behind HD95 and ASSD by scipy's exact transform on each label's union box."""
    for masks in masks_by_label(pred.labels, gt.labels, _LABELS):
        surfaces = [on_surface(corner_codes(mask)) for mask in masks]
        for source, target in (surfaces, surfaces[::-1]):
            distance_transform_edt(~target, sampling=gt.spacing_mm)[source]


def _surface_distance(pred: LabelMap, gt: LabelMap) -> None:
    from surface_distance import metrics

    for label in _LABELS:
        pred_mask, gt_mask = pred.labels == label, gt.labels == label
        dice(pred_mask, gt_mask)
        distances = metrics.compute_surface_distances(gt_mask, pred_mask, gt.spacing_mm)
        metrics.compute_surface_dice_at_tolerance(distances, 1)


def _monai(pred: LabelMap, gt: LabelMap) -> None:
    import torch
    from monai.metrics import compute_dice, compute_surface_dice

    pred_channels, gt_channels = (
        torch.from_numpy(np.stack([label_map.labels == label for label in (0, *_LABELS)])[None])
        for label_map in (pred, gt)
    )
    compute_dice(pred_channels, gt_channels, include_background=False)
    compute_surface_dice(
        pred_channels,
        gt_channels,
        class_thresholds=[1.0] * len(_LABELS),
        include_background=False,
        spacing=list(gt.spacing_mm),
        use_subvoxels=True,
    )


def main() -> None:
    """Print the times as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pred", type=Path)
    parser.add_argument("gt", type=Path)
    options = parser.parse_args()
    pred, gt = (read_label_map(path, fractions=Fractions.UNLABELLED) for path in (options.pred, options.gt))
    box = bounding_window(pred.labels, gt.labels)
    times: dict[str, object] = {
        "shape_zyx": gt.labels.shape,
        "foreground_zyx": box and [side.stop - side.start for side in box],
    }
    five_mm = FLARE21.with_tolerances(dict.fromkeys(_LABELS, 5.0))
    seven_mm = FLARE21.with_tolerances(dict.fromkeys(_LABELS, 7.0))
    for name, settings in {
        "DSC and NSD at 1 mm": EvaluationSettings(),
        "DSC and NSD at 5 mm": EvaluationSettings(protocol=five_mm),
        "DSC and NSD at 7 mm": EvaluationSettings(protocol=seven_mm),
        "DSC and NSD, FLARE22": EvaluationSettings(protocol=FLARE22),
        "all scores": EvaluationSettings(metrics=tuple(Metric)),
    }.items():
        times[name] = _timed(partial(score_organs, pred, gt, settings), 9)
    times["distances by scipy's EDT on the union box"] = _timed(partial(_scipy_distances, pred, gt), 3)
    for name, peer in {"surface-distance": _surface_distance, "MONAI use_subvoxels": _monai}.items():
        try:
            times[name] = _timed(partial(peer, pred, gt), 1)
        except ImportError as error:
            times[name] = f"not installed: {error}"
    print(json.dumps(times, indent=2))


if __name__ == "__main__":
    main()
