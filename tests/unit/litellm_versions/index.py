"""A package index: the simple pages of a folder of wheels, with or without upload times, and with faults."""

from __future__ import annotations

import json
import re
import threading
from base64 import b64decode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

BOUNDS = re.compile(rb"^Requires-Python: (.*)$", re.MULTILINE)  # the wheels are not compressed


@dataclass
class Index:
    """An index that serves; `times` gives the upload time of some wheels, by file name, `status` a fault by path.

    password: the password that it wants; empty for none
    asked: the paths that were asked for
    """

    wheels: Path
    times: Mapping[str, str] | None = None
    status: dict[str, int] = field(default_factory=dict)
    password: str = ""
    asked: list[str] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/simple"

    def answer(self, path: str, authorization: str) -> tuple[int, str, bytes]:
        """Return status, content type and body."""
        self.asked.append(path)
        given = b64decode(authorization.removeprefix("Basic ")).decode().partition(":")[2]
        if self.password and given != self.password:
            return 401, "text/plain", b""
        kind, name = path.strip("/").split("/")
        if path.strip("/") in self.status:
            return self.status[path.strip("/")], "text/plain", b""
        if kind == "files":
            return 200, "application/octet-stream", (self.wheels / name).read_bytes()
        files = [
            self._file(one) for one in self.wheels.glob("*.whl") if one.name.split("-")[0].replace("_", "-") == name
        ]
        page = {"meta": {"api-version": "1.1"}, "name": name, "files": files}
        return (200 if files else 404), "application/vnd.pypi.simple.v1+json", json.dumps(page).encode()

    def _file(self, path: Path) -> dict[str, object]:
        digest = sha256(path.read_bytes()).hexdigest()
        about: dict[str, object] = {"filename": path.name, "url": f"/files/{path.name}", "hashes": {"sha256": digest}}
        if match := BOUNDS.search(path.read_bytes()):
            about["requires-python"] = match[1].decode()
        if self.times is not None:
            about["upload-time"] = self.times.get(path.name, "2020-01-01T00:00:00Z")
        return about


@contextmanager
def serving(index: Index) -> Iterator[Index]:
    """Serve an index on a free port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            code, kind, body = index.answer(self.path, self.headers.get("authorization", ""))
            self.send_response(code)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        do_HEAD = do_GET  # noqa: N815 - http.server's name

        def log_message(self, *words: object) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    index.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield index
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
