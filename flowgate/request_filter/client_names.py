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

    @property
    def is_empty(self) -> bool:
        """Return whether no name is replaced."""
        return not (self._rules.renamed or self._patterns or self._published)

    def models(self, name: str) -> str:
        """Return a name as the app gets it; of several names with commas, each one.

        Args:
            name: What the client asked for.
        """
        if "," not in name or name in self._taken:
            return self.model(name) or name
        parts = {one: self.model(one.strip()) for one in name.split(",")}
        return ",".join(model or one for one, model in parts.items()) if any(parts.values()) else name

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
            return named
        if (encoded := decoded(name)) and encoded in self._taken:
            return encoded
        if not name.lower().endswith(LONG_CONTEXT):
            return self._matched(name)
        short = name[: -len(LONG_CONTEXT)]
        own = self._rules.renamed.get(short + LONG_CONTEXT) or self._matched(short + LONG_CONTEXT, ending=True)
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


def decoded(name: str) -> str:
    """Return the name that the app has encoded for Claude Code; empty if it is none of these.

    Args:
        name: A name of the app's list.

    Source: `_compatibility_id` in proxy/common_utils/model_listing_utils.py of the app, 1.108.7.
    """
    if not name.startswith(ENCODED):
        return ""
    digits = name.removeprefix(ENCODED)
    try:
        return bytes.fromhex(digits[: -len(LONG_CONTEXT)] if digits.lower().endswith(LONG_CONTEXT) else digits).decode()
    except ValueError:
        return ""
