"""What differs between the lines of the real program: 6.8, 7.2, 7.2.137 and mainline 7.2.140.

Source: recorded responses of v6.8.16-0, 7.2.101-1, 7.2.137-9 and CLIProxyAPI 7.2.140 (`tests/contract/data/`)
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import NotRequired, TypedDict

from flowgate.embedded_upstream.json_data import JsonObject

EXAMPLE_KEYS = ("your-api-key-1", "your-api-key-2", "your-api-key-3")
COMMIT = "embedded"
BUILD_DATE = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Model(TypedDict):
    """A model as the real program describes it; codex models have some keys more."""

    id: str
    object: str
    created: int
    owned_by: str
    type: str
    display_name: NotRequired[str]
    context_length: NotRequired[int]
    max_completion_tokens: NotRequired[int]


class Table(TypedDict):
    """The recorded data of a line.

    Attributes:
        config: The config as the management API shows it when the file sets nothing.
        models: The models of each provider.
        logins: The query of each provider's login page.
    """

    config: JsonObject
    models: dict[str, list[Model]]
    logins: dict[str, dict[str, str]]


@dataclass(frozen=True, slots=True)
class Contract:
    """One line of the real program.

    Attributes:
        name: "6.8", "7.2", "7.2.137" or "7.2.140".
        version: The version that the program reports.
        config_error_source: The source line that the log names for an invalid config.
        newer: False for 6.8. Differences in values are attributes here; differences in rules depend on this flag.
        newest: True for 7.2.137 and 7.2.140: unknown models are the client's mistake, model lists say more.
        not_found: The body of an ordinary 404 response.
        session_seconds: How long an OAuth session is kept.
        pkce_providers: Providers whose login ends with a callback.
        device_providers: Providers whose login shows a code.
        callback_routes: First parts of the callback paths.
        anonymous_providers: Providers that get requests without an account.
        whitelists: Whether each client key can have a list of models.
        repository: The repository whose newest release is looked up.
    """

    name: str
    version: str
    config_error_source: str
    newer: bool
    not_found: str
    session_seconds: float
    pkce_providers: tuple[str, ...]
    device_providers: tuple[str, ...]
    callback_routes: tuple[str, ...]
    newest: bool = False
    anonymous_providers: tuple[str, ...] = ()
    whitelists: bool = False
    repository: str = "CLIProxyAPIPlus"

    def management_headers(self) -> dict[str, str]:
        """Return the headers of every management response."""
        plugin = {"x-cpa-support-plugin": "1"} if self.newer else {}
        return {"x-cpa-version": self.version, "x-cpa-commit": COMMIT, "x-cpa-build-date": BUILD_DATE, **plugin}

    def version_line(self) -> str:
        """Return the first line of the program's output."""
        return f"CLIProxyAPI Version: {self.version}, Commit: {COMMIT}, BuiltAt: {BUILD_DATE}"


SEVEN = Contract(
    name="7.2",
    version="7.2.101-1",
    config_error_source="main.go:586",
    newer=True,
    not_found="",
    session_seconds=1800.0,
    pkce_providers=("codex", "anthropic", "antigravity"),
    device_providers=("kimi", "xai"),
    callback_routes=("codex", "anthropic", "antigravity"),
)
CONTRACTS = {
    "6.8": Contract(
        name="6.8",
        version="6.8.16-0-plus",
        config_error_source="main.go:412",
        newer=False,
        not_found="404 page not found",
        session_seconds=600.0,
        pkce_providers=("codex", "anthropic", "gemini", "antigravity", "iflow"),
        device_providers=("qwen", "kimi", "github"),
        callback_routes=("codex", "anthropic", "google", "iflow", "antigravity", "kiro"),
    ),
    "7.2": SEVEN,
    "7.2.137": replace(
        SEVEN,
        name="7.2.137",
        version="7.2.137-9-plus",
        config_error_source="main.go:590",
        newest=True,
        device_providers=("kimi", "xai", "kiro"),
        anonymous_providers=("kilo", "kilo-gateway"),
        whitelists=True,
    ),
    "7.2.140": replace(
        SEVEN,
        name="7.2.140",
        version="7.2.140",
        config_error_source="main.go:531",
        newest=True,
        repository="CLIProxyAPI",
    ),
}


@cache
def table(contract: Contract) -> Table:
    """Load the recorded data of a line."""
    path = Path(__file__).parent / "data" / f"{contract.name}.json"
    loaded: Table = json.loads(path.read_text(encoding="utf-8"))
    return loaded


def models(contract: Contract, provider: str) -> list[Model]:
    """Return the models that a credential of a provider offers; none for an unknown provider."""
    return table(contract)["models"].get(provider, [])
