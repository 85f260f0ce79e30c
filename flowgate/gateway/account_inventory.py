"""The number of accounts that CLIProxyAPIPlus can use, by provider.

Source: v6.8.16-0 reads `*.json` at the top of the auth folder, each a mapping with a `type` (the provider);
`disabled: true` excludes an account. Keys in its config count as accounts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from flowgate.domain import UpstreamSettings
from flowgate.errors import UsageError

KEY_LISTS = (
    *("gemini-api-key", "codex-api-key", "claude-api-key", "vertex-api-key", "xai-api-key", "interactions-api-key"),
    *("commandcode-api-key", "freebuff-api-key"),
)


class Reader(Protocol):
    """Something that lists folders and reads files."""

    def listing(self, folder: Path, pattern: str) -> list[Path]:
        """List the files of a folder."""

    def read(self, path: Path) -> str | None:
        """Read a file; return None if it does not exist."""


def count(reader: Reader, folder: Path) -> dict[str, int]:
    """Count the accounts in use, by provider.

    Args:
        reader: Lists and reads files.
        folder: The auth folder; if it does not exist, there are no accounts.
    """
    found: dict[str, int] = {}
    for path in reader.listing(folder, "*.json"):
        try:
            provider = _provider(reader.read(path))
        except UsageError:  # not text: CLIProxyAPIPlus skips it too, and `auth list` reports it as damaged
            continue
        if provider:
            found[provider] = found.get(provider, 0) + 1
    return found


def with_keys(accounts: Mapping[str, int], settings: UpstreamSettings) -> dict[str, int]:
    """Add the keys of a CLIProxyAPIPlus config to the accounts.

    Args:
        accounts: Provider → accounts in use.
        settings: The config, as the user wrote it.
    """
    found = dict(accounts)
    for name in KEY_LISTS:
        entries = settings.get(name)
        if isinstance(entries, list) and entries:
            provider = name.removesuffix("-api-key")
            found[provider] = found.get(provider, 0) + len(entries)
    others: object = settings.get("openai-compatibility")
    for entry in others if isinstance(others, list) else ():
        if isinstance(entry, dict) and entry.get("disabled") is not True:
            name, keys = str(entry.get("name")), entry.get("api-key-entries")
            found[name] = found.get(name, 0) + (len(keys) if isinstance(keys, list) else 1)
    return found


def _provider(text: str | None) -> str:
    """Return the provider of an account that is in use; an empty string for anything else."""
    try:
        tree = json.loads(text or "null")
    except ValueError:
        return ""
    if not isinstance(tree, dict) or tree.get("disabled") is True:
        return ""
    return str(tree.get("type") or "").lower()
