"""A program that is tested against the recordings: the embedded upstream or a real binary, in a folder of its own."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from flowgate.system.clock import Clock, poll
from tests.conftest import free_port

API, MANAGEMENT = "sk-contract-api", "mgmt-contract-key"
REAL = "FLOWGATE_TEST_CLIPROXY"
Tree = dict[str, Any]


def end(process: subprocess.Popen[bytes]) -> None:
    """Ask a program to exit; kill it if it does not."""
    process.terminate()
    try:
        process.wait(60)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@dataclass
class Subject:
    """One run of a program.

    Attributes:
        program: The command line without `-config`.
        root: The folder of the run.
        ports: The callback ports by provider.
        overrides: Config values that replace the usual ones.
        env: Further environment variables.
    """

    program: tuple[str, ...]
    root: Path
    ports: Mapping[str, int]
    overrides: Tree = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.auth = self.root / "auth"
        self.auth.mkdir(parents=True, mode=0o700)
        self.port = free_port()
        self.config = self.root / "config.yaml"
        self.http = requests.Session()
        self.http.trust_env = False
        self.write(self.document())

    def document(self) -> Tree:
        """Build the config."""
        remote = {"allow-remote": False, "secret-key": MANAGEMENT, "disable-control-panel": True}
        usual = {"host": "127.0.0.1", "port": self.port, "auth-dir": str(self.auth), "remote-management": remote}
        proxy = {"proxy-url": "http://127.0.0.1:9", "request-retry": 0}
        return {**usual, "api-keys": [API], **proxy, **self.overrides}

    def write(self, document: Tree) -> None:
        """Write the config in place."""
        self.config.write_text(json.dumps(document, indent=2) + "\n")

    def start(self) -> Subject:
        """Start the program and wait until it responds."""
        home = self.root / "home"
        home.mkdir(exist_ok=True)
        env = {"HOME": str(home), "PATH": os.environ["PATH"], **self.env}
        argv = [*self.program, "-config", str(self.config)]
        with (self.root / "log").open("ab") as log:
            self.process = subprocess.Popen(
                argv, cwd=self.root, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        assert poll(self.responds, Clock(), every=0.02, timeout=60), (self.root / "log").read_text()
        return self

    def stop(self) -> None:
        """Stop the program."""
        end(self.process)
        self.http.close()

    def responds(self) -> bool:
        """Return whether the program responds."""
        try:
            return bool(self.ask("GET", "/", key="").status_code == 200)
        except requests.ConnectionError:
            return False

    def ask(
        self, method: str, path: str, *, key: str = API, headers: Mapping[str, str] | None = None, **more: Any
    ) -> Any:
        """Send a request; an empty key sends none."""
        sent = {**({"Authorization": f"Bearer {key}"} if key else {}), **(headers or {})}
        url = f"http://127.0.0.1:{self.port}{path}"
        return self.http.request(method, url, headers=sent, timeout=60, allow_redirects=False, **more)

    def manage(self, method: str, path: str, **more: Any) -> Any:
        """Send a request to the management API."""
        return self.ask(method, f"/v0/management/{path}", **{"key": MANAGEMENT, **more})

    def listed(self) -> dict[str, Tree]:
        """Return the listed auth files by name."""
        return {one["name"]: one for one in self.manage("GET", "auth-files").json()["files"]}


def embedded(contract: str, ports: Mapping[str, int]) -> tuple[str, ...]:
    """Build the command line of the embedded upstream."""
    return (sys.executable, "-m", "flowgate.embedded_upstream", *_flags(contract, ports))


def misbehaving(contract: str, ports: Mapping[str, int]) -> tuple[str, ...]:
    """Build the command line of an embedded upstream that misbehaves on request."""
    return (sys.executable, str(Path(__file__).with_name("misbehaving.py")), *_flags(contract, ports))


def _flags(contract: str, ports: Mapping[str, int]) -> tuple[str, ...]:
    return "--contract", contract, "--callback-ports", ",".join(f"{name}={port}" for name, port in ports.items())


def real() -> tuple[str, str] | None:
    """Return the real binary and its line, if the environment names one."""
    named = os.environ.get(REAL)
    if not named:
        return None
    output = subprocess.run([named, "-h"], capture_output=True, text=True, timeout=60, check=False).stdout
    found = re.search(r"Version: v?(\d+\.\d+\.\d+)", output)
    version = found[1] if found else "6.8"
    newest = {"7.2.137": "7.2.137", "7.2.140": "7.2.140"}
    return named, newest.get(version, "7.2" if version.startswith("7.") else "6.8")
