"""Requests of a client that makes mistakes: wrong routes, unknown models, bodies that no model accepts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import NamedTuple

REPEATED = 3  # as often as a profile's cooldowns need, at least
OVERSIZED_CHARACTERS = 4_000_000
REFUSED_BY_VENDORS = (400, 413, 422)  # what vendors respond to a body that they do not accept


class BadRequest(NamedTuple):
    """A request that must not be repeated by LiteLLM, nor count as a failure of the model."""

    path: str
    body: bytes


def bad_requests(model: str) -> Iterator[BadRequest]:
    """Yield the requests, each kind several times.

    Args:
        model: A chat model that works.
    """
    for path, body in (*_wrong_routes(model), *_wrong_bodies(model)):
        for _ in range(REPEATED):
            yield BadRequest(path, json.dumps(body).encode())
    yield BadRequest("/v1/chat/completions", b'{"model": "')
    oversized = {"model": model, "messages": [{"role": "user", "content": "x" * OVERSIZED_CHARACTERS}]}
    yield BadRequest("/v1/chat/completions", json.dumps(oversized).encode())


def _wrong_routes(model: str) -> Iterator[tuple[str, dict[str, object]]]:
    yield "/v1/embeddings", {"model": model, "input": "hello"}
    yield "/v1/images/generations", {"model": model, "prompt": "hello"}
    yield "/v1/audio/speech", {"model": model, "input": "hello", "voice": "alloy"}
    yield "/v1/moderations", {"model": model, "input": "hello"}
    yield "/v1/no-such-route", {"model": model}


def _wrong_bodies(model: str) -> Iterator[tuple[str, dict[str, object]]]:
    messages = [{"role": "user", "content": "hello"}]
    chat = "/v1/chat/completions"
    yield chat, {"model": f"{model}-that-does-not-exist", "messages": messages}
    yield chat, {"model": model}
    yield chat, {"model": model, "messages": "hello"}
    yield chat, {"model": model, "messages": messages, "temperature": "hot"}
    yield "/v1/messages", {"model": model, "messages": "hello", "max_tokens": 9}
    yield "/v1/responses", {"model": model}
