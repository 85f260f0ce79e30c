"""What differs between the two generations of the real program, as a record each.

Source: recorded answers of v6.8.16-0 and 7.2.101-1 (`tests/contract/data/`)
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

EXAMPLE_KEYS = ("your-api-key-1", "your-api-key-2", "your-api-key-3")


@dataclass(frozen=True, slots=True)
class Contract:
    """One generation.

    Attributes:
        newer: True for the 7.2 line; what differs by a value stands in a field, what differs by a rule asks this.
        place: The source line that its log names for a config that cannot be used.
        not_found: The body of an ordinary 404.
        session_seconds: How long an OAuth session is remembered.
        device: Providers whose login shows a code.
        pkce: Those that come back through a callback.
    """

    name: str
    version: str
    place: str
    newer: bool
    not_found: str
    session_seconds: float
    pkce: tuple[str, ...]
    device: tuple[str, ...]
    callbacks: tuple[str, ...]

    def headers(self) -> dict[str, str]:
        """Give the headers of every management answer."""
        plugin = {"x-cpa-support-plugin": "1"} if self.newer else {}
        return {"x-cpa-version": self.version, "x-cpa-commit": COMMIT, "x-cpa-build-date": BUILT, **plugin}

    def line(self) -> str:
        """Give the version line, the first of its output."""
        return f"CLIProxyAPI Version: {self.version}, Commit: {COMMIT}, BuiltAt: {BUILT}"


COMMIT = "embedded"
BUILT = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

CONTRACTS = {
    "6.8": Contract(
        name="6.8",
        version="6.8.16-0-plus",
        place="main.go:412",
        newer=False,
        not_found="404 page not found",
        session_seconds=600.0,
        pkce=("codex", "anthropic", "gemini", "antigravity", "iflow"),
        device=("qwen", "kimi", "github"),
        callbacks=("codex", "anthropic", "google", "iflow", "antigravity", "kiro"),
    ),
    "7.2": Contract(
        name="7.2",
        version="7.2.101-1",
        place="main.go:586",
        newer=True,
        not_found="",
        session_seconds=1800.0,
        pkce=("codex", "anthropic", "antigravity"),
        device=("kimi", "xai"),
        callbacks=("codex", "anthropic", "antigravity"),
    ),
}


@cache
def table(name: str) -> dict[str, Any]:
    """Read what a generation answers by table: `config` (its defaults) and `models` (those of each provider)."""
    path = Path(__file__).parent / "data" / f"{name}.json"
    tree: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return tree


def models(contract: Contract, provider: str) -> list[dict[str, Any]]:
    """List the models that a credential of a provider brings."""
    found: list[dict[str, Any]] = table(contract.name)["models"].get(provider, [])
    return found
