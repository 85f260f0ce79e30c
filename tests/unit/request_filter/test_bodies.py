"""Bodies: compressed, damaged, large, or with parts of the wrong type."""

from __future__ import annotations

import asyncio
import gzip
import json
import zlib
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from flowgate.domain.request_rules import RequestRules
from flowgate.request_filter import body
from tests.unit.request_filter.echoing import RULES, echoing, send

if TYPE_CHECKING:
    from starlette.types import Message

CHAT, MESSAGES, RESPONSES = "/v1/chat/completions", "/v1/messages", "/v1/responses"
GOOGLE = "/v1beta/models/router-default:generateContent"
QUESTION = {"model": "router-default", "messages": [{"role": "user", "content": "hi ü"}]}
PLAIN = json.dumps(QUESTION).encode()


def raw_deflate(data: bytes) -> bytes:
    stream = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return stream.compress(data) + stream.flush()


@pytest.mark.parametrize("path", [CHAT, MESSAGES, "/messages", "/v1/files", "/v1/unheard-of"])
@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("gzip", gzip.compress(PLAIN, mtime=0)),
        ("GZIP", gzip.compress(PLAIN, mtime=0)),
        ("x-gzip", gzip.compress(PLAIN, mtime=0)),
        ("deflate", zlib.compress(PLAIN)),
        ("deflate", raw_deflate(PLAIN)),
        ("identity", PLAIN),
        ("", PLAIN),
    ],
    ids=lambda one: one if isinstance(one, str) else len(one),
)
def test_a_compressed_body_reaches_the_app_as_plain_text(path: str, name: str, content: bytes) -> None:
    got = send(RULES, path, content, headers={"content-encoding": name})
    assert (got.status, json.loads(got.tree["body"])) == (200, QUESTION)
    assert int(got.tree["headers"]["content-length"]) == len(PLAIN)
    assert got.tree["headers"].get("content-encoding", name) == name


@pytest.mark.parametrize("path", [CHAT, MESSAGES, "/v1beta/models/local/x:generateContent"])
@pytest.mark.parametrize(
    ("name", "content", "status"),
    [
        ("br", PLAIN, 415),
        ("zstd", b"\x28\xb5\x2f\xfd", 415),
        ("gzip, gzip", PLAIN, 415),
        ("compress", PLAIN, 415),
        ("gzip", PLAIN, 400),
        ("gzip", gzip.compress(PLAIN, mtime=0)[:-9], 400),
        ("gzip", b"\x1f\x8b", 400),
        ("deflate", PLAIN, 400),
        ("gzip", gzip.compress(b"no json", mtime=0), 400),
        ("gzip", gzip.compress(bytes(body.READ_BYTES + 1), mtime=0), 413),
        ("gzip", bytes(body.READ_BYTES + 1), 413),
    ],
    ids=lambda one: one if isinstance(one, str) else len(one) if isinstance(one, bytes) else None,
)
def test_a_body_that_cannot_be_decompressed_is_refused(path: str, name: str, content: bytes, status: int) -> None:
    got = send(RULES, path, content, headers={"content-encoding": name})
    assert got.status == status
    assert got.message


@pytest.mark.parametrize("content", [b"{", b"nope", b"\xff\xfe", b"{'a': 1}", b"[" * 100_000, b'{"a":1}x'], ids=len)
@pytest.mark.parametrize("path", [CHAT, MESSAGES, RESPONSES, "/v1/embeddings"])
def test_a_body_that_is_not_json_is_refused(path: str, content: bytes) -> None:
    got = send(RULES, path, content)
    assert (got.status, "not valid JSON" in got.message) == (400, True)


@pytest.mark.parametrize("content", ["[]", '"x"', "5", "true", "1.5", "[{}]"])
@pytest.mark.parametrize("path", [CHAT, MESSAGES, RESPONSES, "/v1/embeddings"])
def test_a_body_that_is_no_object_is_refused(path: str, content: str) -> None:
    got = send(RULES, path, content.encode())
    assert (got.status, "must be a JSON object" in got.message) == (400, True)


WRONG: list[tuple[str, dict[str, Any], str]] = [
    (MESSAGES, {"messages": "nope"}, "messages must be a list, not a string"),
    (MESSAGES, {"messages": None}, "messages must be a list, not null"),
    (MESSAGES, {"messages": {}}, "messages must be a list, not an object"),
    (MESSAGES, {"messages": [5]}, "messages[0] must be an object, not a number"),
    (MESSAGES, {"messages": [{"content": "x"}]}, "messages[0] has no role"),
    (MESSAGES, {"messages": [{"role": "user", "content": 5}]}, "messages[0].content must be a string or a list"),
    (MESSAGES, {"messages": [{"role": "user", "content": [5]}]}, "messages[0].content[0] must be an object"),
    (MESSAGES, {"messages": [], "tools": "x"}, "tools must be a list, not a string"),
    ("/v1/messages/count_tokens", {"messages": "nope"}, "messages must be a list, not a string"),
    (CHAT, {"messages": "nope"}, "messages must be a list, not a string"),
    (CHAT, {"messages": [None]}, "messages[0] must be an object, not null"),
    (CHAT, {"messages": [{"role": "user", "content": True}]}, "messages[0].content must be a string or a list"),
    (CHAT, {"messages": [], "tools": ["x"]}, "tools[0] must be an object, not a string"),
    (CHAT, {"messages": [{"role": "user", "content": [{}]}]}, "messages[0].content[0] has no type"),
    (CHAT, {"messages": [{"role": "user", "content": [{"type": 5}]}]}, "messages[0].content[0] has no type"),
    (CHAT, {"messages": [{"role": "tool", "content": [{"type": "image_url"}]}]}, "content[0] has no image_url"),
    (CHAT, {"messages": [{"role": "developer", "content": None}]}, "messages[0].content is missing"),
    (CHAT, {"response_format": "x"}, "response_format must be an object, not a string"),
    (CHAT, {"response_format": []}, "response_format must be an object, not a list"),
    (CHAT, {"functions": 5}, "functions must be a list, not a number"),
    (CHAT, {"extra_body": ["x"]}, "extra_body must be an object, not a list"),
    (CHAT, {"extra_headers": "x"}, "extra_headers must be an object, not a string"),
    (CHAT, {"extra_headers": {"a": 1}}, "the values of extra_headers must be strings"),
    (CHAT, {"headers": True}, "headers must be an object, not a boolean"),
    (CHAT, {"timeout": "soon"}, "timeout must be a number, not a string"),
    (CHAT, {"timeout": -1}, "timeout must be a number above 0"),
    (CHAT, {"extra_headers": {"a": "b\nc"}}, "extra_headers has characters that no HTTP header carries"),
    (CHAT, {"headers": {"a b\r": "c"}}, "headers has characters that no HTTP header carries"),
    (GOOGLE, {"contents": "x"}, "contents must be a list, not a string"),
    (GOOGLE, {"contents": [], "systemInstruction": "x"}, "systemInstruction must be an object, not a string"),
    (CHAT, {"timeout": [5]}, "timeout must be a number, not a list"),
    (CHAT, {"tags": [{}]}, "tags must be a list of strings"),
    ("/v1/completions", {"prompt": 5}, "prompt must be a string or a list of strings"),
    ("/v1/completions", {"prompt": None}, "prompt must be a string or a list of strings"),
    ("/v1/completions", {"prompt": []}, "prompt must be a string or a list of strings"),
    ("/v1/completions", {"prompt": [{}]}, "prompt must be a string or a list of strings"),
    ("/v1/completions", {"prompt": "x", "stream": "yes"}, "stream must be a boolean, not a string"),
    (MESSAGES, {"messages": [], "tool_choice": "x"}, "tool_choice must be an object, not a string"),
    (GOOGLE, {"contents": None}, "contents must be a list, not null"),
    (GOOGLE, {"contents": [{"parts": 5}]}, "contents[0].parts must be a list, not a number"),
    (GOOGLE, {"contents": [{"parts": [{"text": 5}]}]}, "contents[0].parts[0].text must be a string, not a number"),
    (GOOGLE, {"contents": [], "generationConfig": "x"}, "generationConfig must be an object, not a string"),
    (GOOGLE, {"contents": [], "tools": True}, "tools must be a list, not a boolean"),
    (RESPONSES, {"input": 5}, "input must be a string or a list, not a number"),
    (RESPONSES, {"input": ["x"]}, "input[0] must be an object, not a string"),
]


@pytest.mark.parametrize(("path", "given", "words"), WRONG, ids=[f"{path} {tree}" for path, tree, _ in WRONG])
def test_a_part_of_the_wrong_type_is_named(path: str, given: dict[str, Any], words: str) -> None:
    got = send(RULES, path, {"model": "router-default", **given})
    assert (got.status, words in got.message) == (400, True)
    assert got.tree.get("type") == ("error" if "messages" in path else None)


@pytest.mark.parametrize(
    "given",
    [
        {"messages": []},
        {"messages": [{"role": "user", "content": None}]},
        {"messages": [{"role": "user", "content": []}]},
        {"messages": [{"role": "assistant", "tool_calls": [{}]}]},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "x"}]}], "tools": []},
        {"messages": [{"role": "user", "content": "x"}], "tools": None, "stream": True, "extra": [1]},
        {"messages": [], "timeout": "5", "tags": ["a"], "extra_body": {}, "headers": {"a": "b"}, "functions": []},
        {"messages": [], "timeout": None, "response_format": {"type": "text"}, "tool_choice": None},
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:,"}}]}]},
        {"messages": [{"role": "user", "content": [{"type": "from-the-future", "x": 1}]}]},
    ],
)
@pytest.mark.parametrize("path", [CHAT, MESSAGES])
def test_what_a_model_may_answer_passes(path: str, given: dict[str, Any]) -> None:
    assert send(RULES, path, {"model": "router-default", **given}).status == 200


PADDING = "x" * body.PARSED_BYTES
CHARACTERS = '"\\:,{} model\u00fc\ud800'
PLACED = [
    {"model": "router-default", "input": PADDING},
    {"input": PADDING, "model": "router-default", "stream": True, "user": "me"},
    {"input": [{"model": "nope", "text": PADDING}], "model": "router-default", "stream": False},
    {"input": PADDING, "model": "router-default", "tools": [{"model": "nope"}]},
    {"input": PADDING + '"model": "nope"}', "model": "router-default"},
    {"a": {"model": "router-default"}, "input": PADDING},
]


@pytest.mark.parametrize("tree", PLACED, ids=range(len(PLACED)))
@pytest.mark.parametrize("indent", [None, 2])
def test_the_model_of_a_large_body_is_found(tree: dict[str, object], indent: int | None) -> None:
    layer = echoing(RULES)
    content = json.dumps(tree, indent=indent).encode()
    got = send(layer, RESPONSES, content)
    [row] = layer.recent.rows()
    assert (got.status, row.get("model")) == ((200, "router-default") if "model" in tree else (400, None))


@given(some.dictionaries(some.sampled_from(["model", "input", "x"]), some.text(CHARACTERS) | some.booleans()))
def test_a_quick_look_never_finds_another_model(tree: dict[str, object]) -> None:
    quick = body.quick_model(json.dumps(tree, ensure_ascii=False).encode("utf-8", "surrogatepass"))
    assert quick in (None, tree.get("model"))


def test_a_form_is_looked_at_up_to_its_first_file() -> None:
    fields = b'--b\r\nContent-Disposition: form-data; name="model"\r\n\r\n%s\r\n--b\r\n'
    file = b'Content-Disposition: form-data; name="file"; filename="a"\r\n\r\n' + bytes(100_000) + b"\r\n--b--\r\n"
    headers = {"content-type": "multipart/form-data; boundary=b"}
    found = [
        send(RULES, "/v1/audio/transcriptions", fields % name + file, headers=headers).status
        for name in (b"router-default", b"nope")
    ]
    assert found == [200, 404]


def test_a_body_over_the_limit_reaches_the_app_unread() -> None:
    content = json.dumps({"model": "nope", "input": "x" * body.READ_BYTES}).encode()
    got = send(RULES, RESPONSES, content)
    assert (got.status, len(got.tree["body"])) == (200, len(content))


def test_a_client_that_leaves_while_it_sends_is_no_error() -> None:
    parts: list[Message] = [{"type": "http.request", "body": b'{"mod', "more_body": True}, {"type": "http.disconnect"}]
    seen: list[Message] = []

    async def app(_scope: object, receive: Any, _send: object) -> None:
        seen.extend([await receive(), await receive()])

    async def receive() -> Message:
        return parts.pop(0)

    async def drop(_message: Message) -> None:
        return None

    layer = echoing(RequestRules())
    layer.app = app
    asyncio.run(layer({"type": "http", "method": "POST", "path": CHAT, "headers": []}, receive, drop))
    assert [one["type"] for one in seen] == ["http.request", "http.disconnect"]


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "-1e400"])
@pytest.mark.parametrize("path", [CHAT, MESSAGES, RESPONSES, GOOGLE])
def test_a_number_that_no_provider_gets_is_refused(path: str, number: str) -> None:
    content = PLAIN.replace(b'{"model"', f'{{"temperature": {number}, "model"'.encode(), 1)
    got = send(RULES, path, content)
    assert got.status == 400
    assert f"{number} is no number of JSON" in got.tree["error"]["message"]


def test_half_of_a_surrogate_pair_and_usual_numbers_reach_the_app() -> None:
    content = rb'{"model": "router-default", "temperature": 1.5, "messages": [{"role": "user", "content": "\ud83d"}]}'
    assert send(RULES, CHAT, content).status == 200
