"""The real LiteLLM over the embedded upstream, started once for all tests that need it."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPResponse
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import REAL_LITELLM, REAL_UPSTREAM, Workspace, free_port, wait

CANARY = "sk-canary-0d9f3c7a51"
MORE_MODELS = """\
    - model_name: elsewhere
      litellm_params:
        model: openai/gpt-elsewhere
        api_base: http://127.0.0.1:9/v1
        max_retries: 0
        api_key: os.environ/CANARY_KEY
    - model_name: faulty
      litellm_params:
        model: openai/vendor-model
        api_base: http://127.0.0.1:{vendor_port}/v1
        max_retries: 0
        cooldown_time: 300
        api_key: none
    - model_name: account
      litellm_params:
        model: openai/gpt-5.2
        api_base: http://127.0.0.1:{upstream_port}/v1
        api_key: os.environ/UPSTREAM_API_KEY
profiles:
"""


@dataclass(frozen=True)
class Gateway:
    """The running gateway."""

    workspace: Workspace

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.workspace.litellm_port}"

    def key(self) -> str:
        """Read the gateway's key from the file that `inv key.path` prints."""
        return Path(self.workspace.inv("key.path").stdout.strip()).read_text().strip()

    def open(self, path: str, body: Mapping[str, object] | None = None, *, key: str) -> HTTPResponse:
        """Send a request to the public port; return the open response."""
        headers = {"Authorization": f"Bearer {key}", "content-type": "application/json"}
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(self.base + path, data, headers)
        response: HTTPResponse = urllib.request.urlopen(request, timeout=90)
        return response

    def request(self, path: str, body: Mapping[str, object] | None = None, *, key: str) -> tuple[int, str]:
        """Send a request to the public port; return status and body."""
        try:
            with self.open(path, body, key=key) as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def chat(self, key: str, model: str = "router-default", **more: object) -> tuple[int, str]:
        """Send a chat request."""
        body = {"model": model, "messages": [{"role": "user", "content": "hello"}], **more}
        return self.request("/v1/chat/completions", body, key=key)


@dataclass(frozen=True)
class Vendor:
    """A fake vendor that can be set to fail, and that records its requests."""

    port: int

    def set_faults(self, faults: dict[str, Any]) -> None:
        """Set the faults from now on."""
        self._call("PUT", "faults", faults)

    def requests(self) -> list[dict[str, Any]]:
        """Return the recorded requests."""
        found: list[dict[str, Any]] = self._call("GET", "requests")["requests"]
        return found

    def reset(self) -> None:
        """Delete the recorded requests."""
        self._call("DELETE", "requests")

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/embedded/{path}", data, method=method)
        with urllib.request.urlopen(request, timeout=60) as response:
            return json.load(response)

    def is_up(self) -> bool:
        """Return whether it responds."""
        try:
            return self.requests() is not None
        except OSError:
            return False


@pytest.fixture(scope="session")
def vendor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Vendor]:
    """A fake vendor for the gateway's model `faulty`."""
    folder, created = tmp_path_factory.mktemp("vendor"), Vendor(free_port())
    config = folder / "config.yaml"
    config.write_text(json.dumps({"host": "127.0.0.1", "port": created.port, "auth-dir": str(folder / "auth")}))
    argv = [sys.executable, "-m", "flowgate.embedded_upstream", "--faults", "-config", str(config)]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(argv, stdout=log, stderr=log)
    try:
        assert wait(created.is_up)
        yield created
    finally:
        process.kill()
        process.wait()


@contextmanager
def running(place: Workspace, profile: str = "balanced") -> Iterator[Gateway]:
    """Start the stack of a workspace, and stop it; by pid also when tests fail.

    Args:
        place: The workspace.
        profile: The profile.
    """
    try:
        place.inv("up", "--profile", profile)
        yield Gateway(place)
        place.inv("down")
        assert place.nothing_runs()
    finally:
        place.kill_processes()


@pytest.fixture(scope="session")
def gateway(tmp_path_factory: pytest.TempPathFactory, vendor: Vendor) -> Iterator[Gateway]:
    """The real stack: started once, stopped by pid also when tests fail."""
    place = Workspace(tmp_path_factory.mktemp("real"), variables={"CANARY_KEY": CANARY})
    place.write(litellm=REAL_LITELLM, upstream=(*REAL_UPSTREAM, "--callback-ports", "all=0"))
    place.edit_config(("profiles:\n", MORE_MODELS.format(upstream_port=place.upstream_port, vendor_port=vendor.port)))
    with running(place) as started:
        yield started
