"""The list of models in the client's own shape, with names that the client shows.

The app has no list at Google's address. Claude Code hides names without "claude" or "anthropic", so each model is in
Anthropic's list under a second name too: "claude-" and its own, which `client_names` leads back to the model.

Source: the list responses of the vendors' APIs; Claude Code 2.1.197; the app's version 1.108.7, which gives Claude Code
names in hexadecimal digits.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from flowgate.request_filter import paths, whole_response
from flowgate.request_filter.client_names import decoded, published

if TYPE_CHECKING:
    from starlette.types import Scope, Send

    from flowgate.domain.request_rules import RequestRules

LISTS = ("/v1/models", "/models")
GOOGLE_LIST = "/v1beta/models"
TEXT_METHODS = ["generateContent", "streamGenerateContent", "countTokens"]
EMBEDDING_METHODS = ["embedContent"]
Row = dict[str, object]
Adapt = Callable[[Row], Row]


class ModelList:
    """The list of models by one set of rules."""

    def __init__(self, rules: RequestRules) -> None:
        self._rules = rules

    def question(self, scope: Scope) -> tuple[Scope, Adapt | None]:
        """Return the request for a list as the app gets it, and how its response is adapted; None if it is not.

        Args:
            scope: An HTTP scope.
        """
        path = scope["path"]
        if scope.get("method") != "GET" or "models" not in path:
            return scope, None
        if path.rstrip("/") == GOOGLE_LIST:
            return paths.moved(scope, LISTS[0]), self._google
        if path.startswith(f"{GOOGLE_LIST}/"):
            return paths.moved(scope, path.replace(GOOGLE_LIST, LISTS[0], 1)), self._google_row
        if path in LISTS and any(name == b"anthropic-version" for name, _ in scope.get("headers", ())):
            return scope, self._anthropic
        return scope, None

    def _anthropic(self, tree: Row) -> Row:
        rows = {_name(row): row for row in map(_anthropic_row, _rows(tree))}
        for name in self._answering(rows):
            shown = published(name)
            if shown not in rows and name in self._rules.models and name not in self._rules.renamed:
                rows[shown] = {**rows[name], "id": shown, "display_name": name}
        names = list(rows)
        ends = {"first_id": names[0] if names else None, "last_id": names[-1] if names else None}
        return {"has_more": False, **tree, "data": list(rows.values()), **ends}

    def _answering(self, names: dict[str, Row]) -> list[str]:
        return [name for name in names if "text" not in self._rules.refused.get(name, ())]

    def _google(self, tree: Row) -> Row:
        return {"models": [self._google_row(row) for row in _rows(tree)]}

    def _google_row(self, row: Row) -> Row:
        lacks = self._rules.refused.get(_name(row), ())
        methods = [*([] if "text" in lacks else TEXT_METHODS), *([] if "embeddings" in lacks else EMBEDDING_METHODS)]
        limits = {"inputTokenLimit": row.get("max_input_tokens"), "outputTokenLimit": row.get("max_output_tokens")}
        return {
            "name": f"models/{row['id']}",
            "displayName": row["id"],
            "supportedGenerationMethods": methods,
            **{key: value for key, value in limits.items() if value},
        }


def _rows(tree: Row) -> Iterator[Row]:
    rows = tree["data"]
    for row in rows if isinstance(rows, list) else ():
        yield {**row, "id": decoded(row["id"]) or row["id"]}


def _name(row: Row) -> str:
    return str(row["id"])


def _anthropic_row(row: Row) -> Row:
    kept = {key: value for key, value in row.items() if key not in ("object", "created", "owned_by")}
    created = row.get("created")
    at = datetime.fromtimestamp(created if isinstance(created, int) else 0, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"type": "model", "display_name": row["id"], "created_at": at, **kept}


def adapted(send: Send, adapt: Adapt) -> Send:
    """Return a `send` that adapts the body of a response; an error, or a body of another shape, passes unchanged.

    Args:
        send: Takes the messages of the response.
        adapt: Makes the body.
    """
    return whole_response.with_body(send, partial(_adapted, adapt))


def _adapted(adapt: Adapt, content: bytes) -> bytes:
    try:
        return json.dumps(adapt(json.loads(content))).encode()
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
        return content
