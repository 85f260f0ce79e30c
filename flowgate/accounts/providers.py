"""The providers that CLIProxyAPIPlus can log in to, one record each."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal, NamedTuple

from flowgate.domain import ProviderSettings
from flowgate.errors import UnknownName, UsageError
from flowgate.gateway import upstream_version
from flowgate.gateway.upstream_command import FORK

OLDER, NEWER = "6.8", "7.2"
Flow = Literal["browser", "device", "poll"]


class Provider(NamedTuple):
    """A provider.

    Attributes:
        name: The name that a user types.
        title: The name that is shown.
        listed_as: The names that `/auth-files` uses for it; empty if any name is accepted.
        callback_name: The name that `/oauth-callback` uses for it.
        flow: "browser" (the vendor redirects the browser to a local port), "device" (the user enters a code) or "poll"
            (paths from the config).
        login_paths: For each line of CLIProxyAPIPlus, the path that starts a login; a missing line has no login. A
            recorded line of its own ("7.2.137") takes precedence over "6.8" and "7.2".
        status_path: The path that reports the state of a login.
        callback_port: The port to which the vendor redirects the browser; None if it does not.
        cli_flag: The flag with which the program's own command line logs in, where its API cannot; may be empty.
        login_file: The file in which the provider's own program stores a login that can be imported; may be empty.
    """

    name: str
    title: str
    listed_as: tuple[str, ...]
    callback_name: str
    flow: Flow
    login_paths: Mapping[str, str]
    status_path: str = "/v0/management/get-auth-status"
    callback_port: int | None = None
    cli_flag: str = ""
    login_file: str = ""

    @property
    def login_command(self) -> str:
        """The command that logs in."""
        return f"inv auth.login {self.name}"

    def login_path(self, version: str) -> str | None:
        """Return the path that starts a login in a version; None if that version has none."""
        return self.login_paths.get(upstream_version.line(version)) or self.login_paths.get(line_of(version))


def _paths(name: str, *lines: str) -> dict[str, str]:
    return dict.fromkeys(lines, f"/v0/management/{name}-auth-url")


# Source: routes of v6.8.16-0 and v7.2.99/7.2.101-1 as recorded in tests/contract/data; kiro also in 7.2.137-9
PROVIDERS = (
    Provider(
        "codex",
        "Codex (ChatGPT)",
        ("codex",),
        "codex",
        "browser",
        _paths("codex", OLDER, NEWER),
        callback_port=1455,
        login_file="~/.codex/auth.json",
    ),
    Provider(
        "copilot",
        "GitHub Copilot",
        ("github-copilot",),
        "github",
        "device",
        _paths("github", OLDER),
        cli_flag="-github-copilot-login",
    ),
    Provider(
        "claude",
        "Claude",
        ("claude",),
        "anthropic",
        "browser",
        _paths("anthropic", OLDER, NEWER),
        callback_port=54545,
        login_file="~/.claude/.credentials.json",
    ),
    Provider(
        "gemini",
        "Gemini CLI",
        ("gemini-cli", "gemini"),
        "gemini",
        "browser",
        _paths("gemini-cli", OLDER),
        callback_port=8085,
    ),
    Provider("qwen", "Qwen", ("qwen",), "qwen", "device", _paths("qwen", OLDER)),
    Provider(
        "iflow",
        "iFlow",
        ("iflow",),
        "iflow",
        "browser",
        _paths("iflow", OLDER),
        callback_port=11451,
        cli_flag="-iflow-login",
    ),
    Provider("kimi", "Kimi", ("kimi",), "kimi", "device", _paths("kimi", OLDER, NEWER)),
    Provider(
        "antigravity",
        "Antigravity",
        ("antigravity",),
        "antigravity",
        "browser",
        _paths("antigravity", OLDER, NEWER),
        callback_port=51121,
    ),
    Provider("kiro", "Kiro", ("kiro",), "kiro", "device", _paths("kiro", OLDER, FORK), cli_flag="-kiro-aws-login"),
)
KNOWN = {provider.name: provider for provider in PROVIDERS}


def find(name: str, settings: Mapping[str, ProviderSettings], place: str = "") -> Provider:
    """Find a provider: a known one, or one for which the config has login paths.

    Args:
        name: The name that the user typed.
        settings: The providers of the config.
        place: `file:line` of the config's providers.

    Returns:
        The provider.

    Raises:
        UnknownName: There is no such provider.
        UsageError: The config has no login paths for it.
    """
    if name in KNOWN:
        return KNOWN[name]
    if name not in settings:
        raise UnknownName("provider", name, known=sorted({*KNOWN, *settings}), at=place)
    own = settings[name]
    if not (own.auth_url_endpoint and own.status_endpoint):
        what = f"FlowGate does not know the provider '{name}', and the config has no login paths for it"
        raise UsageError(what, place=place, fix="add auth_url_endpoint and status_endpoint")
    paths = dict.fromkeys((OLDER, NEWER), own.auth_url_endpoint)
    return Provider(name, name, (), name, "poll", paths, own.status_endpoint)


def line_of(version: str) -> str:
    """Return the line of a version ("6.8.16-0-plus" → "6.8"); the older line if the version is not a number."""
    major = re.match(r"v?(\d+)\.", version)
    return NEWER if major and int(major[1]) >= 7 else OLDER
