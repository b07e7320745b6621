"""Servers of files on this machine, in processes and threads that end with the tests."""

from __future__ import annotations

import contextlib
import functools
import http.server
import json
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

BUCKET = "scans"


class S3:
    """A running S3 server with one bucket.

    Args:
        folder: For its files.
    """

    def __init__(self, folder: Path) -> None:
        self._faults, self._log = folder / "faults.json", folder / "requests.txt"
        self._faults.write_text("")
        with self._log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.files.remote.s3_server", str(self._faults)],
                stdout=log,
                stderr=subprocess.DEVNULL,
                cwd=Path(__file__).resolve().parents[3],
            )
        while not (port := self._log.read_text().partition("\n")[0]):
            assert self.process.poll() is None, "the server ended"
        self.environment = {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
            "AWS_ACCESS_KEY_ID": "TESTKEYOFTHESERVER",
            "AWS_SECRET_ACCESS_KEY": "TESTSECRETOFTHESERVER",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }

    @functools.cached_property
    def client(self) -> Any:
        """Another program's view of the server."""
        import boto3

        return boto3.client(
            "s3",
            endpoint_url=self.environment["AWS_ENDPOINT_URL"],
            aws_access_key_id="other",
            aws_secret_access_key="other",
            region_name="us-east-1",
        )

    def put(self, key: str, content: Path | bytes) -> None:
        """Store an object."""
        data = content if isinstance(content, bytes) else content.read_bytes()
        self.client.put_object(Bucket=BUCKET, Key=key, Body=data)

    def get(self, key: str) -> bytes:
        """The content of an object."""
        content: bytes = self.client.get_object(Bucket=BUCKET, Key=key)["Body"].read()
        return content

    def listed(self, prefix: str = "") -> list[str]:
        """Keys of the objects, sorted."""
        listed = self.client.list_objects_v2(Bucket=BUCKET, Prefix=prefix)
        return [entry["Key"] for entry in listed.get("Contents", [])]

    def open_uploads(self) -> list[str]:
        """Keys of uploads that are neither complete nor given up."""
        return [entry["Key"] for entry in self.client.list_multipart_uploads(Bucket=BUCKET).get("Uploads", [])]

    def requests(self) -> list[str]:
        """Every request so far."""
        return self._log.read_text().splitlines()[1:]

    @contextmanager
    def fault(self, method: str, contains: str, action: str, after: int = 0) -> Iterator[None]:
        """Let requests fail in the body; see `tests.files.remote.s3_server`."""
        told = {"method": method, "contains": contains, "action": action, "after": after}
        self._faults.write_text(json.dumps(told))
        try:
            yield
        finally:
            self._faults.write_text("")

    def end(self) -> None:
        """End the process."""
        self.process.kill()
        self.process.wait()


@contextmanager
def s3_server(folder: Path) -> Iterator[S3]:
    """A server of its own; the test is skipped where its packages are not installed."""
    for package in ("moto", "flask", "boto3", "s3fs"):
        pytest.importorskip(package, reason=f"needs {package}: pip install 'flarecli[dev,remote]'")
    server = S3(folder)
    try:
        server.client.create_bucket(Bucket=BUCKET)
        yield server
    finally:
        server.end()


class GoogleStorage:
    """A running emulator of Google Cloud Storage with one bucket.

    Args:
        folder: For its output.
    """

    def __init__(self, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self._url = f"http://127.0.0.1:{port}"
        self.environment = {"STORAGE_EMULATOR_HOST": self._url, "FSSPEC_GS_TOKEN": "anon"}
        serve = f"create_server('127.0.0.1', {port}, True, {BUCKET!r}).run()"
        program = f"from gcp_storage_emulator.server import create_server; {serve}"
        with (folder / "google.txt").open("w") as log:
            self.process = subprocess.Popen([sys.executable, "-c", program], stdout=log, stderr=log)
        for _ in range(300):
            with contextlib.suppress(OSError):
                self.listed()
                return
            time.sleep(0.1)
        self.end()
        pytest.fail((folder / "google.txt").read_text())

    def put(self, key: str, content: bytes) -> None:
        """Store an object."""
        url = f"{self._url}/upload/storage/v1/b/{BUCKET}/o?uploadType=media&name={key}"
        with urllib.request.urlopen(urllib.request.Request(url, content, method="POST")):
            pass

    def listed(self) -> list[str]:
        """Keys of the objects, sorted."""
        with urllib.request.urlopen(f"{self._url}/storage/v1/b/{BUCKET}/o") as answer:
            return sorted(entry["name"] for entry in json.load(answer).get("items", []))

    def end(self) -> None:
        """End the process."""
        self.process.kill()
        self.process.wait()


@contextmanager
def google_server(folder: Path) -> Iterator[GoogleStorage]:
    """A server of its own; the test is skipped where its packages are not installed."""
    for package in ("gcp_storage_emulator", "gcsfs"):
        pytest.importorskip(package, reason=f"needs {package}: pip install 'flarecli[dev,remote]'")
    server = GoogleStorage(folder)
    try:
        yield server
    finally:
        server.end()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves a folder; `/short/NAME` is cut off, `/refused/NAME` answers with 403, and a query is logged."""

    def log_message(self, format: str, *arguments: Any) -> None:
        self.server.seen.append(self.requestline)  # type: ignore[attr-defined]

    def do_GET(self) -> None:
        if self.path.startswith("/refused/"):
            self.send_error(403)
        elif self.path.startswith("/short/"):
            content = (Path(self.directory) / self.path.removeprefix("/short/")).read_bytes()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(content[: len(content) // 2])
                self.close_connection = True
        elif self.command == "GET":
            super().do_GET()
        else:
            super().do_HEAD()

    def do_HEAD(self) -> None:
        self.do_GET()


class HttpServer(http.server.ThreadingHTTPServer):
    """A server that remembers what it was asked."""

    daemon_threads = True

    def __init__(self, folder: Path) -> None:
        self.seen: list[str] = []
        super().__init__(("127.0.0.1", 0), functools.partial(_Quiet, directory=str(folder)))

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that go away are none of its business."""

    @property
    def address(self) -> str:
        """Its address, without a slash at the end."""
        return f"http://127.0.0.1:{self.server_port}"


@contextmanager
def http_server(folder: Path) -> Iterator[HttpServer]:
    """A server of the files of a folder."""
    pytest.importorskip("aiohttp", reason="needs aiohttp: pip install 'flarecli[remote]'")
    pytest.importorskip("fsspec", reason="needs fsspec: pip install 'flarecli[remote]'")
    server = HttpServer(folder)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
