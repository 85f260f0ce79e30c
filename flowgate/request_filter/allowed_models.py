"""Clients that may ask only some models: whether a request asks one of them, and nothing else.

What cannot be read for certain is refused: a body that is too large, a path at which no model is named, and fields by
which a request would choose further models.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from flowgate.request_filter import paths
from flowgate.request_filter.client_names import LONG_CONTEXT
from flowgate.request_filter.models import SHOWN_NAMES

if TYPE_CHECKING:
    from starlette.types import Scope

    from flowgate.request_filter.clients import Client

LeadsTo = Callable[[str], str]
FURTHER_MODELS = (  # fields of a body that lead to other models
    *("fallbacks", "context_window_fallbacks", "content_policy_fallbacks", "router_settings_override"),
    *("model_list", "user_config", "prompt_id"),
)
STORED = re.compile(r"^(?:/openai)?(?:/v1)?/responses/[^/]+(?:/(?:input_items|cancel))?$")
FORM_FIELD = re.compile(rb"""\bname\s*=\s*["']?model["'\s;]|\bname\s*\*""", re.IGNORECASE)  # `name*0=` continues
FORM_VALUE = re.compile(rb'\bname="model"[ \t]*\r\n(?:[^\r\n]+\r\n)*\r\n([^\r\n]*)\r\n', re.IGNORECASE)


def without_body(scope: Scope, client: Client, leads_to: LeadsTo = str) -> str:
    """Return why a client may not send a request, as far as that does not depend on a body; empty if it may.

    Args:
        scope: An HTTP or websocket scope.
        client: A client that may ask only some models.
        leads_to: Returns the model that answers for a name; a client may ask for either.
    """
    path, method = scope["path"], scope.get("method", "")
    if scope["type"] == "websocket":
        named = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("model", [])
        return refusal(client, named, leads_to) if named else unnamed(client)
    if method == "OPTIONS" or STORED.fullmatch(path) or (method == "GET" and paths.lists_models(path)):
        return ""
    if method == "GET" and (name := paths.described_model(path)):
        return refusal(client, [name], leads_to)
    if method == "POST" and paths.asked(path):
        twice = [name for name, _ in scope["headers"]].count(b"content-type") > 1
        return "the request has several content types" if twice else ""
    return f"the client '{client.name}' may ask only some models, and {path[:100]} names none"


def in_body(client: Client, name: object, tree: object, leads_to: LeadsTo = str) -> str:
    """Return why a client may not send a body; empty if it may.

    Args:
        client: A client that may ask only some models.
        name: The model that the request names; not a string if it names none.
        tree: The body's JSON.
        leads_to: Returns the model that answers for a name; a client may ask for either.
    """
    if isinstance(tree, dict) and (further := next((key for key in FURTHER_MODELS if tree.get(key)), "")):
        return f"the client '{client.name}' may ask only some models, so its requests must not set '{further}'"
    names = [*name.split(","), *_of_tools(tree)] if isinstance(name, str) and name else []
    return refusal(client, names, leads_to) if names else unnamed(client)


def _of_tools(tree: object) -> list[str]:
    """Return the models that a body's tools name: an advisor, for example, is another model."""
    tools = tree.get("tools") if isinstance(tree, dict) else None
    found = [one.get("model") for one in (tools if isinstance(tools, list) else ()) if isinstance(one, dict)]
    return [one for one in found if isinstance(one, str) and one]


def form_models(content: bytes, content_type: bytes) -> list[str] | None:
    """Return every model that a form names; None if that cannot be told.

    Args:
        content: The whole body.
        content_type: The value of its header.
    """
    if content_type.lower().startswith(b"application/x-www-form-urlencoded"):
        return parse_qs(content.decode("latin-1"), encoding="latin-1").get("model", [])
    found = [value.decode("utf-8", "replace").strip() for value in FORM_VALUE.findall(content)]
    return found if len(found) == len(FORM_FIELD.findall(content)) else None


def refusal(client: Client, names: list[str], leads_to: LeadsTo = str) -> str:
    """Return why a client may not ask all of these models; empty if it may.

    Args:
        client: The client.
        names: What it asked for.
        leads_to: Returns the model that answers for a name; a client may ask for either.
    """
    wrong = next((name for name in map(str.strip, names) if not _may_ask(client, name, leads_to)), None)
    if wrong is None:
        return ""
    return f"the client '{client.name}' may not ask the model '{wrong[:100]}'; it may ask: {_list(client)}"


def _may_ask(client: Client, name: str, leads_to: LeadsTo) -> bool:
    short = name[: -len(LONG_CONTEXT)] if name.lower().endswith(LONG_CONTEXT) else name
    return client.may_ask(short) or client.may_ask(leads_to(name))


def unnamed(client: Client) -> str:
    """Return the sentence about a request that names no model.

    Args:
        client: The client.
    """
    return f"the client '{client.name}' may ask only some models, and the request names none; {_list(client)}"


def _list(client: Client) -> str:
    return ", ".join(client.key.limits.models[:SHOWN_NAMES])
