"""Convert `RequestRules` to JSON data and back."""

from __future__ import annotations

from typing import NotRequired, TypedDict

from flowgate.domain import request_limits
from flowgate.domain.request_rules import RequestRules


class RequestRulesTree(TypedDict):
    """`RequestRules` as JSON."""

    key_source: str
    name_source: str
    key_headers: list[str]
    own_keys: list[str]
    open_paths: list[str]
    unchecked_paths: list[str]
    models: list[str]
    further_models: list[str]
    patterns: list[str]
    any_model: bool
    model_optional: list[str]
    refused: dict[str, list[str]]
    client_keys: str
    budgets: NotRequired[str]
    client_paths: list[str]
    user_header: str
    user_headers: list[str]
    metadata_header: str
    renamed: NotRequired[dict[str, str]]
    renamed_patterns: NotRequired[list[list[str]]]
    max_requests: NotRequired[int]
    max_body: NotRequired[int]


def request_rules_from_tree(tree: RequestRulesTree | None) -> RequestRules:
    """Convert JSON data to the rules of a request filter.

    Args:
        tree: The JSON data; None if a worker of an earlier FlowGate sent the program.
    """
    if tree is None:
        return RequestRules()
    return RequestRules(
        key_source=tree["key_source"],
        name_source=tree["name_source"],
        key_headers=tuple(tree["key_headers"]),
        own_keys=tuple(tree["own_keys"]),
        open_paths=tuple(tree["open_paths"]),
        unchecked_paths=tuple(tree["unchecked_paths"]),
        models=tuple(tree["models"]),
        further_models=tuple(tree["further_models"]),
        patterns=tuple(tree["patterns"]),
        any_model=tree["any_model"],
        model_optional=tuple(tree["model_optional"]),
        refused={name: tuple(capabilities) for name, capabilities in tree["refused"].items()},
        client_keys=tree.get("client_keys", ""),  # these were added later: an earlier FlowGate sends none of them
        budgets=tree.get("budgets", ""),
        client_paths=tuple(tree.get("client_paths", ())),
        user_header=tree.get("user_header", ""),
        user_headers=tuple(tree.get("user_headers", ())),
        metadata_header=tree.get("metadata_header", ""),
        renamed=dict(tree.get("renamed", {})),
        renamed_patterns=tuple((pattern, model) for pattern, model in tree.get("renamed_patterns", ())),
        max_requests=tree.get("max_requests", request_limits.AUTO),
        max_body=tree.get("max_body", request_limits.MAX_BODY),
    )
