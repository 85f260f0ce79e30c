"""Tell the app which client asks, by headers; a user that the client names itself is left as it is."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import Scope

    from flowgate.domain.request_rules import RequestRules

USER_FIELDS = ("user", "user_id", "safety_identifier")
FIELD = re.compile(rb'"(?:user|user_id|safety_identifier)"')


class Attribution:
    """The headers by which the app is told the client.

    Args:
        rules: The rules that name the headers.
    """

    def __init__(self, rules: RequestRules) -> None:
        self._user, self._metadata = rules.user_header.lower().encode(), rules.metadata_header.lower().encode()
        self._users = frozenset(name.lower().encode() for name in rules.user_headers)

    def add(self, scope: Scope, client: str, tree: object, content: bytes | None) -> Scope:
        """Return the scope with the client's name, where the app reads it.

        Args:
            scope: The request.
            client: The client's name; it has no character that JSON escapes.
            tree: The body's JSON; empty if it was not parsed.
            content: The body; None if it was not read as a whole.
        """
        present = {name for name, _ in scope["headers"]}
        added = []
        if self._metadata and self._metadata not in present:
            added.append((self._metadata, f'{{"client": "{client}"}}'.encode()))
        if self._user and present.isdisjoint(self._users) and not _names(tree, content):
            added.append((self._user, client.encode()))
        return {**scope, "headers": [*scope["headers"], *added]} if added else scope


def _names(tree: object, content: bytes | None) -> bool:
    """Return whether a body names a user, or may."""
    if isinstance(tree, dict) and tree:
        nested = [value for key, value in tree.items() if key.endswith("metadata") and isinstance(value, dict)]
        return any(one.get(key) for one in (tree, *nested) for key in USER_FIELDS)
    return content is None or FIELD.search(content) is not None
