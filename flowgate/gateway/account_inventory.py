"""How many accounts CLIProxyAPIPlus has to turn to, by provider.

Source: v6.8.16-0: it reads `*.json` at the top of the auth folder, each a mapping with a `type` (the provider);
`disabled: true` takes one out. Keys in its config count like accounts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from flowgate.domain import Tree
from flowgate.errors import UsageError

KEY_LISTS = ("gemini-api-key", "codex-api-key", "claude-api-key", "vertex-api-key")


class Reader(Protocol):
    """Whoever lists and reads files."""

    def listing(self, folder: Path, pattern: str) -> list[Path]:
        """List a folder."""

    def read(self, path: Path) -> str | None:
        """Read a file; None when it is absent."""


def count(reader: Reader, folder: Path) -> dict[str, int]:
    """Count the accounts in use, by provider.

    Args:
        folder: The auth folder; an absent one holds none.
    """
    found: dict[str, int] = {}
    for path in reader.listing(folder, "*.json"):
        try:
            provider = _provider(reader.read(path))
        except UsageError:  # no text at all: CLIProxyAPIPlus skips it too, and `auth list` says that it is damaged
            continue
        if provider:
            found[provider] = found.get(provider, 0) + 1
    return found


def with_keys(accounts: Mapping[str, int], settings: Tree) -> dict[str, int]:
    """Add the keys that a CLIProxyAPIPlus config holds.

    Args:
        settings: That config, as written.
    """
    found = dict(accounts)
    for name in KEY_LISTS:
        entries = settings.get(name)
        if isinstance(entries, list) and entries:
            provider = name.removesuffix("-api-key")
            found[provider] = found.get(provider, 0) + len(entries)
    others = settings.get("openai-compatibility")
    for entry in others if isinstance(others, list) else ():
        if isinstance(entry, dict):
            name, keys = str(entry.get("name")), entry.get("api-key-entries")
            found[name] = found.get(name, 0) + (len(keys) if isinstance(keys, list) else 1)
    return found


def _provider(text: str | None) -> str:
    """Name the provider of an account that is in use; empty for anything else."""
    try:
        tree = json.loads(text or "null")
    except ValueError:
        return ""
    if not isinstance(tree, dict) or tree.get("disabled") is True:
        return ""
    return str(tree.get("type") or "").lower()
