"""One stack with the real LiteLLM over the embedded upstream, shared by every test that needs it."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import REAL_LITELLM, REAL_UPSTREAM, Ground

CANARY = "sk-canary-0d9f3c7a51"
MORE_MODELS = """\
    - model_name: elsewhere
      litellm_params:
        model: openai/gpt-elsewhere
        api_base: http://127.0.0.1:9/v1
        max_retries: 0
        api_key: os.environ/CANARY_KEY
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

    ground: Ground

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.ground.litellm_port}"

    def key(self) -> str:
        """Read the gateway's key where `inv key.path` says it lies."""
        return Path(self.ground.inv("key.path").stdout.strip()).read_text().strip()

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


@pytest.fixture(scope="session")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """Bring the real stack up once; take it down by id, also when tests fail."""
    place = Ground(tmp_path_factory.mktemp("real"), variables={"CANARY_KEY": CANARY})
    place.write(litellm=REAL_LITELLM, upstream=(*REAL_UPSTREAM, "--callback-ports", "all=0"))
    place.change(("profiles:\n", MORE_MODELS.format(upstream_port=place.upstream_port)))
    try:
        place.inv("up", "--profile", "balanced")
        yield Gateway(place)
        place.inv("down")
        assert place.is_quiet()
    finally:
        place.clear()
