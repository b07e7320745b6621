"""The command imports nibabel, typer, Rich and scipy without parts that it does not use; these work all the same."""

from __future__ import annotations

import subprocess
import sys

import pytest

_LEAVE = "from flarecli.cli.startup.lighter_imports import leave_out_unused_parts; leave_out_unused_parts()"


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


def test_help_imports_neither_parsers_nor_what_prints_tracebacks() -> None:
    names = "('rich.markdown', 'rich.traceback', 'markdown_it', 'pygments', 'attr', 'pydantic')"
    told = _run(
        "import atexit, sys; sys.argv = ['flare', '--help']; "
        f"atexit.register(lambda: print('imported', [name for name in {names} if name in sys.modules])); "
        "from flarecli.cli.entry import main; main()"
    )
    assert "predict" in told
    assert told.endswith("imported []")


def test_what_help_leaves_out_works_when_it_is_used() -> None:
    """For programs of others in this process, and for whoever runs typer with Markdown."""
    told = _run(
        f"{_LEAVE}; import typer.rich_utils as help; made = help.Markdown('*a*'); "
        "error = help.Traceback.from_exception(ValueError, ValueError('b'), None); "
        "import attr, rich.markdown, rich.traceback; "
        "print(type(made) is rich.markdown.Markdown, type(error) is rich.traceback.Traceback, attr.__name__)"
    )
    assert told == "True True attr"


def test_parts_that_are_there_already_are_used() -> None:
    told = _run(
        f"import rich.markdown; {_LEAVE}; import typer.rich_utils as help; "
        "print(help.Markdown is rich.markdown.Markdown)"
    )
    assert told == "True"


def test_scipy_imports_no_fortran_compiler_and_these_parts_of_numpy_work_when_they_are_used() -> None:
    told = _run(
        f"{_LEAVE}; import sys, numpy, scipy.sparse; "
        "print([name for name in ('numpy.f2py', 'numpy.testing') if name in sys.modules], "
        "numpy.testing.assert_array_equal(1, 1), numpy.f2py.get_include.__name__)"
    )
    assert told == "[] None get_include"
    copied = f"{_LEAVE}; import sys, scipy.sparse; from scipy._lib._array_api import np_compat as copy; "
    assert _run(f"{copied}print('numpy.f2py' in sys.modules, copy.f2py.get_include.__name__)") == "False get_include"
    assert _run(f"{copied}copy.testing.assert_array_equal(1, 1)") == ""
    before = f"import numpy.testing; {_LEAVE}; import numpy, scipy.sparse; numpy.testing.assert_array_equal(1, 1)"
    assert _run(before) == ""
