"""Tell the app which client asks, by headers; a user that the client names itself is left as it is."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import Scope

    from flowgate.domain.request_rules import RequestRules

USER_FIELDS = ("user", "user_id", "safety_identifier")
FIELD = re.compile(rb'"(?:user|user_id|safety_identifier)"')


def with_client(scope: Scope, rules: RequestRules, client: str, tree: object, content: bytes | None) -> Scope:
    """Return the scope with the client's name, where the app reads it.

    Args:
        scope: The request.
        rules: The rules that name the headers.
        client: The client's name.
        tree: The body's JSON; empty if it was not parsed.
        content: The body; None if it was not read as a whole.
    """
    present = {name for name, _ in scope["headers"]}
    added = []
    metadata, user = rules.metadata_header.lower().encode(), rules.user_header.lower().encode()
    if metadata and metadata not in present:
        added.append((metadata, json.dumps({"client": client}).encode()))
    if user and not present & {name.lower().encode() for name in rules.user_headers} and not _names(tree, content):
        added.append((user, client.encode()))
    return {**scope, "headers": [*scope["headers"], *added]} if added else scope


def _names(tree: object, content: bytes | None) -> bool:
    """Return whether a body names a user, or may."""
    if isinstance(tree, dict) and tree:
        nested = (value for key, value in tree.items() if key.endswith("metadata"))
        return any(one.get(key) for one in (tree, *nested) if isinstance(one, dict) for key in USER_FIELDS)
    return content is None or FIELD.search(content) is not None
