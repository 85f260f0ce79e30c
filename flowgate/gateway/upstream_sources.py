"""Where CLIProxyAPIPlus, or a program of the same line, can be had; and what a line does that reaches the promises.

The repositories are facts as they were last seen, not recommendations: FlowGate's authors have audited none of them.
Source: the repositories and their tags, seen in August 2026; the status codes are those of the recorded contract
(tests/contract/data); the rest was read in the sources of the versions that are named here.
"""

from __future__ import annotations

from typing import NamedTuple

from flowgate.errors import UnknownName
from flowgate.gateway import upstream_version
from flowgate.gateway.upstream_command import FORK, MAINLINE, NEWER, OLDER

VOUCHES = "nobody"


class UpstreamSource(NamedTuple):
    """A repository that releases a program which FlowGate can run.

    Attributes:
        name: The word for `--source`.
        repo: The repository ("owner/name").
        version: The release that `--source` installs.
        since: Since when there are releases; empty if that is not known.
        until: Since when the repository is gone; empty if it was alive when it was last seen.
        newest: The newest release that was seen, and its date; empty if that is not known.
        tried: The versions of it that FlowGate was run with.
        about: What it is, in words.
    """

    name: str
    repo: str
    version: str
    since: str
    until: str
    newest: str
    tried: tuple[str, ...]
    about: str

    @property
    def line(self) -> str:
        """The recorded line of the version; empty if its behaviour was not recorded."""
        return upstream_version.line(self.version) if self.tried else ""


SOURCES = (
    UpstreamSource(
        *("original", "router-for-me/CLIProxyAPIPlus", "v6.8.16-0", "2025-07", "2026-04", "v6.9.28-0", ("v6.8.16-0",)),
        about="the original; its repository answers 404",
    ),
    UpstreamSource(
        *("community", "jc01rho/CLIProxyAPIPlus", "v7.2.137-9", "2025-07", "", "v7.2.137-9 (2026-08-21)"),
        tried=("v7.2.101-1", "v7.2.137-9"),
        about="a community fork with accounts of GitHub Copilot and Kiro",
    ),
    UpstreamSource(
        *("plusplus", "KooshaPari/cliproxyapi-plusplus", "v6.8.16-0", "", "", "v6.9.3-0 (2026-05-04)", ("v6.8.16-0",)),
        about="a fork that keeps the tags of the original",
    ),
    UpstreamSource(
        *("kaitranntt", "kaitranntt/CLIProxyAPIPlus", "v7.1.43-0", "", "", "", ()),
        about="a fork named in public threads; FlowGate was never run with it",
    ),
    UpstreamSource(
        *("mainline", "router-for-me/CLIProxyAPI", "v7.2.140", "2025-07", "", "v7.2.140 (2026-08-22)", ("v7.2.140",)),
        about="the program without the Plus: no accounts of GitHub Copilot and Kiro",
    ),
)
BY_NAME = {one.name: one for one in SOURCES}


class LineFacts(NamedTuple):
    """What a line does that reaches the promises.

    Attributes:
        unknown_model: Status of a request for a model that no account serves.
        in_cooldown: Status of a request while every account is in cooldown after a 5xx.
        changes: What differs for the promises, one sentence each.
    """

    unknown_model: int
    in_cooldown: int | None
    changes: tuple[str, ...]


_AS_502 = "a model that no account serves is answered 502, which LiteLLM retries and counts towards a cooldown"
_AS_400 = "a model that no account serves is answered 400, which LiteLLM neither retries nor puts into cooldown"
_MINUTE = "an account is in cooldown for 1 min after its first 5xx; no setting changes that"
_SCALED = "`transient-error-cooldown-seconds` sets how long an account is in cooldown after a 5xx (1 min by default)"
_CHAINS = "its own chains of fallback models, if your config has any, start at a 400 too"
LINES = {
    OLDER: LineFacts(502, 500, (_AS_502, _MINUTE)),
    NEWER: LineFacts(502, 503, (_AS_502, _SCALED)),
    FORK: LineFacts(
        *(400, None),
        (
            *(_AS_400, _SCALED, _CHAINS, "after a 429 an account may be in cooldown for up to 24 h"),
            "it offers models of providers where you have no account; FlowGate excludes them",
        ),
    ),
    MAINLINE: LineFacts(400, None, (_AS_400, _SCALED)),
}
UNKNOWN = ("its behaviour was not recorded: what it changes for the promises is not known",)


def named(word: str) -> UpstreamSource:
    """Return the source with a name.

    Args:
        word: The typed name.

    Raises:
        UnknownName: There is no such source.
    """
    if word not in BY_NAME:
        raise UnknownName("source", word, known=BY_NAME)
    return BY_NAME[word]


def changes(line: str) -> tuple[str, ...]:
    """Return what a line changes for the promises, one sentence each.

    Args:
        line: A recorded line; empty if it is not known.
    """
    return LINES[line].changes if line in LINES else UNKNOWN
