"""The names that clients ask for by themselves, and the models that answer instead.

The filter replaces such a name before the app sees the request, so that everything that holds for the model holds for
the name: retries, fallbacks, cooldowns, limits. A name that the config gives to a model, an alias or a deployment is
never replaced.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flowgate.domain.request_rules import RequestRules

GENERATED_ID = re.compile(r"[0-9a-f]{64}")  # a deployment's id, where the config sets none; clients see it in a header
LONG_CONTEXT = "[1m]"  # Claude Code adds it to a name, and the app takes it away on some of its paths
AGENT = "a2a/"  # the app's prefix for agents
PICKED = re.compile("claude|anthropic", re.IGNORECASE)  # Claude Code's list shows no other names
PUBLISHED = "claude-"  # before the name of a model that it would not show
ENCODED = "claude-router-"  # the app's own prefix for the same purpose, before the name in hexadecimal digits
KEPT = 1_000  # resolved names


def published(name: str) -> str:
    """Return the name under which Claude Code shows a model.

    Args:
        name: The model's name.
    """
    return name if PICKED.search(name) else f"{PUBLISHED}{name}"


class ClientNames:
    """The names of one set of rules."""

    def __init__(self, rules: RequestRules) -> None:
        self._rules = rules
        self._taken = frozenset((*rules.models, *rules.further_models)).difference(rules.renamed)
        self._patterns = [(_expression(pattern, bool(model)), model) for pattern, model in rules.renamed_patterns]
        own = (name for name in rules.models if name not in rules.renamed)
        self._published = {shown: name for name in own if (shown := published(name)) != name}
        self._found: dict[str, str | None] = {}

    def model(self, name: str) -> str | None:
        """Return the model that answers instead; None for a name that is left as it is.

        Args:
            name: What the client asked for.
        """
        if name in self._found:
            return self._found[name]
        if len(self._found) >= KEPT:
            self._found.clear()
        model = self._found[name] = self._resolve(name)
        return model

    def _resolve(self, name: str) -> str | None:
        if name in self._taken or name.startswith(AGENT) or GENERATED_ID.fullmatch(name):
            return None
        if named := self._rules.renamed.get(name) or self._published.get(name):
            return self._rules.renamed.get(named, named)
        if name.startswith(ENCODED) and (decoded := _decoded(name)) in self._taken:
            return decoded
        if not name.lower().endswith(LONG_CONTEXT):
            return self._matched(name)
        own = self._matched(name, ending=True)
        short = name[: -len(LONG_CONTEXT)]
        return own or self._resolve(short) or (short if short in self._taken else None)

    def _matched(self, name: str, ending: bool = False) -> str | None:
        """Return the model of the most specific pattern; with `ending`, only patterns for a long context count."""
        for (expression, is_long), model in self._patterns:
            if is_long >= ending and expression.match(name):
                return model or None
        return None


def _expression(pattern: str, whole: bool) -> tuple[re.Pattern[str], bool]:
    """Return a pattern as an expression, and whether it is for a long context.

    Args:
        pattern: `*` stands for any text.
        whole: Whether it must match a name to its end; the app's own patterns need not.
    """
    expression = "(?s:.*)".join(map(re.escape, pattern.split("*"))) + (r"\Z" if whole else "")
    return re.compile(expression), pattern.lower().endswith(LONG_CONTEXT)


def _decoded(name: str) -> str:
    """Return the name that the app has encoded for Claude Code; empty if it is none of these.

    Source: LiteLLM 1.108.7, litellm/proxy/common_utils/model_listing_utils.py.
    """
    digits = name.removeprefix(ENCODED)
    try:
        return bytes.fromhex(digits[: -len(LONG_CONTEXT)] if digits.lower().endswith(LONG_CONTEXT) else digits).decode()
    except ValueError:
        return ""
