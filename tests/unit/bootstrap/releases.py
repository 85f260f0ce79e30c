"""A release server with the real URLs that can misbehave, and its archives."""

from __future__ import annotations

import gzip
import hashlib
import io
import re
import tarfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

REPO, TAG = "router-for-me/CLIProxyAPIPlus", "v6.8.16-0"
Misbehaviour = Callable[["Handler"], bool]  # responds instead of the server; returns false if it did not


def program(version: str = "6.8.16-0-plus", then: str = "exit 0", padding: int = 0) -> bytes:
    """Return a program that reports its version like the real one; the padding is incompressible."""
    line = f"CLIProxyAPI Version: {version}, Commit: d560c20c, BuiltAt: 2026-02-15T00:00:00Z"
    noise = b"".join(hashlib.sha256(bytes(str(n), "ascii")).hexdigest().encode() for n in range(padding // 64))
    return f"#!/bin/sh\necho '{line}'\n{then}\n# ".encode() + noise + b"\n"


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode = kind, link, 0o755
    return info


def tar_gz(*members: tuple[tarfile.TarInfo | str, bytes]) -> bytes:
    """Return a tar.gz archive."""
    out = io.BytesIO()
    with gzip.GzipFile(fileobj=out, mode="wb", mtime=0, compresslevel=1) as packed:
        with tarfile.open(fileobj=packed, mode="w") as tar:
            for info, data in members:
                entry = member(info) if isinstance(info, str) else info
                entry.size = len(data)
                tar.addfile(entry, io.BytesIO(data))
    return out.getvalue()


def zip_of(*members: tuple[zipfile.ZipInfo | str, bytes]) -> bytes:
    """Return a zip archive."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        for info, data in members:
            packed.writestr(info, data)
    return out.getvalue()


def release(data: bytes | None = None, name: str = "cli-proxy-api-plus") -> bytes:
    """Return the archive of a release: the program and other files."""
    return tar_gz(("LICENSE", b"MIT"), ("README.md", b"# read"), (name, data or program()))


def sums(**archives: bytes) -> bytes:
    return "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in archives.items()).encode()


@dataclass
class Releases:
    """The content of a release server, and the requests that it received.

    files: path → content
    tricks: path, or "" for all paths → responds instead of the server
    asked: path and headers of every request
    """

    files: dict[str, bytes] = field(default_factory=dict)
    misbehaviours: dict[str, Misbehaviour] = field(default_factory=dict)
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    port: int = 0

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def publish(
        self, platform: str, archive: bytes | None = None, *, repo: str = REPO, tag: str = TAG, **more: Any
    ) -> str:
        """Publish a release; return the archive's path. more: `name`, `listed` (content of checksums.txt)"""
        data = release() if archive is None else archive
        name = more.get("name") or f"CLIProxyAPIPlus_{tag.removeprefix('v')}_{platform}.tar.gz"
        folder = f"/{repo}/releases/download/{tag}"
        self.files |= {f"/{repo}": b"a page", f"{folder}/{name}": data}
        self.files[f"{folder}/checksums.txt"] = more.get("listed", sums(**{name: data}))
        return f"{folder}/{name}"

    def times(self, ending: str) -> int:
        """Count the requests for a path with this suffix."""
        return sum(path.endswith(ending) for path, _ in self.requests)


class Handler(BaseHTTPRequestHandler):
    """Serves files, and parts of them for a Range request."""

    protocol_version = "HTTP/1.1"
    has: Releases

    def do_GET(self) -> None:
        self.has.requests.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
        misbehaviour = self.has.misbehaviours.get(self.path) or self.has.misbehaviours.get("")
        if misbehaviour and misbehaviour(self):
            return
        data = self.has.files.get(self.path)
        if data is None:
            self.reply(404, b"Not Found")
            return
        start = re.fullmatch(r"bytes=(\d+)-", self.headers.get("range", ""))
        if start and self.headers.get("if-range") == self.tag(data):
            at = int(start[1])
            self.reply(206, data[at:], Content_Range=f"bytes {at}-{len(data) - 1}/{len(data)}", ETag=self.tag(data))
        else:
            self.reply(200, data, ETag=self.tag(data))

    def tag(self, data: bytes) -> str:
        return f'"{hashlib.sha256(data).hexdigest()[:12]}"'

    def reply(self, status: int, body: bytes = b"", *, length: int | None = None, **heads: Any) -> None:
        """Send a response; a length beyond the body's makes it truncated."""
        self.send_response(status)
        for name, value in {**heads, "Content-Length": str(len(body) if length is None else length)}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)
        if length is not None and length != len(body):
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Log nothing."""


class Quiet(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """Ignore clients that disconnect early."""


@contextmanager
def serving() -> Iterator[Releases]:
    """Serve releases on a free local port."""
    has = Releases()
    server = Quiet(("127.0.0.1", 0), type("One", (Handler,), {"has": has}))
    has.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield has
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


# --- misbehaviours


def times(count: int, misbehaviour: Misbehaviour) -> Misbehaviour:
    """Apply a misbehaviour a number of times, then respond normally."""
    left = [count]

    def play(handler: Handler) -> bool:
        left[0] -= 1
        return left[0] >= 0 and misbehaviour(handler)

    return play


def answers(status: int, body: bytes = b"", **heads: Any) -> Misbehaviour:
    """Send this response."""

    def play(handler: Handler) -> bool:
        handler.reply(status, body, **heads)
        return True

    return play


def truncates(at: int, *, marked: bool = True) -> Misbehaviour:
    """Send a part of the file, then close the connection. marked: with an ETag, so that it can be resumed"""

    def play(handler: Handler) -> bool:
        data = handler.has.files[handler.path]
        start = re.fullmatch(r"bytes=(\d+)-", handler.headers.get("range", ""))
        begin = int(start[1]) if start and marked else 0
        heads: dict[str, Any] = {"ETag": handler.tag(data)} if marked else {}
        if begin:
            heads["Content_Range"] = f"bytes {begin}-{len(data) - 1}/{len(data)}"
        handler.reply(206 if begin else 200, data[begin : begin + at], length=len(data) - begin, **heads)
        return True

    return play


def redirects(target: str) -> Misbehaviour:
    """Redirect to another server, with the same path."""

    def play(handler: Handler) -> bool:
        handler.reply(302, Location=target + handler.path)
        return True

    return play


def stalls(handler: Handler) -> bool:
    """Announce a megabyte and send it byte by byte."""
    handler.send_response(200)
    handler.send_header("Content-Length", str(1 << 20))
    handler.end_headers()
    gone = threading.Event()
    for _ in range(1000):
        try:
            handler.wfile.write(b"x")
        except OSError:
            break
        gone.wait(0.002)
    handler.close_connection = True
    return True
