"""Names of models: whether one exists, and whether it can do what a request asks for."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING

from flowgate.request_filter.app_questions import ask
from flowgate.request_filter.client_names import AGENT, ENCODED, GENERATED_ID, LONG_CONTEXT

if TYPE_CHECKING:
    from flowgate.domain.request_rules import RequestRules
    from flowgate.request_filter.paths import Asked

SHOWN_NAMES = 20
MADE_BY_APP = (ENCODED, AGENT)  # the app's names for Claude Code's model list, and for agents
NOUNS = {
    "text": "answer with text",
    "embeddings": "make embeddings",
    "images": "make images",
    "transcription": "transcribe audio",
    "speech": "speak",
    "moderations": "moderate",
    "rerank": "rerank",
    "videos": "make videos",
    "ocr": "read documents",
}


class Models:
    """The models behind the app, by one set of rules."""

    def __init__(self, rules: RequestRules) -> None:
        self._rules = rules
        self._exact = frozenset((*rules.models, *rules.further_models))
        self._patterns = {pattern: expression(pattern) for pattern in rules.patterns}

    @property
    def has_rules(self) -> bool:
        """Return whether any name can be refused."""
        return not self._rules.any_model or bool(self._rules.refused)

    def exists(self, name: str) -> bool:
        """Return whether the app may know a name.

        Args:
            name: What the client asked for.
        """
        if self._rules.any_model or name in self._exact or GENERATED_ID.fullmatch(name):
            return True
        if name.startswith(MADE_BY_APP):
            return True
        if name.lower().endswith(LONG_CONTEXT):
            return self.exists(name[: -len(LONG_CONTEXT)])
        if any(pattern.fullmatch(name) for pattern in self._patterns.values()):
            return True
        return bool(self._rules.name_source and ask(self._rules.name_source, name))

    def lacks(self, name: str, capability: str) -> bool:
        """Return whether no model of a name has a capability; False when that is not known.

        Args:
            name: What the client asked for.
            capability: A value of `paths.CAPABILITIES`.
        """
        if name in self._exact or name in self._rules.refused:
            return capability in self._rules.refused.get(name, ())
        matching = [pattern for pattern, expression in self._patterns.items() if expression.fullmatch(name)]
        return bool(matching) and all(capability in self._rules.refused.get(one, ()) for one in matching)

    def nobody_has(self, capability: str) -> bool:
        """Return whether it is known that no model at all has a capability.

        Args:
            capability: A value of `paths.CAPABILITIES`.
        """
        names = (*self._rules.models, *self._rules.patterns)
        return not self._rules.any_model and all(capability in self._rules.refused.get(one, ()) for one in names)

    def needs_name(self, asked: Asked) -> bool:
        """Return whether a request of this kind must name a model.

        Args:
            asked: What the path asks for.
        """
        return not self._rules.any_model and asked.capability not in self._rules.model_optional

    def unknown(self, name: str) -> str:
        """Return the sentence about a name that does not exist, with the names that do.

        Args:
            name: What the client asked for.
        """
        close = get_close_matches(name, self._rules.models, 1)
        guess = f"did you mean '{close[0]}'? " if close else ""
        return f"no model is called '{name[:100]}'; {guess}{self._list()}"

    def unnamed(self) -> str:
        """Return the sentence about a request that names no model."""
        return f"the request names no model; {self._list()}"

    def unable(self, name: str, capability: str) -> str:
        """Return the sentence about a model that cannot do what is asked.

        Args:
            name: What the client asked for; empty if it named none.
            capability: A value of `paths.CAPABILITIES`.
        """
        able = [one for one in self._rules.models if capability not in self._rules.refused.get(one, ())]
        verb = NOUNS[capability]
        fix = f"models that may: {_names(able)}" if able else "no model of this gateway can"
        return f"the model '{name[:100]}' cannot {verb}; {fix}" if name else f"no model of this gateway can {verb}"

    def _list(self) -> str:
        return f"models: {_names((*self._rules.models, *self._rules.patterns))}"


def _names(names: tuple[str, ...] | list[str]) -> str:
    more = len(names) - SHOWN_NAMES
    return ", ".join(names[:SHOWN_NAMES]) + (f" and {more} more (GET /v1/models)" if more > 0 else "")


def expression(pattern: str) -> re.Pattern[str]:
    """Return a name with `*` as a regular expression; `*` stands for any text.

    Args:
        pattern: The name.
    """
    return re.compile(".*".join(map(re.escape, pattern.split("*"))), re.DOTALL)
