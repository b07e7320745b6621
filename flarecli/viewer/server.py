"""Serves one page to this machine only: 127.0.0.1, a free port, and a secret in every address."""

from __future__ import annotations

import secrets
import shutil
import threading
import time
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any, BinaryIO

from flarecli.errors import OutputError
from flarecli.viewer.content import ServedContent

_HOST = "127.0.0.1"
_TOKEN_BYTES = 24
_PART_BYTES = 1 << 20
_BEAT_S = 1.0
_GRACE_S = 3.0
"""A page that is reloaded is closed for a moment."""

_HEADERS = {
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class ViewerServer:
    """A server of one page.

    Args:
        page: The page.
        content: The data that the page loads.

    Attributes:
        address: Address of the page.

    Raises:
        OutputError: when no port can be opened.
    """

    def __init__(self, page: bytes, content: ServedContent) -> None:
        self._page, self._content = page, content
        self._token = secrets.token_urlsafe(_TOKEN_BYTES)
        self._pages = 0
        self._closed_at: float | None = None
        self._counting = threading.Lock()
        self._reading = threading.Lock()
        self._ended = threading.Event()
        try:
            self._server = _Server((_HOST, 0), self._handler())
        except OSError as error:
            raise OutputError(
                "no port of this machine can be opened for the viewer",
                seen=error.strerror or str(error),
                remedy="Write the page to a file with --html FILE.html.",
            ) from error
        self._port = self._server.server_address[1]
        self.address = f"http://{_HOST}:{self._port}/{self._token}/"

    def run(self, ready: Callable[[str], None]) -> None:
        """Serve until the page is closed, or until an exception such as an interruption ends it.

        Args:
            ready: Called with the address as soon as it can be opened.
        """
        thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
        thread.start()
        try:
            ready(self.address)
            while not self._is_over():
                time.sleep(0.1)
        finally:
            self._ended.set()
            self._server.shutdown()
            self._server.server_close()
            thread.join()

    def _is_over(self) -> bool:
        with self._counting:
            return self._pages == 0 and self._closed_at is not None and time.monotonic() - self._closed_at > _GRACE_S

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        viewer = self

        class Handler(BaseHTTPRequestHandler):
            server_version, sys_version = "flare", ""
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                viewer._answer(self)

            def log_message(self, *arguments: Any) -> None:
                """Requests are not logged."""

        return Handler

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        name = self._asked(request)
        if name is None:
            _refuse(request)
        elif name == "":
            _send(request, self._page, "text/html; charset=utf-8")
        elif name == "alive":
            self._stay_open(request)
        elif name == "scan":
            self._send_scan(request)
        elif name.startswith("labels-") and (place := _number(name)) is not None and place < len(self._content.labels):
            _send(request, self._content.labels[place])
        elif name.startswith("surface-") and (label := _number(name)) is not None and self._content.surfaces:
            _send(request, self._content.surfaces.file(label) or b"")
        else:
            _refuse(request)

    def _asked(self, request: BaseHTTPRequestHandler) -> str | None:
        """The requested path; None where the secret or the host is wrong, as in requests of other sites."""
        hosts = (f"{_HOST}:{self._port}", f"localhost:{self._port}")
        _, _, path = request.path.partition("/")
        token, slash, name = path.partition("/")
        is_ours = request.headers.get("Host") in hosts and secrets.compare_digest(token.encode(), self._token.encode())
        return name if is_ours and slash else None

    def _send_scan(self, request: BaseHTTPRequestHandler) -> None:
        _begin(request, "application/octet-stream", self._content.scan_bytes)
        with self._reading:  # of one file there is one place
            self._content.scan.seek(0)
            _copy(self._content.scan, request)

    def _stay_open(self, request: BaseHTTPRequestHandler) -> None:
        """Hold a connection as long as the page is open; sending the next byte fails once it is closed."""
        request.close_connection = True
        request.send_response(HTTPStatus.OK)
        _end_headers(request, "text/plain")
        with self._counting:
            self._pages += 1
        try:
            while not self._ended.wait(_BEAT_S):
                request.wfile.write(b".")
                request.wfile.flush()
        except OSError:
            pass
        finally:
            with self._counting:
                self._pages -= 1
                self._closed_at = time.monotonic()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def server_bind(self) -> None:
        """Bind without looking up a name of the address, as `http.server` does, which may use the network."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = _HOST, self.server_address[1]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that breaks is no error of the viewer."""


def _number(name: str) -> int | None:
    text = name.partition("-")[2]
    return int(text) if text.isdecimal() and text.isascii() and len(text) < 6 else None


def _refuse(request: BaseHTTPRequestHandler) -> None:
    request.send_response(HTTPStatus.NOT_FOUND)
    request.send_header("Content-Length", "0")
    _end_headers(request, "text/plain")


def _begin(request: BaseHTTPRequestHandler, kind: str, size: int) -> None:
    request.send_response(HTTPStatus.OK)
    request.send_header("Content-Length", str(size))
    _end_headers(request, kind)


def _end_headers(request: BaseHTTPRequestHandler, kind: str) -> None:
    request.send_header("Content-Type", kind)
    for name, value in _HEADERS.items():
        request.send_header(name, value)
    request.end_headers()


def _send(request: BaseHTTPRequestHandler, content: bytes, kind: str = "application/octet-stream") -> None:
    _begin(request, kind, len(content))
    request.wfile.write(content)


def _copy(file: BinaryIO, request: BaseHTTPRequestHandler) -> None:
    shutil.copyfileobj(file, request.wfile, _PART_BYTES)
