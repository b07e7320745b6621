"""The command reads NIfTI files without pydicom, and DICOM all the same."""

from __future__ import annotations

import subprocess
import sys

import pytest

_LEAVE = "from flarecli.cli.startup.nibabel_import import leave_pydicom_out; leave_pydicom_out()"


def _run(code: str) -> str:
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_reading_scans_imports_no_pydicom() -> None:
    told = _run(f"{_LEAVE}; import sys, flarecli.volume; print('nibabel' in sys.modules, 'pydicom' in sys.modules)")
    assert told == "True False"


def test_pydicom_can_be_imported_before_and_after() -> None:
    pytest.importorskip("pydicom", reason="needs the extra io: pip install 'flarecli[io]'")
    after = (
        f"{_LEAVE}; import nibabel, pydicom; print(pydicom.__name__, nibabel.__loader__.get_data(nibabel.__file__)[:3])"
    )
    assert _run(after).startswith("pydicom b'")
    before = f"import pydicom; {_LEAVE}; import nibabel; print(nibabel.nifti1.have_dicom)"
    assert _run(before) == "True"
