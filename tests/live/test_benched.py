"""Accounts that CLIProxyAPIPlus benches, seen and cleared on the real command line; LiteLLM is a stand-in."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.parse
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import REAL_UPSTREAM, Workspace

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
    """One with two accounts, so that CLIProxyAPIPlus benches: with one it is left to LiteLLM."""
    found = Workspace(tmp_path_factory.mktemp("b"))
    found.write(upstream=(*REAL_UPSTREAM, "--callback-ports", "all=0", "--contract", request.param))
    found.edit_config(
        ("    readiness_path: /\n", ""),
        ("profiles:\n", MORE.format(port=found.upstream_port, model=MODELS[request.param])),
    )
    try:
        found.inv("up")
        for person in ("one@example.com", "two@example.com"):
            log_in(found, person)
        yield found
        found.inv("down")
        assert found.nothing_runs()
    finally:
        found.kill_processes()


def log_in(place: Workspace, person: str) -> None:
    login = place.start("auth.login", "codex", "--poll-interval", "0.2")
    login.wait_for_message("open this address: ")
    parts = urllib.parse.urlsplit(re.findall(r"open this address: (\S+)", login.message())[0])
    state = urllib.parse.parse_qs(parts.query)["state"][0]
    form = urllib.parse.urlencode({"state": state, "decision": "approve", "account": person}).encode()
    with urllib.request.urlopen(f"{parts.scheme}://{parts.netloc}/embedded/approve", form, timeout=10) as answer:
        answer.read()
    assert login.wait_for_exit().returncode == 0


def ask(place: Workspace, method: str, path: str, body: dict[str, Any] | None = None) -> int:
    key = (place.folder / ".router" / "secrets" / "upstream-api-key").read_text().strip()
    headers = {"Authorization": f"Bearer {key}", "content-type": "application/json"}
    data = json.dumps(body).encode() if body is not None else None
    url = f"http://127.0.0.1:{place.upstream_port}{path}"
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, headers, method=method), timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code


def chat(place: Workspace) -> int:
    model = MODELS["7.2" if is_newer(place) else "6.8"]
    return ask(place, "POST", "/v1/chat/completions", {"model": model, "messages": []})


def is_newer(place: Workspace) -> bool:
    return '"7.2"' in place.config.read_text()


def test_it_came_up_and_is_asked_at_the_address_of_its_version(place: Workspace) -> None:
    one = place.json("health")["services"]["cliproxyapi_plus"]
    assert (one["live"], one["ready"], one["misses"]) == (True, True, 0)
    assert one["url"].endswith(f":{place.upstream_port}{'/healthz' if is_newer(place) else '/'}")


def test_account_cooldowns_are_listed_and_cleared_if_the_program_can(place: Workspace) -> None:
    for _ in range(3):
        assert chat(place) == 200
    assert place.json("cooldowns")["cooldowns"] == []
    ask(place, "PUT", "/embedded/vendor", {"status": 500})
    assert chat(place) == 500
    ask(place, "PUT", "/embedded/vendor", {"status": 200})
    assert chat(place) >= 500
    shown = place.json("cooldowns")
    assert [(one["by"], one["models"], one["why"]) for one in shown["cooldowns"]] == [
        ("cliproxyapi_plus", ["through-accounts"], "vendor says 500")
    ] * 2
    assert "litellm" in shown["unavailable"]  # the fake LiteLLM cannot report cooldowns
    newer = is_newer(place)
    assert all((one["seconds_left"] is not None) is newer for one in shown["cooldowns"])
    done = place.inv("cooldowns", "--clear", "through-accounts", code=0 if newer else 1)
    if not newer:
        assert "inv service.restart --service cliproxyapi_plus" in done.stderr
        place.inv("service.restart", "--service", "cliproxyapi_plus")
    assert place.json("cooldowns")["cooldowns"] == []
    assert chat(place) == 200


def test_one_account_is_cleared_by_its_name(place: Workspace) -> None:
    if not is_newer(place):
        assert "router-default is not in cooldown" in place.inv("cooldowns", "--clear", "router-default").stderr
        return
    ask(place, "PUT", "/embedded/vendor", {"status": 500})  # a cooldown of a minute; a 429 causes one of a second
    assert chat(place) == 500
    ask(place, "PUT", "/embedded/vendor", {"status": 200})
    place.inv("cooldowns", "--clear", "one@example.com")
    assert chat(place) == 200
