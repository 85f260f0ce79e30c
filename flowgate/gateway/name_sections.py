"""The sections of LiteLLM's settings that define names, whatever the user wrote there; pure."""

from __future__ import annotations

from collections.abc import Iterable


def aliases(mapping: object) -> dict[str, str]:
    """Return a mapping of names; `{model: NAME}` stands for NAME."""
    found = {}
    for name, value in mapping.items() if isinstance(mapping, dict) else ():
        target = value.get("model") if isinstance(value, dict) else value
        if isinstance(target, str) and target:
            found[str(name)] = target
    return found


def hidden_aliases(mapping: object) -> Iterable[str]:
    """Yield the aliases that `/v1/models` does not list."""
    for name, value in mapping.items() if isinstance(mapping, dict) else ():
        if isinstance(value, dict) and value.get("hidden") is True:
            yield str(name)


def groups(entries: object) -> dict[str, tuple[str, ...]]:
    """Return the routing groups: name → the models that it consists of."""
    found = {}
    for group in entries if isinstance(entries, list) else ():
        members = group.get("models") if isinstance(group, dict) else None
        if isinstance(members, list):
            found[str(group.get("group_name"))] = tuple(map(str, members))
    return found
