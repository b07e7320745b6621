"""The published localization weights on a real scan, through our own reading, preparing and networks."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest

from flarecli.engine import load_network, start_runtime
from flarecli.organs import ORGANS
from flarecli.systems.efficientscn.constants import EfficientScnConstants
from flarecli.systems.efficientscn.geometry import box_around_mask, plan_localization
from flarecli.systems.efficientscn.inputs import localization_input
from flarecli.systems.efficientscn.orientation import LpsFrame, flipped_view
from flarecli.volume import read_volume
from flarecli.weights.importing import import_published
from flarecli_models.efficientscn import localization_unet
from tests.shared_data import shared_path

FIRST_LABELLED_SLICE = 82
"""The labelled slab is slices 82 to 111 of the whole scan; its header's origin is not shifted."""


def test_localization_of_a_real_scan(tmp_path: Path) -> None:
    scan = shared_path("data/ct/totalseg_example_ct.nii.gz")
    slab = shared_path("data/ct/totalseg_example_labels_slab.nii.gz")
    published = shared_path("data/published/efficientscn/localization")
    runtime = start_runtime(_current_backend(), "cpu", "float32")
    weights, _ = import_published(published, "efficientscn", "localization", tmp_path)
    network = load_network(localization_unet, weights, runtime)

    constants = EfficientScnConstants()
    volume = read_volume(scan)
    frame = LpsFrame.of_grid(volume.grid, constants)
    plan = plan_localization(frame.shape_zyx, frame.spacing_mm, constants)
    logits = network(localization_input(flipped_view(volume.voxels), plan, constants))
    mask = logits[0] < logits[1]
    box = box_around_mask(mask, plan, constants)

    # The box of the original system for this scan.
    assert box is not None
    assert box.start_mm == (194.0, 32.0, 38.0)
    assert box.end_mm == (346.0, 250.0, 346.0)

    found = _on_the_scan(mask, plan.padding, frame.shape_zyx)[FIRST_LABELLED_SLICE:]
    truth = flipped_view(np.asarray(nibabel.as_closest_canonical(nibabel.load(slab)).dataobj).T)
    organs = truth > 0
    dice = 2 * np.count_nonzero(found & organs) / (np.count_nonzero(found) + np.count_nonzero(organs))
    inside = [_share_inside(truth == organ.label, box.start_mm, box.end_mm, frame.spacing_mm) for organ in ORGANS]
    assert dice == pytest.approx(0.917, abs=0.001)
    assert inside == [1.0] * len(ORGANS)


def _current_backend() -> str:
    import keras

    return str(keras.backend.backend())


def _on_the_scan(mask: np.ndarray, padding: object, shape_zyx: tuple[int, int, int]) -> np.ndarray:
    """The mask on the scan's grid, by nearest neighbour."""
    for axis, ((low, high), size) in enumerate(zip(padding, shape_zyx, strict=True)):
        content = mask.shape[axis] - low - high
        mask = mask.take(low + ((np.arange(size) + 0.5) * content / size).astype(int), axis)
    return mask


def _share_inside(
    organ: np.ndarray, start_mm: tuple[float, ...], end_mm: tuple[float, ...], spacing_mm: tuple[float, ...]
) -> float:
    where = np.argwhere(organ) + np.array([FIRST_LABELLED_SLICE, 0, 0])
    centres_mm = (where + 0.5) * spacing_mm
    return float(np.mean(np.all((centres_mm >= start_mm) & (centres_mm <= end_mm), axis=1)))
