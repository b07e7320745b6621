"""moto's S3 server with faults on demand: `python -m tests.files.remote.s3_server FAULT_FILE`; prints its port.

The file holds one fault as JSON, or is empty: `method` and `contains` say which requests meet it (`contains` stands in
the address or query), `after` how many of them go well before, `action` what happens: "503", "403", "drop" (the
connection ends), "truncate" (a body ends halfway) or "exit" (the server ends). Each request is written on a line of
standard output.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

_BODY = b"<Error><Code>%s</Code><Message>on demand</Message></Error>"


class FaultyApplication:
    """A WSGI application around another one."""

    def __init__(self, inner: Callable[..., Iterable[bytes]], faults: Path) -> None:
        self._inner, self._faults = inner, faults
        self._text, self._met = "", 0

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        address = f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}?{environ.get('QUERY_STRING', '')}"
        print(address, flush=True)
        action = self._action(environ["REQUEST_METHOD"], address)
        if action == "exit":
            os._exit(0)
        if action in ("403", "503"):
            environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            code = b"AccessDenied" if action == "403" else b"SlowDown"
            start_response(f"{action} fault", [("Content-Type", "application/xml")])
            return [_BODY % code]
        if action == "drop":
            _end_connection(environ)
        answer = self._inner(environ, start_response)
        if action == "truncate":
            body = b"".join(answer)
            return _halved(body, environ)
        return answer

    def _action(self, method: str, address: str) -> str | None:
        text = self._faults.read_text(encoding="utf-8")
        if text != self._text:
            self._text, self._met = text, 0
        if not text:
            return None
        fault = json.loads(text)
        if method != fault["method"] or fault["contains"] not in address:
            return None
        self._met += 1
        return str(fault["action"]) if self._met > fault.get("after", 0) else None


def _halved(body: bytes, environ: dict[str, Any]) -> Iterable[bytes]:
    yield body[: len(body) // 2]
    _end_connection(environ)


def _end_connection(environ: dict[str, Any]) -> None:
    with contextlib.suppress(OSError):
        environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)


def main() -> None:
    """Serve until the process is ended."""
    application = FaultyApplication(DomainDispatcherApplication(create_backend_app), Path(sys.argv[1]))
    server = make_server("127.0.0.1", 0, application, threaded=True)
    print(server.server_port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
