"""What every answer of the management API has to be before it is believed, and what its refusals mean.

Source: check order and bodies of v6.8.16-0 and 7.2.101-1; five wrong keys ban an address for 30 minutes (7.2: from
this machine too), so the first refusal is the last question.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flowgate.accounts.actions import MANAGEMENT, Heard, Talk, ask
from flowgate.accounts.providers import OLDER, generation
from flowgate.errors import CheckFailed, EnvironmentFailure, FlowGateError

VERSION = "x-cpa-version"
FILES = f"{MANAGEMENT}/auth-files"
RESTART = "inv service.restart --service cliproxyapi_plus"
Entry = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Before:
    """What was known before: the server's version, and its accounts by file name."""

    version: str
    files: Mapping[str, Entry]


def first_look(started: str) -> Talk[Before]:
    """Learn who answers, and which accounts there are.

    Args:
        started: The version that the program stated when it was started; empty when nobody knows.

    Raises:
        EnvironmentFailure: A stranger, another program, a refused key.
        CheckFailed: Anybody may manage.
    """
    heard = yield from ask("GET", FILES)
    files = listed(heard)
    version = heard.headers.get(VERSION, "")
    if started and started != version:
        what = f"CLIProxyAPIPlus {version or 'without a version'} answers, and {started} was started"
        raise EnvironmentFailure(what, fix="another program may hold its port: inv doctor")
    if generation(version) == OLDER:  # a missing key counts as a wrong one in the newer generation
        unkeyed = yield from ask("GET", FILES, key="")
        if unkeyed.status == 200:
            raise CheckFailed("management answers without a key: nobody may log in here", fix=RESTART)
    return Before(version, files)


def listed(heard: Heard) -> dict[str, Entry]:
    """Read a list of accounts: file name → entry."""
    files = managed(heard).get("files")
    if not isinstance(files, list):
        raise EnvironmentFailure("CLIProxyAPIPlus answered without a list of accounts", fix=RESTART)
    return {str(one.get("name") or one.get("id")): one for one in files if isinstance(one, dict)}


def managed(heard: Heard, *, absent: FlowGateError | None = None) -> Mapping[str, Any]:
    """Read an answer of the management API.

    Args:
        absent: What a 404 means there; without it, that the management API is switched off.

    Raises:
        EnvironmentFailure: Everything that is no sound answer.
    """
    if heard.status == 404 and absent:
        raise absent  # 6.8 answers a path it does not have like any other server, without its version
    if VERSION not in heard.headers:
        if heard.status == 404:
            raise EnvironmentFailure("CLIProxyAPIPlus runs without its management API", fix=RESTART)
        what = "what answers on the port of cliproxyapi_plus is not CLIProxyAPIPlus: it names no version"
        raise EnvironmentFailure(what, fix="inv doctor says whose the port is")
    if heard.status == 404:
        raise EnvironmentFailure("CLIProxyAPIPlus does not know that question (404)", fix="inv auth.list")
    if heard.status in (401, 403):
        raise _locked_out(heard)
    if not isinstance(heard.tree, dict):
        what = f"CLIProxyAPIPlus answered {heard.status} with something that is not JSON: {heard.text[:60]!r}"
        raise EnvironmentFailure(what, fix=RESTART)
    if not 200 <= heard.status < 300:
        raise EnvironmentFailure(f"CLIProxyAPIPlus answered {heard.status}: {message(heard) or heard.text[:200]}")
    return heard.tree


def message(heard: Heard) -> str:
    """Give the error that an answer names; empty when it names none."""
    if not isinstance(heard.tree, dict):
        return ""
    return " ".join(str(heard.tree.get("error") or "").split())[:300]


def _locked_out(heard: Heard) -> FlowGateError:
    error = message(heard)
    if "banned" in error:
        what = f"CLIProxyAPIPlus has banned this machine: {error}"
        return EnvironmentFailure(what, fix=f"wait, or {RESTART} (the ban is in its memory only)")
    if heard.status == 401:
        what = f"CLIProxyAPIPlus refuses the management key ({error}); it is not asked again: five misses ban"
        return EnvironmentFailure(what, fix=f"it was started with another key: {RESTART}")
    return EnvironmentFailure(f"CLIProxyAPIPlus refuses management: {error}", fix=RESTART)
