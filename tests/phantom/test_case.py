"""`make_phantom`: one call from a seed to a scan."""

from __future__ import annotations

import numpy as np
import pytest

from flarecli.errors import UsageError
from flarecli.phantom import WIDE, Phase, make_phantom, options_for
from flarecli.phantom.acquisition import HU_RANGE

SHAPE = (40, 48, 56)
SPACING_MM = (7.0, 7.0, 7.0)


def small(seed: int, **arguments):
    return make_phantom(seed, shape_zyx=SHAPE, spacing_mm=SPACING_MM, **arguments)


def test_voxels_and_labels_have_the_promised_types_and_ranges():
    phantom = small(1)
    assert phantom.voxels.dtype == np.int16
    assert phantom.labels.dtype == np.uint8
    assert phantom.voxels.shape == phantom.labels.shape == SHAPE
    assert phantom.voxels.flags.c_contiguous
    assert phantom.labels.flags.c_contiguous
    assert phantom.voxels.min() >= HU_RANGE[0]
    assert phantom.voxels.max() <= HU_RANGE[1]
    assert set(np.unique(phantom.labels)) == {0, 1, 2, 3, 4}


def test_a_seed_gives_the_same_bytes_and_another_seed_others():
    first, again, other = small(5, strength="wide"), small(5, strength="wide"), small(6, strength="wide")
    assert first.voxels.tobytes() == again.voxels.tobytes()
    assert first.labels.tobytes() == again.labels.tobytes()
    assert first.facts == again.facts
    assert (first.labels != other.labels).any()


def test_a_patient_is_the_same_on_a_finer_grid():
    coarse = make_phantom(3, shape_zyx=(41, 49, 57), spacing_mm=(6.0, 6.0, 6.0))
    fine = make_phantom(3, shape_zyx=(81, 97, 113), spacing_mm=(3.0, 3.0, 3.0))
    # Both grids have their middle at the same point, so every second voxel coincides.
    same = fine.labels[::2, ::2, ::2] == coarse.labels
    assert same[coarse.labels > 0].mean() > 0.99


def test_slabs_do_not_show(monkeypatch):
    whole = small(2)
    monkeypatch.setattr("flarecli.phantom.patient._SLAB_VOXELS", 7 * SHAPE[1] * SHAPE[2])
    in_slabs = small(2)
    assert (in_slabs.labels == whole.labels).mean() > 0.9999
    assert np.abs(in_slabs.voxels.astype(int) - whole.voxels).mean() < 0.5


def test_organs_lie_where_they_should_in_ras():
    phantom = small(4)
    centre = {label: np.argwhere(phantom.labels == label).mean(0) * SPACING_MM for label in (1, 2, 3, 4)}
    assert centre[1][2] > centre[3][2] + 80  # the liver is right of the spleen
    assert centre[2][1] < centre[4][1]  # kidneys lie behind the pancreas
    assert centre[2][0] < centre[1][0]  # and below the liver


@pytest.mark.parametrize(("phase", "kidney_over_liver"), [(Phase.UNENHANCED, False), (Phase.PORTAL_VENOUS, True)])
def test_contrast_medium_brightens_the_kidneys(phase, kidney_over_liver):
    phantom = small(7, options=options_for("realistic", phase=phase, fatty_liver=0.0))
    means = [np.median(phantom.voxels[phantom.labels == label]) for label in (1, 2)]
    assert bool(means[1] > means[0]) is kidney_over_liver
    assert phantom.facts["phase"] == phase


def test_what_surrounds_the_organs_is_there():
    phantom = make_phantom(
        1, shape_zyx=(80, 64, 80), spacing_mm=(6.0, 6.0, 6.0), options=options_for("realistic", table=0.0)
    )
    hu = phantom.voxels
    body = hu > -300
    middle = hu.shape[0] // 2
    assert hu[0].min() < -900  # air around the body
    assert (hu[-16:] < -700)[body[-16:].any(1).nonzero()[0]].any()  # lungs above
    assert ((hu[middle] > -130) & (hu[middle] < -70)).mean() > 0.05  # fat
    assert (hu[middle] > 250).any()  # bone
    lungs = (hu[-12:, 20:44, 14:66] < -650).mean()
    assert lungs > 0.3


def test_a_cut_field_has_neither_tissue_nor_labels():
    for seed in range(6):
        phantom = small(seed, options=options_for("wide", cut_field=1.0))
        empty = (phantom.voxels == HU_RANGE[0]).all((1, 2))
        assert empty[0] != empty[-1]
        assert not phantom.labels[empty].any()


def test_a_missing_kidney_is_missing_and_the_other_one_larger():
    both = small(9, options=options_for("realistic", missing_kidney=0.0))
    lone = small(9, options=options_for("realistic", missing_kidney=1.0))
    assert 0.3 < lone.facts["volumes_ml"]["kidneys"] / both.facts["volumes_ml"]["kidneys"] < 0.9


def test_splenomegaly_enlarges_the_spleen():
    usual = small(9, options=options_for("realistic", splenomegaly=0.0))
    large = small(9, options=options_for("realistic", splenomegaly=1.0))
    assert large.facts["volumes_ml"]["spleen"] > 1.4 * usual.facts["volumes_ml"]["spleen"]


def test_wide_images_vary_more_than_realistic_ones():
    def spread(strength):
        tiny = {"shape_zyx": (20, 24, 28), "spacing_mm": (14.0,) * 3, "strength": strength}
        means = [np.median(p.voxels[p.labels == 1]) for p in (make_phantom(seed, **tiny) for seed in range(8))]
        return np.std(means)

    assert spread("wide") > spread("realistic")


def test_facts_can_be_written_as_json():
    import json

    facts = small(1).facts
    assert json.loads(json.dumps(facts)) == facts
    assert facts["seed"] == 1


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"shape_zyx": (0, 10, 10), "spacing_mm": SPACING_MM}, "shape"),
        ({"shape_zyx": (10, 10), "spacing_mm": SPACING_MM}, "shape"),
        ({"shape_zyx": SHAPE, "spacing_mm": (0.0, 1.0, 1.0)}, "spacing"),
        ({"shape_zyx": SHAPE, "spacing_mm": SPACING_MM, "strength": "bold"}, "strength"),
    ],
)
def test_impossible_arguments_are_refused(arguments, word):
    with pytest.raises(UsageError, match=word):
        make_phantom(1, **arguments)


def test_unknown_options_are_refused_by_name():
    with pytest.raises(UsageError, match="nose_hu"):
        options_for("wide", nose_hu=3)
    assert options_for("wide") == WIDE
