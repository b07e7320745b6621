"""What a page holds is what the files hold."""

from __future__ import annotations

import base64
import gzip
import struct
import tempfile
from pathlib import Path

import nibabel
import numpy as np
import pytest

from flarecli.errors import InputError
from flarecli.geometry import Grid
from flarecli.viewer.content import embedded_content, served_content
from flarecli.viewer.nifti_bytes import nifti_parts
from flarecli.viewer.surface_files import surface_file
from tests.synthetic_ct import affine, rotation
from tests.viewer.scenes import SHAPE, organ_labels, save_scene, scan_voxels


def test_a_nifti_in_parts_is_read_by_nibabel() -> None:
    turned = affine(directions=rotation((8, 3, 20)))
    grid = Grid(SHAPE, (5.0, 4.5, 4.0), turned)
    content = b"".join(nifti_parts(scan_voxels(), grid, (-150, 250)))
    image = nibabel.Nifti1Image.from_bytes(content)
    assert np.array_equal(np.asarray(image.dataobj).T, scan_voxels())
    assert np.allclose(image.affine, turned, atol=1e-5)
    assert (float(image.header["cal_min"]), float(image.header["cal_max"])) == (-150, 250)


def test_served_content_holds_every_voxel(tmp_path: Path) -> None:
    scan, labels, truth = save_scene(tmp_path)
    steps: list[str] = []
    content = served_content(scan, [labels, truth], told=steps.append)
    stored = content.scan
    stored.seek(0)
    assert np.array_equal(np.frombuffer(stored.read(), "<i2").reshape(SHAPE), scan_voxels())
    packed = np.frombuffer(gzip.decompress(content.labels[1]), np.uint8).reshape(SHAPE)
    assert np.array_equal(packed, organ_labels(shift=2))
    assert steps[0] == "reading the scan"
    stored.close()
    small = served_content(scan, [labels], most_voxels=SHAPE[0] * SHAPE[1] * SHAPE[2] / 4)
    assert "reduced" in small.facts["reduced"]
    small.scan.close()


def test_label_maps_of_one_name_are_told_apart_by_their_folders(tmp_path: Path) -> None:
    scan, labels, _ = save_scene(tmp_path)
    (tmp_path / "truth").mkdir()
    other = tmp_path / "truth" / labels.name
    other.write_bytes(labels.read_bytes())
    content = served_content(scan, [labels, other])
    assert content.facts["maps"] == [f"{tmp_path.name}/case.nii.gz", "truth/case.nii.gz"]
    content.scan.close()


def test_a_label_map_that_is_refused_leaves_no_file_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    make = tempfile.TemporaryFile
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **asked: made.append(make(**asked)) or made[-1])
    scan, _, _ = save_scene(tmp_path)
    with pytest.raises(InputError):
        served_content(scan, [scan])
    assert [file.closed for file in made] == [True]


def test_surfaces_enclose_the_organs() -> None:
    grid = Grid(SHAPE, (5.0, 4.0, 4.0), affine((4.0, 4.0, 5.0)))
    content = surface_file(organ_labels(), grid, 1)
    assert content is not None
    magic, attributes, faces, vertices, skip = struct.unpack("<HHIII", content[:16])
    assert (magic, attributes, skip) == (23117, 3, 0)
    assert len(content) == 16 + 12 * faces + 12 * vertices
    corners = np.frombuffer(content[16 : 16 + 12 * faces], "<i4").reshape(-1, 3)
    points = np.frombuffer(content[16 + 12 * faces :], "<f4").reshape(-1, 3).astype(float)
    a, b, c = (points[corners[:, place]] for place in range(3))
    enclosed_ml = np.einsum("ij,ij->", a, np.cross(b, c)) / 6000
    assert enclosed_ml == pytest.approx(np.count_nonzero(organ_labels() == 1) * 0.08, rel=0.02)
    assert surface_file(organ_labels(), grid, 9) is None


def test_an_embedded_page_keeps_to_its_size_and_says_so(tmp_path: Path) -> None:
    scan, labels, _ = save_scene(tmp_path)
    facts, files = embedded_content(scan, [labels], most_bytes=1e8)
    assert facts["reduced"] == ""
    assert {"scan", "labels-0", "surface-1"} <= set(files)
    full = sum(map(len, files.values()))
    voxels = np.frombuffer(gzip.decompress(base64.b64decode(files["scan"])), "<i2")
    assert np.array_equal(voxels.reshape(SHAPE), scan_voxels())
    facts, smaller = embedded_content(scan, [labels], most_bytes=0.8 * full)
    assert sum(map(len, smaller.values())) <= 0.8 * full
    assert "The pictures are reduced" in facts["reduced"]
