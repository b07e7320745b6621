"""The committed example is what the documented command makes."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np

from flarecli.phantom import Phase, make_phantom, options_for

EXAMPLES = Path(__file__).resolve().parent.parent.parent / "examples"


def test_the_example_comes_from_its_seed():
    scan = nibabel.load(EXAMPLES / "phantom_ct_0000.nii.gz")
    labels = nibabel.load(EXAMPLES / "phantom_ct.nii.gz")
    phantom = make_phantom(
        2024,
        shape_zyx=(92, 148, 184),
        spacing_mm=(2.8, 2.2, 2.2),
        options=options_for("realistic", phase=Phase.PORTAL_VENOUS),
    )
    # Other processors round differently in places; the patient is the same.
    assert (phantom.labels == np.asarray(labels.dataobj).T).mean() > 0.9999
    assert np.abs(np.asarray(scan.dataobj).T.astype(np.int32) - phantom.voxels).mean() < 0.5


def test_the_example_is_small():
    assert sum(path.stat().st_size for path in EXAMPLES.glob("phantom_ct*.nii.gz")) < 3_000_000
