"""The recorded questions, asked again: the same answers, key by key."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.unit.embedded_upstream.conftest import KEY, Upstream

RECORDED: dict[str, dict[str, Any]] = json.loads(
    (Path(__file__).parent / "data" / "v6.8.16-0.answers.json").read_text(encoding="utf-8")
)
BEARER = {"Authorization": f"Bearer {KEY}"}
HEADERS: dict[str, dict[str, str]] = {
    "models.none": {},
    "models.wrong": {"Authorization": "Bearer sk-wrong"},
    "models.raw_authorization": {"Authorization": KEY},
    "models.lowercase_bearer": {"Authorization": f"bearer {KEY}"},
    "models.x_api_key": {"X-Api-Key": KEY},
    "models.x_goog": {"X-Goog-Api-Key": KEY},
    "models.query_key": {},
    "models.query_auth_token": {},
    "models.wrong_and_right": {"Authorization": "Bearer sk-wrong", "X-Api-Key": KEY},
    "models.claude_cli": {**BEARER, "User-Agent": "claude-cli/1.0"},
    "models.anthropic_version": {**BEARER, "Anthropic-Version": "2023-06-01"},
    "chat.no_key": {},
}
BODIES: dict[str, object] = {
    "chat.known_model_no_credential": {"model": "gpt-5", "messages": []},
    "chat.empty_model": {"model": "", "messages": []},
    "chat.stream_unknown": {"model": "no-such", "messages": [], "stream": True},
    "chat.bad_json": b"{nonsense",
    "chat.empty_body": b"",
}
ASKED = [name for name, answer in RECORDED.items() if "path" in answer and not name.startswith(("open.", "mgmt_off."))]


@pytest.mark.parametrize("name", ASKED)
def test_a_recorded_question_gets_the_recorded_answer(bare: Upstream, name: str) -> None:
    recorded = RECORDED[name]
    body = BODIES.get(name, {"model": "no-such", "messages": []}) if recorded["method"] == "POST" else None
    path = recorded["path"].replace("<api-key>", KEY)
    reply = bare.ask(recorded["method"], path, headers=HEADERS.get(name, BEARER), body=body)
    assert reply.status == recorded["status"]
    for header, value in recorded["headers"].items():
        assert (reply.headers[header] or "").replace(KEY, "<api-key>") == value
    assert _comparable(reply.text, recorded["body"]) == recorded["body"]


def _comparable(text: str, recorded: object) -> object:
    if isinstance(recorded, dict) and "html_title" in recorded:
        found = re.search("<title>(.*?)</title>", text)
        return {"html_title": found[1] if found else ""}
    return json.loads(text) if isinstance(recorded, dict) else text


@pytest.mark.parametrize("name", ["mgmt_off.no_key", "mgmt_off.key"])
def test_without_a_secret_there_is_no_management(bare: Upstream, name: str) -> None:
    reply = bare.ask("GET", RECORDED[name]["path"], headers={"Authorization": "Bearer sk-any"})
    assert (reply.status, reply.text) == (RECORDED[name]["status"], RECORDED[name]["body"])


def test_without_keys_the_proxy_is_open(start: Any) -> None:
    assert start(keys=()).ask("GET", "/v1/models").status == RECORDED["open.models_no_key"]["status"]
