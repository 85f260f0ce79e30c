"""Validation of the responses of CLIProxyAPIPlus' management API, and the errors that they mean.

Source: order of the checks and bodies of v6.8.16-0 and 7.2.101-1. Five wrong keys ban an address for 30 minutes (7.2:
this machine too), so nothing more is requested after the first refused key.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flowgate.accounts.actions import MANAGEMENT, Conversation, Response, get
from flowgate.accounts.providers import OLDER, line_of
from flowgate.errors import CheckFailed, EnvironmentFailure, FlowGateError
from flowgate.gateway import quota_signals
from flowgate.ledger.account_entries import QuotaReading

VERSION = "x-cpa-version"
FILES = f"{MANAGEMENT}/auth-files"
RESTART = "inv service.restart --service cliproxyapi_plus"


@dataclass(frozen=True, slots=True)
class AuthFile:
    """One account in the list of `/auth-files`.

    Attributes:
        name: Name of its file.
        provider: The provider, in lower case; empty if not reported.
        label: Label or e-mail address; empty if not reported.
        disabled: The account is not used.
        revision: Modification time and size of the file, as reported.
        is_empty: The file has no content.
        status: State of the account ("active").
        status_message: The server's or the vendor's message about that state.
        unavailable: The account is, or was, in cooldown.
        index: The server's identifier of the account.
        updated_at: When its state changed last; None if not reported.
        next_retry_after: When its cooldown ends; None if not reported.
        account: E-mail address or user name, as usage records have it; the file's name if neither is reported.
        quotas: What the program says that vendors' responses said about its limits.
    """

    name: str
    provider: str
    label: str
    disabled: bool
    revision: tuple[object, object]
    is_empty: bool
    status: str
    status_message: str
    unavailable: bool
    index: str
    updated_at: datetime | None
    next_retry_after: datetime | None
    account: str = ""
    quotas: tuple[QuotaReading, ...] = ()


@dataclass(frozen=True, slots=True)
class Server:
    """The server before a login: its version, and its accounts by file name."""

    version: str
    files: Mapping[str, AuthFile]


def inspect_server(started_version: str) -> Conversation[Server]:
    """Verify that CLIProxyAPIPlus responds, and list its accounts.

    Args:
        started_version: The version that the program reported when it started; empty if not known.

    Returns:
        Its version and accounts.

    Raises:
        EnvironmentFailure: Another program responds, or the management key is refused.
        CheckFailed: The management API works without a key.
    """
    response = yield from get(FILES)
    files = parse_files(response)
    version = response.headers.get(VERSION, "")
    if started_version and started_version != version:
        what = f"CLIProxyAPIPlus {version or 'without a version'} responds, but {started_version} was started"
        raise EnvironmentFailure(what, fix="another program may use its port: inv doctor")
    if line_of(version) == OLDER:  # 7.2 counts a missing key as a wrong one
        without_key = yield from get(FILES, key="none")
        if without_key.status == 200:
            raise CheckFailed("the management API works without a key; no login is made through it", fix=RESTART)
    return Server(version, files)


def parse_files(response: Response) -> dict[str, AuthFile]:
    """Parse the response of `/auth-files`.

    Args:
        response: The response.

    Returns:
        The accounts by file name.

    Raises:
        EnvironmentFailure: The response is invalid.
    """
    rows = check(response).body.get("files")
    if not isinstance(rows, list):
        raise EnvironmentFailure("the response of CLIProxyAPIPlus has no list of accounts", fix=RESTART)
    files = [_auth_file(row) for row in rows if isinstance(row, dict)]
    return {file.name: file for file in files}


def _auth_file(row: Any) -> AuthFile:
    def text(*names: str) -> str:
        return next((str(row[name]) for name in names if row.get(name)), "")

    account, provider = text("account", "email", "label", "name"), text("provider", "type").lower()
    return AuthFile(
        name=text("name", "id"),
        provider=provider,
        label=text("label", "email", "account"),
        disabled=bool(row.get("disabled")),
        revision=(row.get("modtime"), row.get("size")),
        is_empty=row.get("size") == 0,
        status=text("status"),
        status_message=text("status_message"),
        unavailable=bool(row.get("unavailable")),
        index=text("auth_index"),
        updated_at=_moment(row.get("updated_at")),
        next_retry_after=_moment(row.get("next_retry_after")),
        account=account,
        quotas=tuple(quota_signals.observed(row, account, provider)),
    )


def _moment(value: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return moment if moment and moment.tzinfo else None


def check(response: Response, *, not_found: FlowGateError | None = None) -> Response:
    """Return a response of the management API if it is valid: 2xx, with a JSON object as body.

    Args:
        response: The response.
        not_found: The error that a 404 means; if None, a 404 means that the management API is off.

    Returns:
        The response.

    Raises:
        EnvironmentFailure: The response is not valid.
    """
    if response.status == 404 and not_found:
        raise not_found  # 6.8 sends its version with no 404
    if VERSION not in response.headers:
        if response.status == 404:
            raise EnvironmentFailure("CLIProxyAPIPlus runs without its management API", fix=RESTART)
        what = "the program on the port of cliproxyapi_plus is not CLIProxyAPIPlus: it reports no version"
        raise EnvironmentFailure(what, fix="inv doctor (it shows which program uses the port)")
    if response.status == 404:
        raise EnvironmentFailure("CLIProxyAPIPlus does not have this management endpoint (404)", fix="inv auth.list")
    if response.status in (401, 403):
        raise _refused(response)
    if not isinstance(response.body, dict):
        what = f"CLIProxyAPIPlus returned {response.status} and a body that is not JSON: {response.text[:60]!r}"
        raise EnvironmentFailure(what, fix=RESTART)
    if not 200 <= response.status < 300:
        reason = error_message(response) or response.text[:200]
        raise EnvironmentFailure(f"CLIProxyAPIPlus returned {response.status}: {reason}")
    return response


def error_message(response: Response) -> str:
    """Return the error message in a response; empty if it has none."""
    return " ".join(response.field("error").split())[:300]


def _refused(response: Response) -> FlowGateError:
    error = error_message(response)
    if "banned" in error:
        what = f"CLIProxyAPIPlus has banned this machine: {error}"
        return EnvironmentFailure(what, fix=f"wait, or {RESTART} (the ban is only in its memory)")
    if response.status == 401:
        what = (
            f"CLIProxyAPIPlus refuses the management key ({error}); FlowGate does not retry, five failures cause a ban"
        )
        return EnvironmentFailure(what, fix=f"it was started with another key: {RESTART}")
    return EnvironmentFailure(f"CLIProxyAPIPlus refuses access to its management API: {error}", fix=RESTART)
