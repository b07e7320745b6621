"""`examples/serve_export.py` answers scans with label maps, without flare."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import keras
import pytest

from tests.export.runs import _WITHOUT_FLARE

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(keras.backend.backend() != "openvino", reason="exports come from OpenVINO's graphs"),
]

SCRIPT = Path(__file__).resolve().parent.parent.parent / "examples" / "serve_export.py"


@pytest.fixture
def address(folder: Path) -> Iterator[str]:
    server = subprocess.Popen(
        [sys.executable, "-c", _WITHOUT_FLARE, str(SCRIPT), str(folder), "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        encoding="utf-8",
    )
    try:
        assert server.stdout is not None
        yield server.stdout.readline().strip()
    finally:
        server.terminate()
        server.wait(30)
        if server.stdout is not None:
            server.stdout.close()


def test_a_scan_is_answered_by_its_label_map(address: str, folder: Path) -> None:
    assert address.startswith("http://127.0.0.1:")
    with urllib.request.urlopen(f"{address}contract.json", timeout=60) as answer:
        assert json.load(answer)["system"] == "flarelite"
    scan = (folder / "self_test" / "scan.nii.gz").read_bytes()
    with urllib.request.urlopen(address, scan, timeout=300) as answer:
        labels = gzip.decompress(answer.read())
    expected = gzip.decompress((folder / "self_test" / "labels.nii.gz").read_bytes())
    assert labels[352:] == expected[352:]
    with pytest.raises(urllib.error.HTTPError, match="422") as refused:
        urllib.request.urlopen(address, b"no scan", timeout=60)
    with refused.value as error:
        assert b"is not a NIfTI-1 file" in error.read()
