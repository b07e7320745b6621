"""Servers and settings of every test here."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from flarecli.addresses import FOLDER_SUFFIX
from flarecli.files.remote import connections
from tests.files.remote.servers import BUCKET, S3, HttpServer, http_server, s3_server
from tests.threshold_system import ThresholdSystem


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3]:
    with s3_server(tmp_path_factory.mktemp("s3")) as running:
        yield running


@pytest.fixture
def s3(server: S3, monkeypatch: pytest.MonkeyPatch) -> S3:
    """The server, empty, with credentials in the environment."""
    for key in server.listed():
        server.client.delete_object(Bucket=BUCKET, Key=key)
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    return server


@pytest.fixture
def files(tmp_path: Path) -> Iterator[HttpServer]:
    (tmp_path / "served").mkdir()
    with http_server(tmp_path / "served") as running:
        yield running


@pytest.fixture(autouse=True)
def threshold_system(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flarecli.weights.selection.system_named", lambda name: ThresholdSystem())
    monkeypatch.setattr("flarecli.systems.system_named", lambda name: ThresholdSystem())


@pytest.fixture(autouse=True, scope="module")
def _one_try() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(connections, "_TRIES", 1)
        yield


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder for temporary files, empty after every test."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert [path.name for path in folder.iterdir() if FOLDER_SUFFIX in path.name] == []
