"""The list of models, as a client sees it that may ask only some of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

from flowgate.request_filter import whole_response

if TYPE_CHECKING:
    from starlette.types import Send

    from flowgate.request_filter.clients import Client

LISTS = (("data", "id"), ("models", "name"))  # OpenAI's and Anthropic's, Google's
FIRST_AND_LAST = ("first_id", "last_id")


def shortened(send: Send, client: Client, leads_to: Callable[[str], str] = str) -> Send:
    """Return a `send` that leaves out of a list of models what a client may not ask.

    Args:
        send: The request's `send`.
        client: The client.
        leads_to: Returns the model that answers for a name.
    """
    return whole_response.with_body(send, lambda body: without_others(body, client, leads_to))


def without_others(body: bytes, client: Client, leads_to: Callable[[str], str] = str) -> bytes:
    """Return a list of models without those that a client may not ask; an empty list if it cannot be read.

    Args:
        body: The whole body.
        client: The client.
        leads_to: Returns the model that answers for a name.
    """
    try:
        tree = json.loads(body)
    except ValueError:
        tree = {}
    if not isinstance(tree, dict):
        tree = {}
    for key, name in LISTS:
        if isinstance(entries := tree.get(key), list):
            tree[key] = [one for one in entries if _may_ask(client, one, name, leads_to)]
    if not any(isinstance(tree.get(key), list) for key, _ in LISTS):
        tree = {"object": "list", "data": []}
    if all(one in tree for one in FIRST_AND_LAST) and isinstance(tree.get("data"), list):
        ids = [one["id"] for one in tree["data"]]
        tree |= {"first_id": ids[0] if ids else None, "last_id": ids[-1] if ids else None}
    return json.dumps(tree).encode()


def _may_ask(client: Client, entry: object, name: str, leads_to: Callable[[str], str]) -> bool:
    value = entry.get(name) if isinstance(entry, dict) else None
    if not isinstance(value, str):
        return False
    plain = value.removeprefix("models/")
    return client.may_ask(plain) or client.may_ask(leads_to(plain))
