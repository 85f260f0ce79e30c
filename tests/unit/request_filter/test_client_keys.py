"""Keys of clients: accepted wherever they stand, never seen by the app, and in force as the file says now."""

from __future__ import annotations

import asyncio
import base64
import json
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from flowgate.domain.client_keys import parse, text
from tests.unit.request_filter.asking import BODY, CHAT, Gateway, gateway
from tests.unit.request_filter.echoing import KEY

if TYPE_CHECKING:
    from starlette.types import Message

PLACES: list[dict[str, str]] = [
    {"authorization": "Bearer {}"},
    {"authorization": "bearer   {} "},
    {"authorization": "{}"},
    {"authorization": "basic:{}:"},
    {"authorization": "basic:me:{}"},
    {"x-api-key": "{}"},
    {"api-key": "{}"},
    {"x-goog-api-key": "{}"},
    {"x-litellm-api-key": "Bearer {}"},
    {"x-api-key": "{}", "authorization": "Bearer {}"},
    {"x-api-key": "of-another-service", "authorization": "Bearer {}"},
    {"authorization": "Bearer of-another-service", "x-api-key": "{}"},
    {"authorization": "Bearer {}", "cookie": "key={}", "x-own": "{}"},
]


@pytest.fixture
def one(tmp_path: Path) -> Gateway:
    return gateway(tmp_path)


def filled(headers: dict[str, str], key: str) -> dict[str, str]:
    """Return headers with a key; `basic:` stands for HTTP's basic authentication."""
    plain = {name: value.format(key) for name, value in headers.items()}
    encoded = {name: value.removeprefix("basic:") for name, value in plain.items() if value.startswith("basic:")}
    return plain | {name: "Basic " + base64.b64encode(value.encode()).decode() for name, value in encoded.items()}


@pytest.mark.parametrize("headers", PLACES, ids=str)
def test_a_clients_key_is_accepted_and_the_app_sees_its_own_instead(one: Gateway, headers: dict[str, str]) -> None:
    key = one.add()
    sent = filled(headers, key)
    got = one.send(sent)
    assert got.status == 200
    assert got.tree["headers"]["x-litellm-api-key"] == f"Bearer {KEY}"
    assert key not in str(got.tree)
    assert not any(value in str(got.tree) for value in sent.values() if value.startswith("Basic"))


@pytest.mark.parametrize("query", ["key={}", "alt=sse&key={}", "key=other&key={}&a=", "key={}&key={}"])
def test_a_key_in_the_address_is_taken_out_of_it(one: Gateway, query: str) -> None:
    key = one.add()
    got = one.send({}, f"/v1beta/models/gemini:generateContent?{query.format(key, key)}", {"contents": []})
    assert (got.status, got.tree["headers"]["x-litellm-api-key"]) == (200, f"Bearer {KEY}")
    assert got.tree["query"] == query.replace("&key={}", "").replace("key={}", "").strip("&")


def test_the_gateways_own_key_goes_on_working(one: Gateway) -> None:
    one.add()
    assert one.ask(KEY).tree["headers"]["authorization"] == f"Bearer {KEY}"
    assert "client" not in one.layer.recent.rows()[-1]


def websocket(one: Gateway, headers: list[tuple[bytes, bytes]], **more: Any) -> dict[str, Any] | list[Message]:
    """Open a websocket; return the scope that the app gets, or what the client is sent."""
    seen: list[Any] = []
    sent: list[Message] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope)

    async def collect(message: Message) -> None:
        sent.append(message)

    one.layer.app = app
    scope = {"type": "websocket", "path": "/v1/realtime", "headers": headers, "query_string": b"", **more}
    asyncio.run(one.layer(scope, lambda: asyncio.sleep(0), collect))  # type: ignore[arg-type, return-value]
    return dict(seen[0]) if seen else sent


@pytest.mark.parametrize("name", [b"authorization", b"api-key", b"sec-websocket-protocol"])
def test_a_websocket_with_a_clients_key_reaches_the_app_without_it(one: Gateway, name: bytes) -> None:
    key = one.add()
    words = ["realtime", f"openai-insecure-api-key.{key}"]
    value = ", ".join(words) if name == b"sec-websocket-protocol" else f"Bearer {key}"
    scope = websocket(one, [(name, value.encode())], subprotocols=words)
    assert isinstance(scope, dict)
    assert (b"authorization", f"Bearer {KEY}".encode()) in scope["headers"]
    assert key not in str(scope)
    assert scope["subprotocols"] == ["realtime"]


@pytest.mark.parametrize(
    ("path", "place", "words"),
    [
        (CHAT, ("error", "code"), "invalid_api_key"),
        ("/v1/messages", ("error", "type"), "authentication_error"),
        ("/v1beta/models/gemini:generateContent", ("error", "status"), "UNAUTHENTICATED"),
    ],
)
def test_an_expired_key_is_refused_in_the_clients_shape(
    one: Gateway, path: str, place: tuple[str, str], words: str
) -> None:
    key = one.add(expires=datetime.now(UTC) - timedelta(seconds=1))
    got = one.ask(key, path)
    assert (got.status, got.tree[place[0]][place[1]], got.headers["www-authenticate"]) == (401, words, "Bearer")
    assert "'codex' has expired" in got.message


def test_a_key_that_expires_later_is_accepted(one: Gateway) -> None:
    assert one.ask(one.add(expires=datetime.now(UTC) + timedelta(days=1))).status == 200


def test_a_wrong_key_says_what_to_do(one: Gateway) -> None:
    one.add()
    got = one.ask("fg-wrong")
    assert got.status == 401
    assert "flowgate client add NAME" in got.message


def test_what_changes_in_the_file_is_in_force_with_the_next_request(one: Gateway) -> None:
    assert one.ask("fg-nobody").status == 401
    first = one.add()
    assert one.ask(first).status == 200
    second = one.keys.rotate("codex").reveal()
    assert (one.ask(first).status, one.ask(second).status) == (401, 200)
    one.keys.remove("codex")
    assert one.ask(second).status == 401


def test_all_workers_follow_the_same_file(one: Gateway) -> None:
    other = one.worker()
    key = one.add()
    assert (one.ask(key).status, one.ask(key, layer=other).status) == (200, 200)
    one.keys.remove("codex")
    assert (one.ask(key).status, one.ask(key, layer=other).status) == (401, 401)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"version": 9, "clients": {}}', "\x00" * 40])
def test_a_damaged_file_keeps_the_last_good_clients(one: Gateway, content: str) -> None:
    key = one.add()
    assert one.ask(key).status == 200
    good = one.keys.path.read_text()
    one.keys.path.write_text(content)
    assert (one.ask(key).status, one.ask("fg-x").status, one.ask(KEY).status) == (200, 401, 200)
    assert "is damaged" in one.layer.clients.problem
    one.keys.path.write_text(good)
    assert (one.ask(key).status, one.layer.clients.problem) == (200, "")


@pytest.mark.parametrize("content", ["", "{", '{"version": 9, "clients": {}}'])
def test_a_file_that_was_never_good_lets_only_the_gateways_key_pass(one: Gateway, content: str) -> None:
    key = one.add()
    one.keys.path.write_text(content)
    assert (one.ask(key).status, one.ask(KEY).status) == (401, 200)


def test_a_file_that_is_a_folder_or_a_fifo_keeps_nobody_waiting(one: Gateway) -> None:
    key = one.add()
    assert one.ask(key).status == 200
    one.keys.path.unlink()
    one.keys.path.mkdir()
    assert one.ask(key).status == 200
    assert "is not a regular file" in one.layer.clients.problem


def test_a_deleted_file_means_that_there_are_no_clients(one: Gateway) -> None:
    key = one.add()
    assert one.ask(key).status == 200
    one.keys.path.unlink()
    assert (one.ask(key).status, one.ask(KEY).status) == (401, 200)


def test_a_file_that_is_rolled_back_is_followed(one: Gateway) -> None:
    old = one.add()
    backup = one.keys.path.with_suffix(".backup")
    backup.write_bytes(one.keys.path.read_bytes())
    new = one.keys.rotate("codex").reveal()
    assert (one.ask(old).status, one.ask(new).status) == (401, 200)
    backup.replace(one.keys.path)
    assert (one.ask(old).status, one.ask(new).status) == (200, 401)


def test_many_changes_of_the_same_size_in_one_moment_are_all_seen(one: Gateway) -> None:
    key = one.add()
    for _ in range(30):
        new = one.keys.rotate("codex").reveal()
        assert (one.ask(key).status, one.ask(new).status) == (401, 200)
        key = new


def test_the_key_of_an_ended_process_is_void(one: Gateway) -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    name, key = one.keys.add_temporary("codex-run")
    tree = json.loads(one.keys.path.read_text())
    ticks = int(Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()[19])
    tree["clients"][name]["owner"] = {"pid": child.pid, "ticks": ticks}
    one.keys.path.write_text(json.dumps(tree))
    assert one.ask(key.reveal()).status == 200
    child.communicate(b"\n")
    assert one.ask(key.reveal(), layer=one.worker()).status == 401


def test_a_removed_client_finishes_what_is_in_progress(one: Gateway) -> None:
    key = one.add(max_parallel=1)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        one.keys.remove("codex")
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})

    one.layer.app = app
    assert one.ask(key).status == 200
    assert one.ask(key).status == 401


@pytest.mark.parametrize("setting", ["general_settings.custom_auth", "DATABASE_URL"])
def test_unknown_keys_pass_untouched_where_the_app_knows_further_ones(one: Gateway, setting: str) -> None:
    key = one.add()
    layer = one.worker(own_keys=(setting,))
    assert one.ask("sk-of-the-app", layer=layer).tree["headers"]["authorization"] == "Bearer sk-of-the-app"
    assert one.ask("", layer=layer).status == 200
    assert one.ask(key, layer=layer).tree["headers"]["x-litellm-api-key"] == f"Bearer {KEY}"


def test_an_app_without_a_key_does_not_get_the_clients(one: Gateway) -> None:
    layer = one.worker(key_source="tests.unit.request_filter.echoing:no_keys")
    key = one.add()
    got = one.ask(key, layer=layer)
    assert (got.status, layer.recent.rows()[-1]["client"]) == (200, "codex")
    assert key not in str(got.tree)


@pytest.mark.parametrize("path", ["/", "/vendor/x", "/metrics"])
def test_a_path_whose_key_the_app_checks_gets_no_key_of_a_client_and_not_the_gateways(one: Gateway, path: str) -> None:
    key = one.add()
    got = one.ask(key, path, method="GET")
    assert got.status == 200
    assert not any(secret in str(got.tree) for secret in (key, KEY))


@pytest.mark.parametrize("limits", [{}, {"models": ("a",)}, {"requests_per_minute": 1}], ids=str)
def test_a_probe_with_a_clients_key_is_answered_as_one_without(one: Gateway, limits: dict[str, Any]) -> None:
    key = one.add(**limits)
    assert {one.ask(key, "/health/readiness", method="GET").status for _ in range(3)} == {200}


@pytest.mark.parametrize("first", ["authorization", "x-api-key"])
@pytest.mark.parametrize("is_own", [True, False])
def test_a_second_key_of_a_client_is_not_seen_either(one: Gateway, first: str, is_own: bool) -> None:
    key, other = KEY if is_own else one.add("a"), one.add("b")
    second = "x-api-key" if first == "authorization" else "authorization"
    got = one.send({first: f"Bearer {key}", second: f"Bearer {other}"})
    assert got.status == 200
    assert other not in str(got.tree)
    assert (key in str(got.tree)) == is_own


@pytest.mark.parametrize(
    "path",
    ["/key/generate", "/config/update", "/model/new", "/v1/mcp/server", "/v1/agents", "/ui/", "/routes", "/health"],
)
def test_a_client_may_not_manage_the_app(one: Gateway, path: str) -> None:
    got = one.ask(one.add(), path)
    assert got.status == 403
    assert "gateway's own key" in got.message
    assert one.ask(KEY, path).status == 200


@pytest.mark.parametrize("path", ["/v1/models", "/models", "/v1/files", "/v1/responses/resp_1", "/model/info"])
def test_a_client_may_read_what_belongs_to_the_api(one: Gateway, path: str) -> None:
    assert one.ask(one.add(), path, method="GET").status == 200


def test_the_rows_name_the_client_and_no_key(one: Gateway) -> None:
    key = one.add()
    one.ask(key)
    one.ask("fg-wrong")
    rows = one.layer.recent.rows()
    assert [one.get("client") for one in rows] == ["codex", None]
    assert not any(word in str(rows) for word in (key, "fg-wrong", KEY))


def test_the_app_is_told_the_client(one: Gateway) -> None:
    got = one.ask(one.add("my-laptop")).tree["headers"]
    assert (got["x-user"], json.loads(got["x-metadata"])) == ("my-laptop", {"client": "my-laptop"})


@pytest.mark.parametrize(
    "more",
    [
        {"user": "me"},
        {"metadata": {"user_id": "me"}},
        {"litellm_metadata": {"user": "me"}},
        {"safety_identifier": "me"},
    ],
)
def test_a_user_that_the_client_names_itself_stays(one: Gateway, more: dict[str, object]) -> None:
    got = one.ask(one.add(), body={**BODY, **more}).tree
    assert "x-user" not in got["headers"]
    assert json.loads(got["body"]) == {**BODY, **more}


@pytest.mark.parametrize("name", ["X-User", "X-Customer", "X-Metadata"])
def test_a_header_that_the_client_sends_itself_stays(one: Gateway, name: str) -> None:
    got = one.send({"authorization": f"Bearer {one.add()}", name: "mine"}).tree["headers"]
    assert got[name.lower()] == "mine"
    assert ("x-user" in got) == (name != "X-Customer")


def test_refusals_are_counted_by_client_and_kind(one: Gateway) -> None:
    key = one.add()
    for sent in ("", "fg-x", "fg-y"):
        one.ask(sent)
    one.ask(key, "/key/generate")
    counts = {(row["client"], row["kind"]): row["count"] for row in one.layer.refusals.rows()}
    assert counts == {("", "no_key"): 1, ("", "wrong_key"): 2, ("codex", "forbidden"): 1}


def test_new_rules_keep_what_is_counted(one: Gateway) -> None:
    key = one.add(requests_per_minute=1)
    assert one.ask(key).status == 200
    rules = one.layer.rules
    one.layer.rules = replace(rules, requests=replace(rules.requests, models=("new",)))
    assert one.ask(key).status == 429


def test_two_clients_with_one_key_are_an_error() -> None:
    entry = {"sha256": "0" * 64, "created": "2026-01-01T00:00:00Z"}
    with pytest.raises(ValueError, match="same key"):
        parse(json.dumps({"version": 1, "clients": {"a": entry, "b": entry}}))


@pytest.mark.parametrize(
    "more",
    [
        {"sha256": "x"},
        {"requests_per_minute": 0},
        {"requests_per_minute": True},
        {"max_parallel": 1.5},
        {"models": "a"},
        {"models": [""]},
        {"expires": "tomorrow"},
        {"expires": "2026-01-01T00:00:00"},
        {"owner": {"pid": 1}},
        {"budget": 5},
    ],
    ids=str,
)
def test_a_limit_that_is_not_understood_is_never_ignored(more: dict[str, object]) -> None:
    entry = {"sha256": "0" * 64, "created": "2026-01-01T00:00:00Z", **more}
    with pytest.raises(ValueError, match="'a'"):
        parse(json.dumps({"version": 1, "clients": {"a": entry}}))


def test_what_is_written_is_read(one: Gateway) -> None:
    one.add(models=("a*",), requests_per_minute=3, max_parallel=1, expires=datetime(2030, 1, 1, tzinfo=UTC))
    one.keys.add_temporary("run", program="codex")
    table = one.keys.read()
    assert parse(text(table)) == table
