"""Conversion of other programs' token files to account files of CLIProxyAPIPlus; pure.

Source: keys and file names as v6.8.16-0 writes and reads them (`sdk/auth/filestore.go`, `codex_executor.go`), and
`auth.json` as Codex writes it. The layout of Claude Code's file is public knowledge, not read in its source.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from flowgate.accounts.providers import NEWER, line_of
from flowgate.errors import UsageError

EXPIRY_KEYS = ("expired", "expire", "expires_at", "expiresAt", "expiry", "expires")
CLAIMS = "https://api.openai.com/auth"
UNSAFE = re.compile(r"[^A-Za-z0-9@_+.-]|(?<![A-Za-z0-9])\.")  # characters that a file name does not get


@dataclass(frozen=True, slots=True)
class AccountFile:
    """An account file, ready to be written.

    Attributes:
        name: Name of the file.
        content: Its keys and values.
        label: E-mail address or identifier of the account.
        expires: When its access token expires.
    """

    name: str
    content: dict[str, str]
    label: str
    expires: datetime


@dataclass(frozen=True, slots=True)
class Importer:
    """How the login of one provider's own program is imported; `Provider.login_file` is its usual place.

    Attributes:
        owner: Name of that program.
        variable: The environment variable that names another folder.
        convert: (JSON value of its file, version of CLIProxyAPIPlus, time of day) → the account file.
    """

    owner: str
    variable: str
    convert: Callable[[object, str, datetime], AccountFile]


def codex(found: object, version: str, now: datetime) -> AccountFile:
    """Convert Codex's `auth.json`.

    Args:
        found: The JSON value of the file.
        version: Version of CLIProxyAPIPlus; empty if not known.
        now: The time of day.

    Returns:
        The account file.

    Raises:
        UsageError: The file contains no login.
    """
    access = _text(found, "tokens", "access_token")
    if not _get(found, "tokens", "access_token"):
        if _get(found, "OPENAI_API_KEY"):
            what = "this file contains an API key, not a login"
            raise UsageError(what, fix="add the key under `codex-api-key` in config/cliproxyapi.yaml instead")
        what = "this file contains no login: tokens.access_token is missing"
        raise UsageError(what, fix="log in with Codex first: codex login")
    expires = _moment(_get(_claims(access), "exp"))
    if expires is None:
        raise UsageError("the access token in this file is not one of Codex: it has no expiry")
    identity = _claims(_text(found, "tokens", "id_token"))
    email, plan = _text(identity, "email"), _text(identity, CLAIMS, "chatgpt_plan_type").lower()
    account = _text(found, "tokens", "account_id") or _text(identity, CLAIMS, "chatgpt_account_id")
    content = {
        "type": "codex",
        "access_token": access,
        "refresh_token": _text(found, "tokens", "refresh_token"),
        "id_token": _text(found, "tokens", "id_token"),
        "account_id": account,
        "email": email,
        "expired": stamp(expires),
        "last_refresh": _text(found, "last_refresh") or stamp(now),
    }
    return _account_file(_codex_name(email, plan, account, version), content, email or account, expires)


def _codex_name(email: str, plan: str, account: str, version: str) -> str:
    """Name the file as a login of this version would, so that a login replaces it."""
    digest = hashlib.sha256(account.encode()).hexdigest()[:8] if account else ""
    person = UNSAFE.sub("", email)
    uses_digest = digest and (line_of(version) == NEWER or plan == "team" or not person)
    parts = ["codex", digest if uses_digest else "", person, UNSAFE.sub("", plan) if person else ""]
    return "-".join(part for part in parts if part) + ".json"


def claude(found: object, version: str, now: datetime) -> AccountFile:
    """Convert Claude Code's `.credentials.json`.

    Args:
        found: The JSON value of the file, with `oauthAccount` of `.claude.json`.
        version: Version of CLIProxyAPIPlus; not used.
        now: The time of day.

    Returns:
        The account file.

    Raises:
        UsageError: The file contains no login.
    """
    access = _text(found, "claudeAiOauth", "accessToken")
    if "sk-ant-oat" not in access:
        what = "this file contains no login of Claude Code: claudeAiOauth.accessToken is missing"
        raise UsageError(what, fix="log in with Claude Code first: claude login")
    expires = _moment(_get(found, "claudeAiOauth", "expiresAt"))
    if expires is None:
        raise UsageError("the login in this file has no expiry (claudeAiOauth.expiresAt)")
    email = _text(found, "oauthAccount", "emailAddress")
    content = {
        "type": "claude",
        "access_token": access,
        "refresh_token": _text(found, "claudeAiOauth", "refreshToken"),
        "email": email,
        "expired": stamp(expires),
        "last_refresh": stamp(now),
    }
    digest = hashlib.sha256(access.encode()).hexdigest()[:8]
    person = UNSAFE.sub("", email) or f"imported-{digest}"
    return _account_file(f"claude-{person}.json", content, email or "claude", expires)


IMPORTERS = {
    "codex": Importer("Codex", "CODEX_HOME", codex),
    "claude": Importer("Claude Code", "CLAUDE_CONFIG_DIR", claude),
}


def without_refresh_token(file: AccountFile) -> AccountFile:
    """Remove the refresh token: the account works until it expires, and the other program stays logged in."""
    return replace(file, content={key: value for key, value in file.content.items() if key != "refresh_token"})


def _account_file(name: str, content: dict[str, str], label: str, expires: datetime) -> AccountFile:
    return AccountFile(name, {key: value for key, value in content.items() if value}, label, expires)


# --- parsing


def expiry(content: object) -> datetime | None:
    """Return when an account expires, found as CLIProxyAPIPlus finds it; None if its file has no expiry.

    Args:
        content: The JSON value of the account's file.

    Returns:
        The time of day, in UTC or with its own offset.
    """
    moments = (_moment(_get(section, key)) for section in (content, _get(content, "token")) for key in EXPIRY_KEYS)
    return next((moment for moment in moments if moment is not None), None)


def stamp(moment: datetime) -> str:
    """Format a time as RFC 3339 in UTC, to the second."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _claims(token: str) -> object:
    """Decode the payload of a JWT without verifying it; None if it is not a JWT."""
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        claims: object = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except ValueError:  # invalid base64, text or JSON
        return None
    return claims


def _moment(value: object) -> datetime | None:
    if isinstance(value, bool):
        return None
    try:
        if isinstance(value, (int, float)):
            return datetime.fromtimestamp(value / 1000 if value > 1e11 else value, UTC) if value > 0 else None
        if not isinstance(value, str) or not value.strip():
            return None
        moment = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", value.strip()))
    except (ValueError, OverflowError, OSError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _get(tree: object, *path: str) -> object:
    """Return the value under a path of keys; None if it is absent."""
    for name in path:
        tree = tree.get(name) if isinstance(tree, dict) else None
    return tree


def _text(tree: object, *path: str) -> str:
    found = _get(tree, *path)
    return found if isinstance(found, str) else ""
