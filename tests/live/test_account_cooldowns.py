"""Cooldowns of accounts in CLIProxyAPIPlus: list and clear them; LiteLLM is a fake service."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.parse
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import REAL_UPSTREAM, Workspace, wait

if TYPE_CHECKING:
    from collections.abc import Iterator

MORE = """\
    - model_name: through-accounts
      litellm_params:
        model: openai/{model}
        api_base: http://127.0.0.1:{port}/v1
        api_key: os.environ/UPSTREAM_API_KEY
profiles:
"""
MODELS = {"6.8": "gpt-5.2", "7.2": "gpt-5.4"}


@pytest.fixture(scope="module", params=["6.8", "7.2"])
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A workspace with two accounts. With one account only LiteLLM applies cooldowns."""
    created = Workspace(tmp_path_factory.mktemp("b"))
    created.write(upstream=(*REAL_UPSTREAM, "--callback-ports", "all=0", "--contract", request.param))
    created.edit_config(
        ("    readiness_path: /\n", ""),
        ("profiles:\n", MORE.format(port=created.upstream_port, model=MODELS[request.param])),
    )
    try:
        created.inv("up")
        for person in ("one@example.com", "two@example.com"):
            log_in(created, person)
        log = created.runtime / "process-logs" / "cliproxyapi_plus.log"
        assert wait(lambda: "config successfully reloaded" in log.read_text())  # it applies cooldowns from now on
        yield created
        created.inv("down")
        assert created.nothing_runs()
    finally:
        created.kill_processes()


def log_in(place: Workspace, person: str) -> None:
    login = place.start("auth.login", "codex", "--poll-interval", "0.2")
    login.wait_for_message("open this URL: ")
    parts = urllib.parse.urlsplit(re.findall(r"open this URL: (\S+)", login.stderr())[0])
    state = urllib.parse.parse_qs(parts.query)["state"][0]
    form = urllib.parse.urlencode({"state": state, "decision": "approve", "account": person}).encode()
    with urllib.request.urlopen(f"{parts.scheme}://{parts.netloc}/embedded/approve", form, timeout=60) as response:
        response.read()
    assert login.wait_for_exit().returncode == 0


def request(place: Workspace, method: str, path: str, body: dict[str, Any] | None = None) -> int:
    key = (place.folder / ".router" / "secrets" / "upstream-api-key").read_text().strip()
    headers = {"Authorization": f"Bearer {key}", "content-type": "application/json"}
    data = json.dumps(body).encode() if body is not None else None
    url = f"http://127.0.0.1:{place.upstream_port}{path}"
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, headers, method=method), timeout=60) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def chat(place: Workspace) -> int:
    model = MODELS["7.2" if is_newer(place) else "6.8"]
    return request(place, "POST", "/v1/chat/completions", {"model": model, "messages": []})


def is_newer(place: Workspace) -> bool:
    return '"7.2"' in place.config.read_text()


def test_readiness_is_checked_at_the_path_of_its_version(place: Workspace) -> None:
    one = place.json("health")["services"]["cliproxyapi_plus"]
    assert (one["live"], one["ready"], one["misses"]) == (True, True, 0)
    assert one["url"].endswith(f":{place.upstream_port}{'/healthz' if is_newer(place) else '/'}")


def fail_once(place: Workspace) -> None:
    """Put an account in cooldown for a minute: the vendor fails once. After a 429 it would be a second."""
    request(place, "PUT", "/embedded/vendor", {"status": 500})
    assert chat(place) == 500
    request(place, "PUT", "/embedded/vendor", {"status": 200})


def test_cooldowns_are_listed_and_cleared(place: Workspace) -> None:
    assert [chat(place) for _ in range(3)] == [200] * 3
    assert place.json("cooldowns")["cooldowns"] == []
    fail_once(place)
    assert chat(place) >= 500
    shown = place.json("cooldowns")
    assert [(one["by"], one["models"], one["why"]) for one in shown["cooldowns"]] == [
        ("cliproxyapi_plus", ["through-accounts"], "vendor says 500")
    ] * 2
    assert "litellm" in shown["unavailable"]  # the fake LiteLLM cannot list cooldowns
    newer = is_newer(place)
    assert all((one["seconds_left"] is not None) is newer for one in shown["cooldowns"])
    done = place.inv("cooldowns", "--clear", "through-accounts", code=0 if newer else 1)
    if not newer:
        assert "inv service.restart --service cliproxyapi_plus" in done.stderr
        place.inv("service.restart", "--service", "cliproxyapi_plus")
    assert place.json("cooldowns")["cooldowns"] == []
    assert chat(place) == 200


def test_the_cooldown_of_one_account_is_cleared(place: Workspace) -> None:
    if not is_newer(place):
        assert "router-default is not in cooldown" in place.inv("cooldowns", "--clear", "router-default").stderr
        return
    fail_once(place)
    place.inv("cooldowns", "--clear", "one@example.com")
    assert chat(place) == 200
