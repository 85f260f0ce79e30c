"""The providers that CLIProxyAPIPlus can log in to, one record each; what a found version of it can do."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from flowgate.domain import ProviderSettings
from flowgate.errors import UnknownName, UsageError

OLDER, NEWER = "6.8", "7.2"


class Provider(NamedTuple):
    """One provider.

    Attributes:
        name: What a user types.
        title: What a person calls it.
        kinds: What `/auth-files` calls its accounts (`provider`); empty when anything may appear.
        session: What `/oauth-callback` calls it.
        flow: "browser" (a page sends the browser back to a local port), "device" (a code is entered elsewhere) or
            "poll" (addresses from the config).
        starts: Generation → the path that begins a login; a generation that is absent cannot.
        status: The path that is asked how far a login is.
        port: Where the vendor's page sends the browser back to; None where it does not.
        flag: The flag of the program's own command line that logs in, for a generation whose API cannot; may be
            empty.
        held: The file in which the provider's own program holds a login that can be taken over; empty where none
            can.
    """

    name: str
    title: str
    kinds: tuple[str, ...]
    session: str
    flow: str
    starts: Mapping[str, str]
    status: str = "/v0/management/get-auth-status"
    port: int | None = None
    flag: str = ""
    held: str = ""

    def start(self, version: str) -> str | None:
        """Say where a login begins on a version; None when that version cannot."""
        return self.starts.get(generation(version))


def _paths(name: str, *generations: str) -> dict[str, str]:
    return dict.fromkeys(generations, f"/v0/management/{name}-auth-url")


# Source: routes of v6.8.16-0 and v7.2.99/7.2.101-1 as recorded in tests/contract/data; flags of 7.2.101-1
TABLE = (
    Provider(
        "codex",
        "Codex (ChatGPT)",
        ("codex",),
        "codex",
        "browser",
        _paths("codex", OLDER, NEWER),
        port=1455,
        held="~/.codex/auth.json",
    ),
    Provider(
        "copilot",
        "GitHub Copilot",
        ("github-copilot",),
        "github",
        "device",
        _paths("github", OLDER),
        flag="-github-copilot-login",
    ),
    Provider(
        "claude",
        "Claude",
        ("claude",),
        "anthropic",
        "browser",
        _paths("anthropic", OLDER, NEWER),
        port=54545,
        held="~/.claude/.credentials.json",
    ),
    Provider(
        "gemini", "Gemini CLI", ("gemini-cli", "gemini"), "gemini", "browser", _paths("gemini-cli", OLDER), port=8085
    ),
    Provider("qwen", "Qwen", ("qwen",), "qwen", "device", _paths("qwen", OLDER)),
    Provider("iflow", "iFlow", ("iflow",), "iflow", "browser", _paths("iflow", OLDER), port=11451, flag="-iflow-login"),
    Provider("kimi", "Kimi", ("kimi",), "kimi", "device", _paths("kimi", OLDER, NEWER)),
    Provider(
        "antigravity",
        "Antigravity",
        ("antigravity",),
        "antigravity",
        "browser",
        _paths("antigravity", OLDER, NEWER),
        port=51121,
    ),
    Provider("kiro", "Kiro", ("kiro",), "kiro", "device", _paths("kiro", OLDER), flag="-kiro-aws-login"),
)
KNOWN = {one.name: one for one in TABLE}


def find(name: str, settings: Mapping[str, ProviderSettings], place: str = "") -> Provider:
    """Find a provider: one of ours, else one that the config gives addresses for.

    Args:
        place: `file:line` of the config's providers.

    Raises:
        UnknownName: One without addresses.
        UsageError: One without addresses.
    """
    if name in KNOWN:
        return KNOWN[name]
    if name not in settings:
        raise UnknownName("provider", name, known=sorted({*KNOWN, *settings}), at=place)
    own = settings[name]
    if not (own.auth_url_endpoint and own.status_endpoint):
        what = f"the provider '{name}' is none that FlowGate knows, and has no addresses"
        raise UsageError(what, place=place, fix="give it auth_url_endpoint and status_endpoint")
    starts = dict.fromkeys((OLDER, NEWER), own.auth_url_endpoint)
    return Provider(name, name, (), name, "poll", starts, own.status_endpoint)


def generation(version: str) -> str:
    """Tell the generation of a version ("6.8.16-0-plus" → "6.8"); one that cannot be told counts as the older."""
    number = re.match(r"v?(\d+)\.", version)
    return NEWER if number and int(number[1]) >= 7 else OLDER
