"""The wheel in a fresh environment without extras: every verb and every system ends with a result or a message."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        os.environ.get("KERAS_BACKEND", "openvino") != "openvino", reason="a plain install has OpenVINO"
    ),
]

ROOT = Path(__file__).resolve().parent.parent.parent
MAXIMUM_WHEEL_MB = 20

SCAN, TRUTH = "phantom_ct_0000.nii.gz", "phantom_ct.nii.gz"
SMALL = "dataset/TrainingImg/train_000_0000.nii.gz"  # 6 cm high; of a dataset that a call makes
SCORES = "Name,DSC_1,NSD-1mm_1\n" + "".join(f"case{n},0.{n}{{0}},0.{n}{{0}}\n" for n in range(1, 7))

# Arguments, exit code, and what must be printed. In this order: some use what others have made.
CALLS: tuple[tuple[str, int, str], ...] = (
    ("--version", 0, r"flare \d+\.\d+\.\d+"),
    ("--help", 0, "predict"),
    ("doctor", 0, "openvino"),
    ("systems", 0, "efficientsegnet"),
    ("weights list", 0, "flarelite"),
    ("weights show flarelite locate", 0, "licen"),
    ("weights verify", 0, "flarelite"),
    ("phantom dataset -n 2 --shape 10x40x40 --spacing 6x5x5", 0, "arterial"),
    (f"predict {SCAN} organs.nii.gz --preview organs.png --statistics organs.csv", 0, "done"),
    (f"predict {SMALL} scn.nii.gz --system efficientscn", 0, "done"),
    (f"predict {SMALL} segnet.nii.gz --system efficientsegnet", 0, "done"),
    (f"predict {SMALL} vgg13.nii.gz --system vgg13", 0, "done"),
    (f"predict {SCAN} torch.nii.gz --backend torch", 5, r"pip install 'flarecli\[torch\]'"),
    ("predict dicom dicom.nii.gz", 5, r"pip install 'flarecli\[io\]'"),
    (f"evaluate organs.nii.gz {TRUTH} --report report.html --images {SCAN}", 0, "0 failures"),
    ("evaluate compare a.csv b.csv", 0, "bootstrap"),
    ("evaluate rank a.csv b.csv", 0, "rank"),
    ("preprocess dataset cache --system flarelite", 0, "2 written"),
    ("train cache run --iterations 1", 5, r"pip install 'flarecli\[torch\]'"),
    ("train run --synthesize-from phantoms --dry-run", 0, "learning_rate"),
    (f"profile {SMALL} --cold 1 --warm 1", 0, "seconds"),
)


LIBRARY = (
    f"import flarecli; assert flarecli.segment('{SCAN}').organs['liver'].volume_ml > 1000",
    # The networks need nothing of the command.
    "import os, sys; os.environ['KERAS_BACKEND'] = 'openvino'; import flarecli_models.flarelite; "
    "assert not [name for name in sys.modules if name.split('.')[0] in ('flarecli', 'typer', 'nibabel')]",
)


def _ran(command: Sequence[str | Path], folder: Path, timeout: int = 300) -> subprocess.CompletedProcess[str]:
    ours = ("PYTHON", "KERAS", "FLARE", "VIRTUAL_ENV", "COV_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    environment |= {"FLARE_CACHE": str(folder / "flare-cache"), "FLARE_WEIGHTS": str(folder / "flare-weights")}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, encoding="utf-8", timeout=timeout, check=False
    )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from this checkout; skips where the package index cannot be reached."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet")
    download = ("download", "--no-deps", "--retries", "0", "--timeout", "20", "--dest", folder / "index", "hatchling")
    if _ran((*pip, *download), folder).returncode != 0:
        pytest.skip("needs a package index to install from")
    source = folder / "source"
    for name in ("flarecli", "flarecli_models"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    built = _ran((*pip, "wheel", "--no-deps", "--wheel-dir", folder, source), folder)
    assert built.returncode == 0, built.stderr
    return next(folder.glob("flarecli-*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an environment `env` that holds the wheel, its dependencies and nothing else."""
    folder = tmp_path_factory.mktemp("installed")
    assert _ran((sys.executable, "-m", "venv", "--without-pip", folder / "env"), folder).returncode == 0
    _install(wheel, folder)
    for name in (SCAN, TRUTH):
        shutil.copy(ROOT / "examples" / name, folder)
    for name, digit in (("a", "1"), ("b", "5")):
        (folder / f"{name}.csv").write_text(SCORES.replace("{0}", digit))
    (folder / "dicom").mkdir()
    (folder / "dicom" / "slice.dcm").write_bytes(bytes(128) + b"DICM" + bytes(64))
    return folder


def _install(wheel: Path, folder: Path) -> None:
    """Install the wheel into `env` with pip, or with uv, a tenth of the work, where that has installed the tests."""
    to_install = ("install", "--quiet", "--constraint", ROOT / "constraints.txt", wheel)
    uv = shutil.which("uv")
    if uv is not None and os.environ.get("INSTALLER", "").startswith("uv "):  # the Justfile's
        done = _ran((uv, "pip", *to_install, "--python", folder / "env" / "bin" / "python"), folder, timeout=600)
        if done.returncode == 0:
            return
    # Not compiled: of most of the installed modules no command imports one.
    done = _ran((*_pip(folder), *to_install, "--no-compile"), folder, timeout=600)
    assert done.returncode == 0, done.stderr


def _pip(folder: Path) -> tuple[str | Path, ...]:
    """The pip of the tests, which takes seconds to put a pip into an environment, at work in `env`."""
    return (sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", folder / "env" / "bin" / "python")


def test_the_wheel_is_small_and_holds_what_it_needs_and_no_more(wheel: Path) -> None:
    assert wheel.stat().st_size < MAXIMUM_WHEEL_MB * 1e6
    names = zipfile.ZipFile(wheel).namelist()
    assert {"flarecli/py.typed", "flarecli/cli/entry.py", "flarecli_models/efficientscn.py"} <= set(names)
    assert not [name for name in names if name.startswith(("tests", "docs", "examples", "benchmarks"))]


def test_every_verb_and_system_ends_with_a_result_or_a_message(installed: Path) -> None:
    """One test for all, so that tests that run at the same time install once."""
    _check_that_no_extra_is_installed(installed)
    wrong = [problem for call in CALLS if (problem := _problem(installed, *call))]
    assert not wrong, "\n".join(wrong)
    for script in LIBRARY:
        finished = _ran((installed / "env" / "bin" / "python", "-c", script), installed)
        assert finished.returncode == 0, finished.stderr


def _problem(installed: Path, arguments: str, code: int, printed: str) -> str | None:
    finished = _ran((installed / "env" / "bin" / "flare", *arguments.split()), installed)
    output = finished.stdout + finished.stderr
    is_right = finished.returncode == code and re.search(printed, " ".join(output.split()), re.IGNORECASE)
    return None if is_right and "Traceback" not in output else f"flare {arguments}: {finished.returncode}\n{output}"


def _check_that_no_extra_is_installed(installed: Path) -> None:
    listed = _ran((*_pip(installed), "list", "--format", "json"), installed)
    names = {package["name"].lower() for package in json.loads(listed.stdout)}
    assert {"flarecli", "keras", "openvino"} <= names
    assert names.isdisjoint({"torch", "tensorflow", "tensorflow-cpu", "simpleitk", "pydicom", "pytest"})
    consistent = _ran((*_pip(installed), "check"), installed)
    assert consistent.returncode == 0, consistent.stdout
