"""Select tasks by their tags."""

from __future__ import annotations

from collections.abc import Collection

UNTAGGED = frozenset({"untagged"})


def selected(own: Collection[str], only: Collection[str], skip: Collection[str]) -> bool:
    """Decide whether a task runs.

    Source: ansible-core, `playbook/taggable.py`, `evaluate_tags`: the same rules in the same order.

    Args:
        own: Tags of the task and of the blocks around it.
        only: Tags to run; ("all",) when none were given.
        skip: Tags to skip.

    Returns:
        Whether the task runs.
    """
    tags = frozenset(own) or UNTAGGED
    if not _included(tags, only):
        return False
    if "all" in skip:
        return "always" in tags and "always" not in skip
    return tags.isdisjoint(skip) and not ("tagged" in skip and tags != UNTAGGED)


def _included(tags: frozenset[str], only: Collection[str]) -> bool:
    if "always" in tags or not tags.isdisjoint(only):
        return True
    if "never" in tags:
        return False
    return "all" in only or ("tagged" in only and tags != UNTAGGED)
