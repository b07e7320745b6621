"""The server answers its own page alone, and ends when that is closed."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from flarecli.viewer.content import served_content
from flarecli.viewer.server import ViewerServer
from tests.viewer.scenes import save_scene, scan_voxels


class Served:
    """A viewer that runs in a thread."""

    def __init__(self, server: ViewerServer) -> None:
        self.address = urlsplit(server.address)
        self.ready = threading.Event()
        self.thread = threading.Thread(target=server.run, args=(lambda address: self.ready.set(),), daemon=True)
        self.thread.start()
        assert self.ready.wait(10)

    def ask(self, path: str, host: str | None = None, method: str = "GET") -> tuple[int, bytes, dict[str, str]]:
        connection = http.client.HTTPConnection("127.0.0.1", self.address.port or 0, timeout=10)
        try:
            connection.request(method, path, headers={} if host is None else {"Host": host})
            answer = connection.getresponse()
            return answer.status, answer.read(), dict(answer.getheaders())
        finally:
            connection.close()

    def hold(self) -> http.client.HTTPResponse:
        """Be a page: the connection stays open until it is closed."""
        connection = http.client.HTTPConnection("127.0.0.1", self.address.port or 0, timeout=10)
        connection.request("GET", f"{self.address.path}alive")
        answer = connection.getresponse()
        assert answer.read(1) == b"."
        return answer


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    monkeypatch.setattr("flarecli.viewer.server._GRACE_S", 0.5)
    monkeypatch.setattr("flarecli.viewer.server._BEAT_S", 0.1)
    scan, labels, _ = save_scene(tmp_path)
    content = served_content(scan, [labels])
    viewer = Served(ViewerServer(b"<!doctype html>", content))
    yield viewer
    if viewer.thread.is_alive():
        viewer.hold().close()
        viewer.thread.join(10)
    assert not viewer.thread.is_alive()
    content.scan.close()


def test_no_name_is_looked_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object) -> None:
        raise AssertionError(arguments)

    for name in ("getaddrinfo", "gethostbyaddr", "gethostbyname", "gethostbyname_ex", "getfqdn"):
        monkeypatch.setattr(socket, name, refuse)
    scan, labels, _ = save_scene(tmp_path)
    content = served_content(scan, [labels])
    server = ViewerServer(b"", content)
    assert server.address.startswith("http://127.0.0.1:")
    with pytest.raises(KeyboardInterrupt):  # what `ready` raises ends the server
        server.run(lambda address: (_ for _ in ()).throw(KeyboardInterrupt))
    content.scan.close()


def test_page_and_voxels_are_served_under_the_secret_alone(served: Served) -> None:
    assert served.address.hostname == "127.0.0.1"
    secret = served.address.path
    assert len(secret) > 30
    status, page, headers = served.ask(secret)
    assert (status, page) == (200, b"<!doctype html>")
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "Access-Control-Allow-Origin" not in headers
    assert served.ask(f"{secret}scan")[1] == scan_voxels().astype("<i2").tobytes()
    assert served.ask(f"{secret}labels-0")[1][:2] == b"\x1f\x8b"
    assert len(served.ask(f"{secret}surface-1")[1]) > 1000
    assert served.ask(f"{secret}surface-7")[:2] == (200, b"")


@pytest.mark.parametrize(
    "path",
    ["/", "/scan", "/wrong/scan", "{0}../scan", "{0}labels-1", "{0}labels-x", "{0}labels--1", "{0}etc/passwd", "{1}"],
)
def test_all_else_is_not_found(served: Served, path: str) -> None:
    secret = served.address.path
    assert served.ask(path.format(secret, secret.rstrip("/")))[:2] == (404, b"")


def test_another_site_cannot_reach_it_by_a_name_of_its_own(served: Served) -> None:
    port = served.address.port
    assert served.ask(served.address.path, host=f"evil.example:{port}")[0] == 404
    assert served.ask(served.address.path, host=f"localhost:{port}")[0] == 200
    assert served.ask(served.address.path, method="POST")[0] == 501


def test_it_outlives_a_page_that_is_loaded_again_and_ends_with_the_last_one(served: Served) -> None:
    first = served.hold()
    second = served.hold()
    first.close()
    time.sleep(1.2)
    assert served.thread.is_alive()
    second.close()
    served.thread.join(10)
    assert not served.thread.is_alive()
    with pytest.raises(ConnectionRefusedError):
        served.ask(served.address.path)
