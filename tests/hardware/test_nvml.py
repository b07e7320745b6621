"""GPU figures, through the real `pynvml` from a library that speaks NVML's C interface."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.profiling.fake_nvml import build_fake_nvml, run_with_fake_nvml

PROGRAM = """
import json, os, pathlib
from flarecli.hardware.nvml import NoGpu, open_gpu
pathlib.Path(os.environ["FAKE_NVML_PROCESS"]).write_text(f"{os.getpid()} 700")
gpu = open_gpu(os.environ)
if isinstance(gpu, NoGpu):
    print(json.dumps({"reason": gpu.reason}))
else:
    readings = [gpu.read(os.getpid()) for _ in range(4)]
    stranger = gpu.read(4_000_000)
    gpu.close()
    print(json.dumps({
        "name": gpu.name, "driver": gpu.driver, "notes": gpu.notes,
        "readings": [None if one is None else vars(one) for one in readings],
        "stranger_mb": None if stranger is None else stranger.process_mb,
    }))
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_fake_nvml(tmp_path_factory.mktemp("nvml"))


def seen(library: Path, machine: str, visible: str | None = None) -> dict[str, Any]:
    process = str(library.with_name("process"))
    ended = run_with_fake_nvml(library, machine, PROGRAM, visible=visible, FAKE_NVML_PROCESS=process)
    assert ended.returncode == 0, ended.stderr
    content: dict[str, Any] = json.loads(ended.stdout)
    return content


def test_memory_of_process_and_device_and_energy(library: Path) -> None:
    facts = seen(library, "normal")
    first, second, *_ = facts["readings"]
    assert facts["name"] == "Fake GPU"
    assert facts["driver"] == "570.00"
    assert facts["notes"] == []
    assert first["process_mb"] == pytest.approx(700)
    assert first["used_mb"] == pytest.approx(1000)  # without what the driver keeps for itself
    assert first["taken_mib"] == pytest.approx(1000e6 / 2**20 + 400)  # with it
    assert second["energy_j"] - first["energy_j"] == pytest.approx(0.25)
    assert facts["stranger_mb"] is None


def test_driver_that_knows_only_the_first_version_of_the_memory_call(library: Path) -> None:
    first = seen(library, "old_driver")["readings"][0]
    assert first["used_mb"] == pytest.approx(1000 + 400 * 2**20 / 1e6)
    assert first["taken_mib"] == pytest.approx(1000e6 / 2**20 + 400)


@pytest.mark.parametrize(
    ("machine", "words"),
    [
        ("no_gpu", "sees no GPU"),
        ("not_loaded", "not loaded"),
        ("no_init_permission", "/dev/nvidia"),
        ("version_mismatch", "restart the machine"),
        ("no_permission", "No permission to read this GPU"),
    ],
)
def test_absent_gpus_have_reasons(library: Path, machine: str, words: str) -> None:
    assert words in seen(library, machine)["reason"]


def test_no_library_at_all(tmp_path: Path) -> None:
    # A file that is not a library hides a real driver's.
    (tmp_path / "libnvidia-ml.so.1").write_bytes(b"")
    ended = run_with_fake_nvml(
        tmp_path / "libnvidia-ml.so.1", "normal", PROGRAM, FAKE_NVML_PROCESS=str(tmp_path / "process")
    )
    assert "No NVIDIA driver was found" in json.loads(ended.stdout)["reason"]


@pytest.mark.parametrize(("visible", "words"), [("", "hides every GPU"), ("-1", "hides every GPU"), ("3", "cannot")])
def test_visible_devices_decide(library: Path, visible: str, words: str) -> None:
    assert words in seen(library, "normal", visible)["reason"]
    assert seen(library, "normal", "0,1")["name"] == "Fake GPU"
    assert seen(library, "normal", "GPU-5")["name"] == "Fake GPU"
    assert "cannot" in seen(library, "normal", "GPU-unknown")["reason"]


def test_a_digit_that_is_no_number_is_taken_for_a_name(library: Path) -> None:
    assert seen(library, "normal", "²")["name"] == "Fake GPU"


def test_split_gpu_gives_its_instance(library: Path) -> None:
    facts = seen(library, "mig")
    assert facts["name"] == "Fake GPU MIG 1g.10gb"
    assert "first instance" in facts["notes"][0]
    assert "does not tell its energy" in facts["notes"][1]
    assert facts["readings"][0]["energy_j"] is None
    assert "CUDA_VISIBLE_DEVICES names" in seen(library, "mig", "MIG-7")["notes"][0]


def test_split_gpu_without_instance(library: Path) -> None:
    assert "has no instance" in seen(library, "mig_empty")["notes"][0]


@pytest.mark.parametrize(("machine", "words"), [("wsl", "without its memory"), ("no_processes", "does not list")])
def test_process_memory_that_is_not_told(library: Path, machine: str, words: str) -> None:
    facts = seen(library, machine)
    assert [reading["process_mb"] for reading in facts["readings"]] == [None] * 4
    assert [words in note for note in facts["notes"]] == [True]
    assert facts["readings"][0]["used_mb"] == pytest.approx(1000)


def test_no_energy_counter(library: Path) -> None:
    facts = seen(library, "no_energy")
    assert facts["readings"][0]["energy_j"] is None
    assert facts["readings"][0]["process_mb"] == pytest.approx(700)
    assert "energy" in facts["notes"][0]


def test_gpu_that_is_lost_meanwhile(library: Path) -> None:
    facts = seen(library, "lost")
    assert facts["readings"][0] is not None
    assert facts["readings"][-1] is None
    assert "stopped answering" in facts["notes"][0]
