"""Names that clients ask for by themselves: on every path, in every body, and nothing else is changed."""

from __future__ import annotations

import asyncio
import gzip
import json
from dataclasses import replace
from time import process_time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from starlette.types import Message, Receive, Scope, Send

from flowgate.domain.request_rules import RequestRules
from flowgate.request_filter import body, renaming
from flowgate.request_filter.client_names import ClientNames
from flowgate.request_filter.filter import RequestFilter
from flowgate.request_filter.rules import FilterRules
from tests.unit.request_filter.echoing import RULES, echoing, send

PATTERNS = (("claude-*haiku*", "router-cheap"), ("claude-*", "router-default"), ("embed-*", "embedder"))
NAMED = replace(RULES, renamed={"gpt-5-codex": "router-cheap"}, renamed_patterns=PATTERNS)
ASKED = {
    "claude-opus-4-8": "router-default",
    "claude-haiku-4-5-20251001": "router-cheap",
    "claude-3-5-haiku-latest": "router-cheap",
    "claude-sonnet-4-5[1m]": "router-default",
    "claude-haiku-4-5[1M]": "router-cheap",
    "gpt-5-codex": "router-cheap",
    "gpt-5-codex[1m]": "router-cheap",
    "claude-router-cheap": "router-cheap",
    "claude-router-default[1m]": "router-default",
    "claude-router-" + b"router-cheap".hex(): "router-cheap",
    "router-default[1m]": "router-default",
    "router-default": "router-default",
    "some-id": "some-id",
    "local/llama": "local/llama",
}
BODIES = ["/v1/chat/completions", "/v1/messages", "/messages", "/v1/messages/count_tokens", "/v1/responses"]
GOOGLE = ("generateContent", "streamGenerateContent", "countTokens")
PATHS = [f"/v1beta/models/{{}}:{method}" for method in GOOGLE]
PATHS += ["/openai/deployments/{}/chat/completions", "/engines/{}/chat/completions", "/models/{}:generateContent"]
TEXT = {"messages": [{"role": "user", "content": 'say "model": "claude-opus-4-8"'}], "input": "x"}


@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize("path", BODIES)
def test_the_app_gets_the_model_in_the_body(path: str, asked: str) -> None:
    got = send(NAMED, path, {"model": asked, **TEXT})
    assert (got.status, json.loads(got.tree["body"])) == (200, {"model": ASKED[asked], **TEXT})
    assert got.tree["headers"]["content-length"] == str(len(got.tree["body"]))


@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize("path", PATHS)
def test_the_app_gets_the_model_in_the_path(path: str, asked: str) -> None:
    got = send(NAMED, path.format(asked.replace("[", "%5B").replace("]", "%5D")), {"contents": []})
    assert got.status == 200
    assert f"/{ASKED[asked]}" in got.tree["path"]


@pytest.mark.parametrize(
    "content",
    [
        '{"model":"NAME","tools":[{"model":"NAME"}],"input":"\\u00fc"}',
        '{"tools":[{"properties":{"model":{"type":"string"}}}], "model" : "NAME", "n":1.50}',
        '{"metadata":{"model":"NAME"},"input":"x","stop":["model"],"model":"NAME","x":{"model":"NAME"}}',
        '{"input":"\\\\\\"model\\": \\"NAME\\"","model":"NAME"}',
        '{"input":"x","model":"NAME","stream":true}',
        '  {"seed":12345678901234567890,"model":\n"NAME"\n}',
        '{"input":"ü€😀","model":"NAME","top":1e400}'.replace("1e400", "1e4"),
    ],
)
def test_every_other_byte_of_a_body_stays(content: str) -> None:
    got = send(NAMED, "/v1/responses", content.replace("NAME", "claude-opus-4-8").encode()).tree["body"]
    same = json.loads(content.replace("NAME", "claude-opus-4-8"))
    assert json.loads(got) == {**same, "model": "router-default"}
    assert len(got) == len(content.replace("NAME", "claude-opus-4-8")) - len("claude-opus-4-8") + len("router-default")


def test_a_key_with_escapes_is_found_too() -> None:
    got = send(NAMED, "/v1/responses", b'{"mod\\u0065l":"claude-opus-4-8","input":"x"}').tree["body"]
    assert json.loads(got) == {"model": "router-default", "input": "x"}


TREES = some.dictionaries(
    some.sampled_from(["model", "a", "tools"]),
    some.recursive(
        some.text() | some.integers() | some.just("claude-opus-4-8"),
        lambda inner: some.lists(inner) | some.dictionaries(some.sampled_from(["model", "b"]), inner),
    ),
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a busy machine draws trees slowly
@given(TREES, some.booleans(), some.sampled_from([None, 1]))
def test_only_the_model_of_the_whole_body_is_replaced(tree: dict[str, object], ascii_only: bool, indent: int) -> None:
    tree["model"] = "claude-opus-4-8"
    content = json.dumps(tree, ensure_ascii=ascii_only, indent=indent).encode("utf-8", "surrogatepass")
    made = renaming.json_body(content, tree, "router-default") or b""
    assert json.loads(made.decode("utf-8", "surrogatepass")) == {**tree, "model": "router-default"}


def test_a_compressed_body_and_a_large_one_are_read_too() -> None:
    whole = json.dumps({"model": "claude-opus-4-8", "input": "x" * 2_000_000}).encode()
    for sent, headers in ((whole, {}), (gzip.compress(whole), {"content-encoding": "gzip"})):
        got = send(NAMED, "/v1/responses", sent, headers=headers)
        assert got.tree["body"][:30].startswith('{"model": "router-default"')


def test_a_body_over_the_limit_is_replaced_at_its_beginning() -> None:
    content = json.dumps({"model": "claude-opus-4-8", "input": "x" * body.READ_BYTES}).encode()
    got = send(NAMED, "/v1/responses", content)
    assert (got.tree["body"][:26], len(got.tree["body"])) == ('{"model": "router-default"', len(content) - 1)


def test_a_form_names_the_model_too() -> None:
    fields = b'--b\r\nContent-Disposition: form-data; name="model"\r\n\r\n%s\r\n--b\r\n'
    file = b'Content-Disposition: form-data; name="file"; filename="a"\r\n\r\n' + bytes(100_000) + b"\r\n--b--\r\n"
    headers = {"content-type": "multipart/form-data; boundary=b"}
    got = send(NAMED, "/v1/audio/transcriptions", fields % b"gpt-5-codex" + file, headers=headers)
    assert got.tree["body"] == (fields % b"router-cheap" + file).decode()


def test_each_of_several_names_is_replaced() -> None:
    got = send(NAMED, "/v1/chat/completions", {"model": "claude-opus-4-8,router-cheap, gpt-5-codex", **TEXT})
    assert json.loads(got.tree["body"])["model"] == "router-default,router-cheap,router-cheap"


def test_a_body_in_parts_reaches_the_app_once() -> None:
    content = json.dumps({"model": "claude-opus-4-8", "input": "x" * 500}).encode()
    parts = [content[:7], content[7:20], content[20:]]
    sent: list[Message] = [{"type": "http.request", "body": one, "more_body": one != parts[-1]} for one in parts]
    sent.append({"type": "http.disconnect"})
    seen = asyncio.run(received(sent))
    assert [one["type"] for one in seen] == ["http.request", "http.disconnect"]
    assert json.loads(seen[0]["body"])["model"] == "router-default"


async def received(messages: list[Message]) -> list[Message]:
    """Return the messages that an app receives behind the filter."""
    left = iter(messages)
    seen: list[Message] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        while not seen or seen[-1]["type"] != "http.disconnect":
            seen.append(await receive())

    async def receive() -> Message:
        return next(left)

    async def ignore(message: Message) -> None:
        del message

    scope = {"type": "http", "method": "POST", "path": "/v1/responses", "headers": []}
    await RequestFilter(app, FilterRules("1", requests=NAMED))(scope, receive, ignore)
    return seen


@pytest.mark.parametrize("asked", ["claude-opus-4-8", "gpt-5-codex", "claude-router-cheap"])
def test_a_description_is_that_of_the_model(asked: str) -> None:
    assert send(NAMED, f"/v1/models/{asked}").tree["path"] == f"/v1/models/{ASKED[asked]}"


def test_the_row_of_the_request_has_both_names() -> None:
    layer = echoing(NAMED)
    send(layer, "/v1/messages", {"model": "claude-opus-4-8", **TEXT})
    send(layer, "/v1/messages", {"model": "router-cheap", **TEXT})
    first, second = layer.recent.rows()
    assert (first["model"], first["leads_to"]) == ("claude-opus-4-8", "router-default")
    assert (second["model"], second.get("leads_to")) == ("router-cheap", None)


def test_what_the_model_cannot_do_is_refused_under_any_name() -> None:
    assert (
        "the model 'embedder' cannot answer with text" in send(NAMED, BODIES[0], {"model": "embed-3", **TEXT}).message
    )
    assert send(NAMED, "/v1/embeddings", {"model": "embed-3", "input": "x"}).status == 200


def test_a_name_that_no_entry_matches_is_unknown() -> None:
    assert send(NAMED, BODIES[0], {"model": "gemini-3-pro", **TEXT}).status == 404


def test_names_that_clients_invent_do_not_fill_the_memory() -> None:
    names = ClientNames(NAMED)
    assert {names.model(f"claude-{number}") for number in range(5_000)} == {"router-default"}
    assert len(vars(names)["_found"]) <= 1_000


def test_replacing_costs_little() -> None:
    names = ClientNames(NAMED)
    content = json.dumps({"model": "claude-opus-4-8", "input": "x" * 50_000}).encode()
    best = float("inf")
    for _ in range(10):  # the best of ten, because other processes may run
        began = process_time()
        for _ in range(100):
            renaming.json_body(content, None, names.models("claude-opus-4-8"))
        best = min(best, process_time() - began)
    assert best / 100 < 0.0001  # seconds a request


def test_without_names_a_body_is_not_touched() -> None:
    content = b'{"model":"anything"  ,"input":"x"}'
    assert send(RequestRules(), "/v1/responses", content).tree["body"] == content.decode()
