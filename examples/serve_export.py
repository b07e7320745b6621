"""Serve an exported system over HTTP, with Python's standard library, numpy and the runtime of its networks alone.

flare is not needed where this runs; only the folder that `flare export` made is.

    python serve_export.py exported --port 8000
    curl --data-binary @scan.nii.gz http://127.0.0.1:8000/ --output labels.nii.gz
    curl http://127.0.0.1:8000/contract.json

A scan is answered by its label map in NIfTI, a scan that cannot be segmented by a line of text and status 422. One scan
is computed at a time. The server listens on this machine only unless `--host` says otherwise; it has no users and no
encryption of its own.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

MOST_BYTES = 2_000_000_000


def make_server(folder: Path, host: str, port: int, threads: int = 0) -> ThreadingHTTPServer:
    """Load the exported networks; returns a server that answers when it is told to."""
    sys.path.insert(0, str(folder))
    runner = importlib.import_module("run")  # the run.py that flare export has written
    contract = json.loads((folder / "contract.json").read_text(encoding="utf-8"))
    networks = runner.load_networks(folder, contract, threads)
    computing = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path != "/contract.json":
                self.answer(404, "text/plain", b"POST a scan to /, or GET /contract.json\n")
            else:
                self.answer(200, "application/json", json.dumps(contract).encode())

        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            if not 0 < length <= MOST_BYTES:
                self.answer(413, "text/plain", f"Send 1 to {MOST_BYTES} bytes, with their number\n".encode())
                return
            with tempfile.TemporaryDirectory() as name:
                scan_path, labels_path = Path(name, "scan.nii"), Path(name, "labels.nii.gz")
                scan_path.write_bytes(self.rfile.read(length))
                try:
                    scan = runner.read_scan(scan_path)
                    with computing:
                        labels = runner.segment(scan, networks, contract["method"])
                except (ValueError, EOFError, OSError) as error:
                    self.answer(422, "text/plain", f"{str(error).replace(name, '')}\n".encode())
                    return
                runner.write_labels(labels_path, labels, scan)
                self.answer(200, "application/gzip", labels_path.read_bytes())

        def answer(self, status: int, kind: str, content: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    return ThreadingHTTPServer((host, port), Handler)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, help="folder that flare export has made")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000, help="0 takes any that is free")
    parser.add_argument("--threads", type=int, default=0, help="processor threads")
    arguments = parser.parse_args()
    server = make_server(arguments.folder, arguments.host, arguments.port, arguments.threads)
    print(f"http://{arguments.host}:{server.server_port}/", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
