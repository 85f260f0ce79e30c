"""A program under the contract: the embedded upstream, or a real binary, in a folder of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from flowgate.system import sockets
from flowgate.system.clock import Clock, poll

API, MANAGEMENT = "sk-contract-api", "mgmt-contract-key"
REAL = "FLOWGATE_TEST_CLIPROXY"
Tree = dict[str, Any]


@dataclass
class Subject:
    """One run. program: its command line without -config; ports: where its callback listeners are"""

    program: tuple[str, ...]
    root: Path
    ports: Mapping[str, int]
    overrides: Tree = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.auth = self.root / "auth"
        self.auth.mkdir(parents=True, mode=0o700)
        self.port = sockets.free_port()
        self.config = self.root / "config.yaml"
        self.http = requests.Session()
        self.http.trust_env = False
        self.write(self.tree())

    def tree(self) -> Tree:
        remote = {"allow-remote": False, "secret-key": MANAGEMENT, "disable-control-panel": True}
        usual = {"host": "127.0.0.1", "port": self.port, "auth-dir": str(self.auth), "remote-management": remote}
        proxy = {"proxy-url": "http://127.0.0.1:9", "request-retry": 0}
        return {**usual, "api-keys": [API], **proxy, **self.overrides}

    def write(self, tree: Tree) -> None:
        self.config.write_text(json.dumps(tree, indent=2) + "\n")

    def start(self) -> Subject:
        home = self.root / "home"
        home.mkdir(exist_ok=True)
        env = {"HOME": str(home), "PATH": os.environ["PATH"], **self.env}
        argv = [*self.program, "-config", str(self.config)]
        with (self.root / "log").open("ab") as log:
            self.process = subprocess.Popen(
                argv, cwd=self.root, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        assert poll(self.answers, Clock(), every=0.02, timeout=20), (self.root / "log").read_text()
        return self

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()
        self.http.close()

    def answers(self) -> bool:
        try:
            return bool(self.ask("GET", "/", key="").status_code == 200)
        except requests.ConnectionError:
            return False

    def ask(
        self, method: str, path: str, *, key: str = API, headers: Mapping[str, str] | None = None, **more: Any
    ) -> Any:
        shown = {**({"Authorization": f"Bearer {key}"} if key else {}), **(headers or {})}
        url = f"http://127.0.0.1:{self.port}{path}"
        return self.http.request(method, url, headers=shown, timeout=20, allow_redirects=False, **more)

    def manage(self, method: str, path: str, **more: Any) -> Any:
        return self.ask(method, f"/v0/management/{path}", **{"key": MANAGEMENT, **more})

    def listed(self) -> dict[str, Tree]:
        """Give the listed auth files by name."""
        return {one["name"]: one for one in self.manage("GET", "auth-files").json()["files"]}


def embedded(contract: str, ports: Mapping[str, int]) -> tuple[str, ...]:
    """Write the command line of the embedded upstream."""
    told = ",".join(f"{name}={port}" for name, port in ports.items())
    return (sys.executable, "-m", "flowgate.embedded_upstream", "--contract", contract, "--callback-ports", told)


def real() -> tuple[str, str] | None:
    """Give the real binary and its contract, where one is named."""
    named = os.environ.get(REAL)
    if not named:
        return None
    message = subprocess.run([named, "-h"], capture_output=True, text=True, timeout=30, check=False).stdout
    return named, "7.2" if "Version: 7." in message else "6.8"
