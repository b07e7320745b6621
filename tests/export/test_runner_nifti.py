"""The reference runner reads the odd headers that flare reads as flare reads them, and refuses the others in words."""

from __future__ import annotations

import os
from pathlib import Path

import keras
import nibabel
import numpy as np
import pytest

from flarecli.export.runner import nifti as runner
from flarecli.export.runner.command import check_output
from flarecli.volume import read_volume, write_labels
from tests.export.runs import run_alone
from tests.hostile.corpus import OddInput
from tests.hostile.odd_nifti import ODD
from tests.volume.stored_files import nifti

pytestmark = pytest.mark.any_backend

REGULAR = [entry for entry in ODD if entry.name not in ("FIFO", "link to a device")]
READ = [entry for entry in REGULAR if entry.exit_code == 0]
REFUSED = [entry for entry in REGULAR if entry.exit_code == 3]

NOT_OF_THE_RUNNER = {
    *("pair by its header", "pair by its voxels", "pair in capitals", "pair in capitals by its voxels"),
    *("NIfTI-2", "big endian NIfTI-2", "NIfTI-2 with start 352", "no codes", "unknown codes"),
}
"""Read by flare, refused by the runner, which says so in its documentation."""

VALUES = ("slope of", "HU ", "nothing but 0", "a label map", "grey values", "MR")
"""Whether values can be HU is not looked at by the runner."""


def _scan(entry: OddInput, folder: Path) -> Path:
    return Path(entry.make(folder)[1])


@pytest.mark.parametrize("entry", READ, ids=lambda entry: entry.name)
def test_what_flare_reads_is_read_alike(entry: OddInput, tmp_path: Path) -> None:
    path = _scan(entry, tmp_path)
    if entry.name in NOT_OF_THE_RUNNER:
        with pytest.raises(runner.ScanError, match=r"not a NIfTI-1 file|orientation"):
            runner.read_scan(path)
        return
    volume, scan = read_volume(path), runner.read_scan(path)
    np.testing.assert_array_equal(scan.hu, volume.voxels)
    np.testing.assert_allclose(scan.spacing_mm, volume.grid.spacing_mm, rtol=1e-6)
    labels = (np.arange(volume.voxels.size) % 5).astype(np.uint8).reshape(volume.voxels.shape)
    write_labels(tmp_path / "flare.nii", labels, volume)
    runner.write_labels(tmp_path / "alone.nii", labels, scan)
    expected, found = nibabel.load(tmp_path / "flare.nii"), nibabel.load(tmp_path / "alone.nii")
    np.testing.assert_allclose(found.affine, expected.affine, atol=1e-4)
    np.testing.assert_array_equal(np.asarray(found.dataobj).ravel(), np.asarray(expected.dataobj).ravel())
    for code in ("qform_code", "sform_code"):
        assert found.header[code] == expected.header[code]


@pytest.mark.parametrize("entry", REFUSED, ids=lambda entry: entry.name)
def test_what_flare_refuses_is_refused(entry: OddInput, tmp_path: Path) -> None:
    path = _scan(entry, tmp_path)
    if entry.name.startswith(VALUES):
        assert runner.read_scan(path).hu.dtype == np.int16
        return
    with pytest.raises((runner.ScanError, OSError)):
        runner.read_scan(path)


@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "u4", "i8", "u8", "f8"])
def test_types_of_voxels(tmp_path: Path, dtype: str) -> None:
    shift = -1100 if dtype[0] == "u" else 0
    voxels = (nibabel.load(nifti(tmp_path / "scan.nii")).get_fdata() - shift).clip(*_limits(dtype)).astype(dtype)
    path = nifti(tmp_path / "typed.nii", voxels, scl_slope=1, scl_inter=0)
    expected = np.asarray(nibabel.load(path).dataobj, np.float64).T
    np.testing.assert_array_equal(np.sort(runner.read_scan(path).hu, axis=None), np.sort(expected, axis=None))


TEXTS = {"data_type": b"Doe", "db_name": b"Doe, John", "descrip": b"1970-01-01", "aux_file": b"doe.img"}


@pytest.mark.parametrize("endianness", ["<", ">"])
def test_a_label_map_holds_nothing_of_the_scan_but_its_geometry(tmp_path: Path, endianness: str) -> None:
    """As the one that flare writes, byte by byte."""
    told = {**TEXTS, "intent_name": b"Doe", "intent_p1": 7, "toffset": 3, "slice_duration": 2, "cal_max": 240}
    path = nifti(tmp_path / "scan.nii", endianness=endianness, **told, dim_info=57, slice_code=1, glmax=9)
    scan, volume = runner.read_scan(path), read_volume(path)
    labels = np.ones(scan.hu.shape, np.uint8)
    runner.write_labels(tmp_path / "alone.nii", labels, scan)
    write_labels(tmp_path / "flare.nii", labels, volume)
    found, expected = (nibabel.load(tmp_path / name).header for name in ("alone.nii", "flare.nii"))
    assert b"oe" not in bytes(found.binaryblock)
    different = [
        key
        for key in expected
        if bytes(found[key].tobytes()) != bytes(expected.as_byteswapped(endianness)[key].tobytes())
    ]
    assert different == []


def _limits(dtype: str) -> tuple[float, float]:
    return (-1e4, 1e4) if dtype == "f8" else (np.iinfo(dtype).min, min(np.iinfo(dtype).max, 30_000))


def test_a_label_map_is_replaced_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scan = runner.read_scan(nifti(tmp_path / "scan.nii"))
    labels = np.ones(scan.hu.shape, np.uint8)
    target, link = tmp_path / "target.nii.gz", tmp_path / "link.nii.gz"
    target.write_bytes(b"earlier")
    link.symlink_to(target)

    def interrupted(_: int) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", interrupted)
        with pytest.raises(KeyboardInterrupt):
            runner.write_labels(link, labels, scan)
    assert target.read_bytes() == b"earlier"
    runner.write_labels(link, labels, scan)
    assert link.is_symlink()
    assert np.asarray(nibabel.load(target).dataobj).all()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link.nii.gz", "scan.nii", "target.nii.gz"]


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ("scan.nii", "would replace the scan"),
        ("link.nii", "would replace the scan"),
        ("hard.nii", "would replace the scan"),
        ("organs.txt", "must end in"),
        ("organs", "must end in"),
        ("folder.nii", "not a regular file"),
        ("missing/organs.nii", "does not exist"),
    ],
)
def test_outputs_that_are_refused(tmp_path: Path, labels: str, words: str) -> None:
    scan = nifti(tmp_path / "scan.nii")
    (tmp_path / "link.nii").symlink_to(scan)
    os.link(scan, tmp_path / "hard.nii")
    (tmp_path / "folder.nii").mkdir()
    with pytest.raises(SystemExit, match=words):
        check_output(tmp_path / labels, scan)
    check_output(tmp_path / "organs.NII.GZ", scan)


@pytest.mark.skipif(keras.backend.backend() != "openvino", reason="exports come from OpenVINO's graphs")
def test_the_command_refuses_in_one_line(folder: Path, tmp_path: Path) -> None:
    scan = nifti(tmp_path / "scan.nii", vox_offset=0)
    before = scan.read_bytes()
    short = tmp_path / "short.nii"
    short.write_bytes(before[:900])
    for given, labels, words in (
        (scan, scan, "would replace the scan"),
        (short, tmp_path / "organs.nii", "does not say where its voxels start"),
        (tmp_path / "no.nii", tmp_path / "organs.nii", "No such file"),
    ):
        ended = run_alone(folder / "run.py", given, labels)
        assert ended.returncode == 1
        assert words in ended.stderr
        assert len(ended.stderr.splitlines()) == 1
    assert scan.read_bytes() == before
    assert not (tmp_path / "organs.nii").exists()
