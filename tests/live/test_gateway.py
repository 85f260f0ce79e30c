"""The real LiteLLM over the embedded upstream: requests, status commands, a profile switch."""

from __future__ import annotations

import http.client
import json
import stat
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from flowgate.supervisor.worker_server import IDLE_SECONDS
from tests.conftest import contents
from tests.live.conftest import CANARY

if TYPE_CHECKING:
    from pathlib import Path

    from tests.live.conftest import Gateway

pytestmark = pytest.mark.live
SIGNATURE = "embedded upstream"


def test_the_public_port_serves_a_chat_request(gateway: Gateway) -> None:
    code, text = gateway.chat(gateway.key())
    assert code == 200
    assert SIGNATURE in json.loads(text)["choices"][0]["message"]["content"]


def test_the_public_port_streams(gateway: Gateway) -> None:
    code, text = gateway.chat(gateway.key(), stream=True)
    assert code == 200
    assert text.rstrip().endswith("data: [DONE]")


def test_the_public_port_serves_an_anthropic_request(gateway: Gateway) -> None:
    body = {"model": "router-cheap", "max_tokens": 50, "messages": [{"role": "user", "content": "hello"}]}
    code, text = gateway.request("/v1/messages", body, key=gateway.key())
    assert (code, SIGNATURE in text) == (200, True)


def test_every_model_of_the_profile_is_listed(gateway: Gateway) -> None:
    _, text = gateway.request("/v1/models", key=gateway.key())
    assert {one["id"] for one in json.loads(text)["data"]} == {
        *("router-default", "router-cheap", "elsewhere", "faulty", "account")
    }


def test_a_wrong_key_is_rejected(gateway: Gateway) -> None:
    assert gateway.chat("sk-wrong")[0] in (400, 401, 403)


def test_status_has_its_documented_keys(gateway: Gateway) -> None:
    status = gateway.workspace.json("status")
    assert status.keys() >= {"config", "embedded", "profile", "since", "supervisor", "services", "secrets"}
    litellm = status["services"]["litellm"]
    assert litellm["state"] == "serving"
    wanted = {"running", "pid", "uptime_seconds", "memory_bytes", "generation", "restarts", "failure", "host", "port"}
    assert litellm.keys() >= wanted
    assert litellm["memory_bytes"] > 10**7
    assert status["services"]["cliproxyapi_plus"]["embedded"] is True


def test_health_is_ok_and_has_the_checked_urls(gateway: Gateway) -> None:
    health = gateway.workspace.json("health")
    assert health["ok"] is True
    for one in health["services"].values():
        assert (one["live"], one["ready"], one["status"], one["error"]) == (True, True, 200, "")
        assert one["url"].startswith("http://127.0.0.1:")
    assert health["services"]["litellm"]["url"].endswith("/health/readiness")


def test_ask_prints_an_answer_and_explain_its_deployment(gateway: Gateway) -> None:
    done = gateway.workspace.inv("ask", "are you there?", "--model", "router-cheap")
    assert SIGNATURE in done.stdout
    assert "router-cheap answered by openai/embedded-cheap" in done.stderr
    assert SIGNATURE in gateway.workspace.inv("ask", "and now?", "--stream").stdout
    answers = gateway.workspace.json("explain", "--last", "2")["answers"]
    assert [(one["asked"], one["status"]) for one in answers] == [("router-cheap", 200), ("router-default", 200)]
    assert "are you there" not in str(gateway.workspace.json("explain", "--last", "50"))
    message = gateway.workspace.inv("ask", "x", "--model", "router-chep", code=2).stderr
    assert "did you mean 'router-cheap'?" in message


def test_every_event_has_every_field(gateway: Gateway) -> None:
    lines = [
        json.loads(line) for line in gateway.workspace.inv("events", "--json", "--lines", "500").stdout.splitlines()
    ]
    fields = {"event", "service", "profile", "provider", "result", "detail", "timestamp"}
    assert all(line.keys() == fields | {"version"} for line in lines)
    assert {"service_start", "profile_switch", "play"} <= {line["event"] for line in lines}


def test_up_and_smoke_do_not_change_a_running_stack(gateway: Gateway) -> None:
    before = gateway.workspace.json("status")["services"]["litellm"]
    gateway.workspace.inv("up")
    assert "PASS" in gateway.workspace.inv("smoke").stdout
    after = gateway.workspace.json("status")["services"]["litellm"]
    assert (after["pid"], after["generation"]) == (before["pid"], before["generation"])


def _request_until(gateway: Gateway, key: str, done: threading.Event) -> list[int]:
    """Send requests over a kept connection, which reconnects when the server closes it, and over new ones in turn."""
    codes: list[int] = []
    kept, used = http.client.HTTPConnection("127.0.0.1", gateway.workspace.litellm_port, timeout=60), time.monotonic()
    while not done.is_set():
        if time.monotonic() - used > IDLE_SECONDS / 2:  # a draining generation may be closing it, as any server may
            kept.close()
        kept.request("GET", "/v1/models", headers={"Authorization": f"Bearer {key}"})
        response = kept.getresponse()
        response.read()
        used = time.monotonic()
        codes += [response.status, gateway.chat(key)[0]]
    kept.close()
    return codes


def test_no_request_fails_during_a_switch(gateway: Gateway) -> None:
    key, done = gateway.key(), threading.Event()
    before = gateway.workspace.json("status")
    new = "cost" if before["profile"]["name"] != "cost" else "balanced"
    with ThreadPoolExecutor() as pool:
        codes = pool.submit(_request_until, gateway, key, done)
        try:
            gateway.workspace.inv("profile.set", new)
        finally:
            done.set()
    assert set(codes.result()) == {200}
    after = gateway.workspace.json("status")
    assert (after["profile"]["name"], after["profile"]["by"]) == (new, "serving")
    assert after["services"]["litellm"]["generation"] > before["services"]["litellm"]["generation"]
    assert gateway.chat(key)[0] == 200


def test_state_file_and_active_config_have_the_serving_profile(gateway: Gateway) -> None:
    name = gateway.workspace.json("status")["profile"]["name"]
    state = json.loads((gateway.workspace.runtime / "state.json").read_text())
    assert state["current_profile"] == name
    assert f"profile '{name}'" in (gateway.workspace.runtime / "litellm.active.yaml").read_text()


def _secrets(gateway: Gateway) -> list[str]:
    folder = gateway.workspace.folder / ".router" / "secrets"
    return [CANARY, *(path.read_text().strip() for path in folder.iterdir())]


def _must_not_have_keys(path: Path) -> bool:
    """Return whether a file is neither a key file nor the config of the upstream."""
    return path.parent.name != "secrets" and path.name != "cliproxyapi.yaml"


def test_no_key_is_in_any_output_or_file(gateway: Gateway) -> None:
    assert gateway.chat(gateway.key(), model="elsewhere", num_retries=0)[0] >= 400
    for command in ("status", "health", "events", "profile.list", "profile.show"):
        assert not any(secret in str(gateway.workspace.inv(command).stdout) for secret in _secrets(gateway))
    secrets = _secrets(gateway)
    texts = {path: text.decode("latin1") for path, text in contents(gateway.workspace.folder).items()}
    leaking = [path for path, text in texts.items() if any(one in text for one in secrets)]
    assert [path.name for path in leaking if _must_not_have_keys(path)] == []


def test_no_key_is_on_a_command_line(gateway: Gateway) -> None:
    lines = gateway.workspace.command_lines()
    words = [word for line in lines for word in line]
    assert len(lines) >= 3
    assert not [word for word in words if any(secret in word for secret in _secrets(gateway))]


def test_everything_in_the_router_folder_is_private(gateway: Gateway) -> None:
    inside = [*(gateway.workspace.folder / ".router").rglob("*"), gateway.workspace.folder / ".router"]
    assert [path for path in inside if _is_open_to_others(path)] == []


def _is_open_to_others(path: Path) -> bool:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:  # it was replaced meanwhile
        return False
    return not stat.S_ISLNK(mode) and bool(stat.S_IMODE(mode) & 0o077)


def test_a_missing_key_of_an_unused_model_is_a_warning(gateway: Gateway) -> None:
    del gateway.workspace.variables["CANARY_KEY"]
    try:
        message = gateway.workspace.inv("play", "up", "--check").stderr
    finally:
        gateway.workspace.variables["CANARY_KEY"] = CANARY
    assert "warning: the variable CANARY_KEY is not set" in message
