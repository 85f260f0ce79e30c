"""Foreign token files read, and mapped to CLIProxyAPIPlus' own; pure.

Source: keys and file names as v6.8.16-0 writes and reads them (`sdk/auth/filestore.go`, `codex_executor.go`); Codex's
`auth.json` as its CLI writes it. Claude Code's layout is public knowledge, not read in its source.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from flowgate.accounts.providers import NEWER, generation
from flowgate.domain import Tree
from flowgate.errors import UsageError

EXPIRY_KEYS = ("expired", "expire", "expires_at", "expiresAt", "expiry", "expires")
CLAIMS = "https://api.openai.com/auth"
UNFIT = re.compile(r"[^A-Za-z0-9@_+.-]|(?<![A-Za-z0-9])\.")


@dataclass(frozen=True, slots=True)
class AccountFile:
    """An account's file, ready to be written.

    Attributes:
        name: Its file's.
        label: Whose it is.
        expires: When its access token is over.
    """

    name: str
    tree: Tree
    label: str
    expires: datetime | None


@dataclass(frozen=True, slots=True)
class Importer:
    """How one provider's own login is taken over; `Provider.held` says where it lies.

    Attributes:
        owner: What a person calls that program.
        variable: Of the environment, naming another folder.
        read: (its file's tree, the version of CLIProxyAPIPlus, now) → the account's file.
    """

    owner: str
    variable: str
    read: Callable[[Mapping[str, Any], str, datetime], AccountFile]


def codex(found: Mapping[str, Any], version: str, now: datetime) -> AccountFile:
    """Map Codex's `auth.json`.

    Raises:
        UsageError: A file that holds no login.
    """
    tokens = _section(found, "tokens")
    if not tokens.get("access_token"):
        if found.get("OPENAI_API_KEY"):
            what = "that file holds an API key, no login"
            raise UsageError(what, fix="put the key under `codex-api-key` of config/cliproxyapi.yaml instead")
        raise UsageError(
            "that file holds no login: it has no tokens.access_token", fix="log in there first: codex login"
        )
    access = _text(tokens, "access_token")
    told, expires = claims(_text(tokens, "id_token")), _expiry_of_token(access)
    about = told.get(CLAIMS)
    about = about if isinstance(about, dict) else {}
    account = _text(tokens, "account_id") or str(about.get("chatgpt_account_id") or "")
    email, plan = str(told.get("email") or ""), str(about.get("chatgpt_plan_type") or "").lower()
    if expires is None:
        raise UsageError("the access token in that file is none of Codex's: it does not say when it ends")
    tree: Tree = {
        "type": "codex",
        "access_token": access,
        "refresh_token": _text(tokens, "refresh_token"),
        "id_token": _text(tokens, "id_token"),
        "account_id": account,
        "email": email,
        "expired": stamp(expires),
        "last_refresh": str(found.get("last_refresh") or stamp(now)),
    }
    return AccountFile(_codex_name(email, plan, account, version), _filled(tree), email or account, expires)


def _codex_name(email: str, plan: str, account: str, version: str) -> str:
    """Name the file as a login of this version would, so that the two do not stand side by side."""
    short = hashlib.sha256(account.encode()).hexdigest()[:8] if account else ""
    person = UNFIT.sub("", email)
    hashed = short and (generation(version) == NEWER or plan == "team" or not person)
    parts = ["codex", short if hashed else "", person, UNFIT.sub("", plan) if person else ""]
    return "-".join(one for one in parts if one) + ".json"


def claude(found: Mapping[str, Any], version: str, now: datetime) -> AccountFile:
    """Map Claude Code's `.credentials.json`.

    Raises:
        UsageError: A file that holds no login.
    """
    tokens = _section(found, "claudeAiOauth")
    access = _text(tokens, "accessToken")
    if "sk-ant-oat" not in access:
        raise UsageError(
            "that file holds no login of Claude Code: it has no claudeAiOauth.accessToken", fix="claude login"
        )
    expires = _moment(tokens.get("expiresAt"))
    if expires is None:
        raise UsageError("the login in that file does not say when it ends (claudeAiOauth.expiresAt)")
    email = str(_section(found, "oauthAccount").get("emailAddress") or "")
    tree: Tree = {
        "type": "claude",
        "access_token": access,
        "refresh_token": _text(tokens, "refreshToken"),
        "email": email,
        "expired": stamp(expires),
        "last_refresh": stamp(now),
    }
    short = hashlib.sha256(access.encode()).hexdigest()[:8]
    person = UNFIT.sub("", email) or f"imported-{short}"
    return AccountFile(f"claude-{person}.json", _filled(tree), email or "claude", expires)


IMPORTERS = {
    "codex": Importer("Codex", "CODEX_HOME", codex),
    "claude": Importer("Claude Code", "CLAUDE_CONFIG_DIR", claude),
}


def borrowed(mapped: AccountFile) -> AccountFile:
    """Leave out the refresh token: the account works until it expires, and its owner stays logged in."""
    tree = {key: value for key, value in mapped.tree.items() if key != "refresh_token"}
    return AccountFile(mapped.name, tree, mapped.label, mapped.expires)


# --- reading


def claims(token: str) -> Tree:
    """Read what a JWT says, unchecked; empty when it is none."""
    parts = token.split(".")
    if len(parts) != 3:
        return {}
    try:
        told = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except ValueError:  # of either: no base64, no text, no JSON
        return {}
    return told if isinstance(told, dict) else {}


def expiry(tree: Mapping[str, Any]) -> datetime | None:
    """Say when an account's file is over, found as CLIProxyAPIPlus finds it; None when it does not say."""
    inner = tree.get("token")
    for place in (tree, inner if isinstance(inner, dict) else {}):
        for key in EXPIRY_KEYS:
            if (moment := _moment(place.get(key))) is not None:
                return moment
    return None


def stamp(moment: datetime) -> str:
    """Write a moment as RFC 3339, in UTC, to the second."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


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


def _expiry_of_token(token: str) -> datetime | None:
    return _moment(claims(token).get("exp"))


def _section(tree: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = tree.get(name)
    return found if isinstance(found, dict) else {}


def _text(tree: Mapping[str, Any], name: str) -> str:
    found = tree.get(name)
    return found if isinstance(found, str) else ""


def _filled(tree: Tree) -> Tree:
    return {key: value for key, value in tree.items() if value}
