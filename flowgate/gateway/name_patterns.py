"""Patterns among the model names (`corp/*`), matched as LiteLLM does it; pure.

Source: LiteLLM 1.106.2, litellm/router_utils/pattern_match_deployments.py.
"""

from __future__ import annotations

import re

from flowgate.domain import Deployment

SPECIAL = ("*", "+", "?", "\\", "^", "$", "|", "(", ")")


def match(pattern: str, name: str) -> re.Match[str] | None:
    """Match a name: each `*` stands for any text, and a longer name matches too if it begins like the pattern."""
    return re.match(_expression(pattern), name)


def _expression(pattern: str) -> str:
    return re.escape(pattern).replace(r"\*", "(.*)")


def fits(pattern: str, name: str) -> bool:
    """Return whether a pattern of FlowGate's own list matches a name: unlike LiteLLM's, to the name's end.

    Args:
        pattern: `*` stands for any text.
        name: The name.
    """
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), name, re.DOTALL) is not None


def specificity(pattern: str) -> tuple[int, int]:
    """Return the sort key of a pattern: its length and its number of special characters, as an expression."""
    expression = _expression(pattern)
    return len(expression), sum(map(expression.count, SPECIAL))


def with_model(entry: Deployment, found: re.Match[str]) -> Deployment:
    """Return a pattern's deployment with the model that it requests for the matched name."""
    model, parts = str(entry["litellm_params"]["model"]), found.groups()
    if "*" not in model:
        return entry
    if len(parts) > model.count("*"):
        model = found.string
    else:
        for part in parts:
            model = model.replace("*", part, 1)
    return {**entry, "litellm_params": {**entry["litellm_params"], "model": model}}
