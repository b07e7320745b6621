"""Phantoms on disk: names, orientation, the picture."""

from __future__ import annotations

import nibabel
import numpy as np
import pytest

from flarecli.errors import UsageError
from flarecli.phantom import Phantom
from flarecli.phantom.contact_sheet import write_contact_sheet
from flarecli.phantom.files import PhantomPaths, pair_paths, write_phantom


@pytest.fixture
def phantom() -> Phantom:
    rng = np.random.default_rng(0)
    labels = np.zeros((6, 7, 8), np.uint8)
    labels[2:4, 3:5, 5:7] = 1
    return Phantom(rng.integers(-1000, 1000, (6, 7, 8)).astype(np.int16), labels, (3.0, 2.0, 1.0), {})


def test_names_are_those_of_flare(tmp_path):
    pair = pair_paths(tmp_path, 7, flat=False)
    assert pair.scan == tmp_path / "TrainingImg" / "train_007_0000.nii.gz"
    assert pair.labels == tmp_path / "TrainingMask" / "train_007.nii.gz"
    assert pair_paths(tmp_path, 7, flat=True).labels == tmp_path / "phantom_007.nii.gz"


@pytest.mark.parametrize("orientation", ["RAS", "LPS", "LAS", "SRA", "PIR"])
def test_every_orientation_says_the_same_in_the_world(phantom, tmp_path, orientation):
    pair = PhantomPaths(tmp_path / "a_0000.nii.gz", tmp_path / "a.nii.gz")
    write_phantom(phantom, pair, orientation=orientation)
    for path, array in ((pair.scan, phantom.voxels), (pair.labels, phantom.labels)):
        image = nibabel.load(path)
        assert nibabel.aff2axcodes(image.affine) == tuple(orientation)
        canonical = nibabel.as_closest_canonical(image)
        np.testing.assert_array_equal(np.asarray(canonical.dataobj).T, array)
        np.testing.assert_allclose(canonical.header.get_zooms(), (1.0, 2.0, 3.0))
        np.testing.assert_allclose(canonical.affine[:3, 3], (-3.5, -6.0, -7.5))


@pytest.mark.parametrize("orientation", ["RAX", "RR", "RLS", "RASP", ""])
def test_letters_that_are_no_orientation_are_refused(phantom, tmp_path, orientation):
    with pytest.raises(UsageError, match="orientation"):
        write_phantom(phantom, PhantomPaths(tmp_path / "a.nii.gz", tmp_path / "b.nii.gz"), orientation=orientation)
    assert not list(tmp_path.iterdir())


def test_the_contact_sheet_is_a_picture(phantom, tmp_path):
    path = tmp_path / "sheet.png"
    write_contact_sheet(path, [phantom, phantom])
    assert path.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
