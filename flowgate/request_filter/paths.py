"""Paths that clients with a mistaken base URL send, and the paths that they mean; and what each path asks for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

if TYPE_CHECKING:
    from starlette.types import Scope

# The last words of the paths at which a model is asked, and what the model must be able to do.
CAPABILITIES = {
    "chat/completions": "text",
    "completions": "text",
    "messages": "text",
    "responses": "text",
    "responses/compact": "text",
    "embeddings": "embeddings",
    "images/generations": "images",
    "images/edits": "images",
    "images/variations": "images",
    "audio/transcriptions": "transcription",
    "audio/translations": "transcription",
    "audio/speech": "speech",
    "moderations": "moderations",
    "rerank": "rerank",
    "videos": "videos",
    "ocr": "ocr",
}
COUNTING = ("messages/count_tokens", "responses/input_tokens")
_WORDS = "|".join(map(re.escape, sorted((*CAPABILITIES, *COUNTING, "models"), key=len, reverse=True)))
_SLASHES = re.compile(r"/{2,}")
_REPEATED = re.compile(r"^(?:/v1)+(?=/v1(?:beta)?/)")
_PREFIX = r"(?P<prefix>/v1|/v2|/openai/v1|(?:/engines|/openai/deployments)/(?P<model>[^/]+))?"
_KNOWN = re.compile(rf"^{_PREFIX}/(?P<word>{_WORDS})$")
_REPEATED_WORD = re.compile(r"^(?P<first>(?:/v1)?/(?P<word>chat/completions|messages|responses))(?:/v1)?/(?P=word)$")
_GOOGLE_METHODS = {
    "generateContent": "text",
    "streamGenerateContent": "text",
    "embedContent": "embeddings",
    "batchEmbedContents": "embeddings",
    "countTokens": "",
}
_GOOGLE = re.compile(rf"^(?:/v1beta|/v1)?/models/(?P<model>.+):(?P<method>{'|'.join(_GOOGLE_METHODS)})$")
_NEEDS_V1 = ("messages", "messages/count_tokens")
_USUAL = frozenset({"/v1/chat/completions", "/v1/messages", "/v1/responses", "/v1/models"})
_MODEL = re.compile(r"^(?:/v1|/v1beta)?/models/(?P<model>.+)$")
_MODELS = re.compile(r"^(?:/v1|/v1beta)?/models(?:/|$)")
_LISTS = frozenset({"/models", "/v1/models", "/v1beta/models", "/openai/v1/models"})
_ALIVE = "/health/liveliness"
_FREE = ("/health/readiness", _ALIVE, "/health/liveness")


class Asked(NamedTuple):
    """What a path asks for.

    Attributes:
        word: The last words of the path: "chat/completions".
        capability: What the model must be able to do; empty where any model will do.
        model: The model that the path names; empty where the body names it.
    """

    word: str
    capability: str
    model: str


def meant(path: str) -> str:
    """Return the path that a client means.

    Args:
        path: The path that it sent. `//v1/x`, `/v1/v1/x`, `/v1/x/`, `/messages` and a doubled `/chat/completions` come
            from a mistaken base URL, and Google's client asks under `/v1` too; every other path is returned as it is.
    """
    if path in _USUAL:
        return path
    short = _REPEATED.sub("", _SLASHES.sub("/", path))
    stripped = short.rstrip("/")
    if doubled := _REPEATED_WORD.match(stripped):
        stripped = doubled["first"]
    if known := _KNOWN.match(stripped):
        return f"/v1{stripped}" if known["prefix"] is None and known["word"] in _NEEDS_V1 else stripped
    if google := _GOOGLE.match(short):
        return f"/v1beta/models/{google['model']}:{google['method']}"
    return short if short != path and (short.startswith(("/v1/", "/v1beta/")) or short in _FREE) else path


def asked(path: str) -> Asked | None:
    """Return what a path asks for; None where it asks no model.

    Args:
        path: A path as `meant` returns it.
    """
    if known := _KNOWN.match(path):
        word = known["word"]
        return None if word == "models" else Asked(word, CAPABILITIES.get(word, ""), known["model"] or "")
    if google := _GOOGLE.match(path):
        capability = _GOOGLE_METHODS[google["method"]]
        return Asked("generateContent" if capability == "text" else google["method"], capability, google["model"])
    return None


def described_model(path: str) -> str:
    """Return the model that a GET asks a description of; empty if the path asks something else.

    Args:
        path: A path as `meant` returns it.
    """
    found = _MODEL.match(path)
    return found["model"] if found else ""


def lists_models(path: str) -> bool:
    """Return whether a GET of a path lists the models.

    Args:
        path: A path as `meant` returns it.
    """
    return path in _LISTS


def with_model(path: str, model: str) -> str:
    """Return a path that names another model.

    Args:
        path: A path as `meant` returns it, which names a model.
        model: The other model.
    """
    found = _KNOWN.match(path) or _GOOGLE.match(path) or _MODEL.match(path)
    if found is None or found["model"] is None:
        return path
    return f"{path[: found.start('model')]}{model}{path[found.end('model') :]}"


def moved(scope: Scope, path: str) -> Scope:
    """Return a scope with another path.

    Args:
        scope: An HTTP scope; it is not changed.
        path: The other path.
    """
    return {**scope, "path": path, "raw_path": quote(path).encode()}


def normalized(scope: Scope) -> Scope:
    """Return the scope with the path that the client means, and with GET in place of a HEAD that only looks.

    Args:
        scope: An HTTP or websocket scope; it is not changed. The server still sends no body for its HEAD.
    """
    path = scope["path"]
    is_head = scope.get("method") == "HEAD"
    right = _ALIVE if is_head and path in ("", "/") else meant(path)  # Claude Code asks so whether the gateway is there
    changed: dict[str, object] = {} if right == path else {"path": right, "raw_path": quote(right).encode()}
    if is_head and (right in _FREE or _MODELS.match(right)):
        changed["method"] = "GET"
    return {**scope, **changed} if changed else scope
