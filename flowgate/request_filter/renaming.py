"""Replace the model that a request names, in its path or its body; every other byte of the body stays as it came."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, NamedTuple

from flowgate.request_filter import body, paths
from flowgate.request_filter.body import Body

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from starlette.types import Message, Receive, Scope

_KEY = b'"model"'
_VALUE = re.compile(rb'\s*:\s*"([^"\\]*(?:\\.[^"\\]*)*)"', re.DOTALL)
_TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\]]', re.DOTALL)


class Question(NamedTuple):
    """What a request asks.

    Attributes:
        model: The model that it names; None if it names none, False if that is not known.
        tree: The body as plain data; empty if it was not parsed.
        body: What was read of the body; None if nothing was.
        is_form: Whether the body is a form.
        receive: The messages that follow.
    """

    model: object
    tree: object
    body: Body | None
    is_form: bool
    receive: Receive


def renamed(scope: Scope, receive: Receive, question: Question, model: str) -> tuple[Scope, Receive]:
    """Return the scope and the messages of a request that names another model.

    Args:
        scope: An HTTP scope; it is not changed.
        receive: The request's messages, with what was read of them.
        question: What the request asks.
        model: The other model.
    """
    found, path = question.body, paths.with_model(scope["path"], model)
    if path != scope["path"] or found is None:
        return paths.moved(scope, path), receive
    if question.is_form:
        content = form_body(found.content, model)
    else:
        content = json_body(found.content, question.tree if isinstance(question.tree, dict) else {}, model)
    if content is None:
        return scope, receive
    longer = len(content) - len(found.content)
    return with_length(scope, longer), body.replayed(with_content(found, content), question.receive)


def json_body(content: bytes, tree: Mapping[str, object] | None, model: str) -> bytes | None:
    """Return a JSON body that names another model; None if its name is not found.

    Args:
        content: The body, or its beginning.
        tree: The body as plain data, where it was parsed.
        model: The other model.
    """
    spans = [quick] if (quick := body.quick_span(content)) else _spans(content)
    if not spans:  # the key is written with escapes
        return json.dumps({**tree, "model": model}).encode() if tree else None
    for start, end in reversed(spans):
        content = content[:start] + json.dumps(model).encode()[1:-1] + content[end:]
    return content


def _spans(content: bytes) -> list[tuple[int, int]]:
    """Return where the names stand that a body has under the key `model` of the whole object."""
    first = content.find(_KEY)
    places = [first] if first >= 0 and content.find(_KEY, first + 1) < 0 else _top_level(content)
    return [found.span(1) for place in places if (found := _VALUE.match(content, place + len(_KEY)))]


def _top_level(content: bytes) -> Iterator[int]:
    """Yield the places of the key `model` of the whole object; tools and metadata may have such a key too."""
    depth = 0
    for token in _TOKEN.finditer(content):
        text = token[0]
        if text in b"{[":
            depth += 1
        elif text in b"}]":
            depth -= 1
        elif depth == 1 and text == _KEY and _VALUE.match(content, token.end()):
            yield token.start()


def form_body(content: bytes, model: str) -> bytes | None:
    """Return a multipart body that names another model; None if it names none before its first file.

    Args:
        content: The beginning of the body.
        model: The other model.
    """
    span = body.form_span(content)
    return content[: span[0]] + model.encode() + content[span[1] :] if span else None


def with_content(found: Body, content: bytes) -> Body:
    """Return what was read of a body, with other content.

    Args:
        found: What was read.
        content: The other content.
    """
    last = found.messages[-1]
    gone: list[Message] = [] if last["type"] == "http.request" else [last]
    more = not gone and bool(last.get("more_body"))
    return Body([{"type": "http.request", "body": content, "more_body": more}, *gone], content, found.whole)


def with_length(scope: Scope, added: int) -> Scope:
    """Return a scope whose body is longer or shorter.

    Args:
        scope: An HTTP scope; it is not changed.
        added: The number of bytes that were added.
    """
    return {
        **scope,
        "headers": [
            (name, str(int(value) + added).encode()) if name == b"content-length" and value.isdigit() else (name, value)
            for name, value in scope["headers"]
        ],
    }
