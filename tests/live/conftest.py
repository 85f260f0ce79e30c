"""One stack with the real LiteLLM over the embedded upstream, shared by every test that needs it."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
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
    """The running gateway, as a client sees it."""

    workspace: Workspace

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.workspace.litellm_port}"

    def key(self) -> str:
        """Read the gateway's key where `inv key.path` says it lies."""
        return Path(self.workspace.inv("key.path").stdout.strip()).read_text().strip()

    def ask(self, path: str, body: dict[str, Any] | None = None, *, key: str) -> tuple[int, str]:
        """Ask the public port; give the code and the text."""
        headers = {"Authorization": f"Bearer {key}", "content-type": "application/json"}
        data = json.dumps(body).encode() if body is not None else None
        try:
            with urllib.request.urlopen(urllib.request.Request(self.base + path, data, headers), timeout=30) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refusal:
            with refusal:
                return refusal.code, refusal.read().decode()

    def chat(self, key: str, model: str = "router-default", **more: object) -> tuple[int, str]:
        """Ask for a chat answer."""
        body = {"model": model, "messages": [{"role": "user", "content": "hello"}], **more}
        return self.ask("/v1/chat/completions", body, key=key)


@dataclass(frozen=True)
class Vendor:
    """A vendor that fails when told to, and counts what it is asked."""

    port: int

    def tell(self, faults: dict[str, Any]) -> None:
        """Say what is wrong from now on."""
        self._order("PUT", "faults", faults)

    def asked(self) -> list[dict[str, Any]]:
        """List the questions that came."""
        found: list[dict[str, Any]] = self._order("GET", "requests")["requests"]
        return found

    def forget(self) -> None:
        """Count anew."""
        self._order("DELETE", "requests")

    def _order(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/embedded/{path}", data, method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def answers(self) -> bool:
        """Say whether it is up."""
        try:
            return self.asked() is not None
        except OSError:
            return False


@pytest.fixture(scope="session")
def vendor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Vendor]:
    """One vendor for the model `faulty` of the gateway."""
    folder, one = tmp_path_factory.mktemp("vendor"), Vendor(free_port())
    config = folder / "config.yaml"
    config.write_text(json.dumps({"host": "127.0.0.1", "port": one.port, "auth-dir": str(folder / "auth")}))
    argv = [sys.executable, "-m", "flowgate.embedded_upstream", "--faults", "-config", str(config)]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(argv, stdout=log, stderr=log)
    try:
        assert wait(one.answers, 20.0)
        yield one
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="session")
def gateway(tmp_path_factory: pytest.TempPathFactory, vendor: Vendor) -> Iterator[Gateway]:
    """Bring the real stack up once; take it down by id, also when tests fail."""
    place = Workspace(tmp_path_factory.mktemp("real"), variables={"CANARY_KEY": CANARY})
    place.write(litellm=REAL_LITELLM, upstream=(*REAL_UPSTREAM, "--callback-ports", "all=0"))
    place.edit_config(("profiles:\n", MORE_MODELS.format(upstream_port=place.upstream_port, vendor_port=vendor.port)))
    try:
        place.inv("up", "--profile", "balanced")
        yield Gateway(place)
        place.inv("down")
        assert place.nothing_runs()
    finally:
        place.kill_processes()
