"""The real stand-ins of a deployed rehearsal, as a process of a test's own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from flowgate.system import sockets
from tests.conftest import free_port, wait

KEY = "canary-key-of-the-stand-ins"


@dataclass
class StandInProcess:
    """The process, its ports, and a client of them."""

    marker: str = "flowgate-rehearsal-0123456789ab"
    profile: str = "balanced"
    time_scale: float = 1.0
    gateways: int = 1
    shared_redis: bool = False
    vendors: int = field(default_factory=free_port)
    refusing: int = field(default_factory=free_port)
    control: int = field(default_factory=free_port)
    process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.control}"

    def argv(self) -> list[str]:
        """Return the command line."""
        ports = {"--vendors": self.vendors, "--refusing": self.refusing, "--control": self.control}
        said = {"--marker": self.marker, "--profile": self.profile, "--time-scale": self.time_scale}
        pairs = [*((flag, f"127.0.0.1:{port}") for flag, port in ports.items()), *said.items()]
        words = [str(word) for pair in [*pairs, ("--gateways", self.gateways)] for word in pair]
        return [
            sys.executable,
            "-m",
            "flowgate.embedded_upstream.stand_ins",
            *words,
            *(["--shared-redis"] if self.shared_redis else []),
        ]

    def start(self) -> None:
        """Start the process, and wait until it answers."""
        environment = {"PATH": os.environ["PATH"], "REHEARSAL_KEY": KEY}
        self.process = subprocess.Popen(self.argv(), stdout=subprocess.PIPE, text=True, env=environment)
        assert wait(lambda: sockets.accepts_connections("127.0.0.1", self.control, 1.0))

    def is_running(self) -> bool:
        """Return whether the process runs."""
        return self.process is not None and self.process.poll() is None

    def stop(self) -> int:
        """Stop the process, and return its exit code."""
        assert self.process is not None
        self.process.terminate()
        try:
            return self.process.wait(60)
        finally:
            self.process.kill()
            self.process.wait()
            assert self.process.stdout is not None
            self.process.stdout.close()

    def call(
        self, method: str, path: str, body: object = None, *, key: str = KEY, name: str = "one", port: int = 0
    ) -> tuple[int, Any]:
        """Send a request to the control port or another one; return status and JSON."""
        headers = {"authorization": f"Bearer {key}", "x-rehearsal": name, "content-type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        url = f"http://127.0.0.1:{port or self.control}{path}"
        request = urllib.request.Request(url, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                return response.status, json.load(response)
        except urllib.error.HTTPError as error:
            with error:
                text = error.read().decode()
                return error.code, json.loads(text) if text.startswith("{") else text

    def ask(self, model: str, text: str = "hello", port: int = 0) -> tuple[int, Any]:
        """Ask a model on the vendors' port, or on another one."""
        body: Mapping[str, object] = {"model": model, "messages": [{"role": "user", "content": text}]}
        return self.call("POST", "/v1/chat/completions", body, port=port or self.vendors)


@contextmanager
def running(**facts: Any) -> Iterator[StandInProcess]:
    """Run stand-ins; they are stopped with the context."""
    made = StandInProcess(**facts)
    made.start()
    try:
        yield made
    finally:
        if made.is_running():
            made.stop()
