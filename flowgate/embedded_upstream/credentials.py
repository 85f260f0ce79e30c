"""The auth files that logins write, with the real program's file names and keys.

They contain no secret: every token is a constant, or a JWT without a valid signature.
"""

from __future__ import annotations

import base64
import hashlib
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from flowgate.embedded_upstream.json_data import JsonObject
from flowgate.embedded_upstream.versions import Contract

LIFE_DAYS = 10
OWNER = "login@example.com"
GITHUB_OWNER = "octo"
PLAN = "plus"
ACCOUNT = "acct-9"

AuthFile = tuple[str, JsonObject]


def build(provider: str, owner: str, contract: Contract) -> AuthFile:
    """Build the auth file of a finished login.

    Args:
        provider: The provider, as the OAuth session names it.
        owner: The address or name that was approved; empty for the default.
        contract: The line to imitate.

    Returns:
        The file's name and its content.
    """
    now = datetime.now(UTC)
    expiry = now + timedelta(days=LIFE_DAYS)
    name, content = _BUILDERS[provider](owner or default_owner(provider), expiry, contract)
    if provider not in ("github", "antigravity", "kiro"):
        content = {"expired": _stamp(expiry), "last_refresh": _stamp(now), **content}
    return name, {**content, **({"disabled": False} if contract.newer else {})}


def default_owner(provider: str) -> str:
    """Return the owner that the approval page suggests."""
    return GITHUB_OWNER if provider == "github" else OWNER


def _codex(owner: str, expiry: datetime, contract: Contract) -> AuthFile:
    account = ACCOUNT if owner == OWNER else f"acct-{hashlib.sha256(owner.encode()).hexdigest()[:8]}"
    now = int(time.time())
    claims: JsonObject = {
        "email": owner,
        "aud": ["embedded"],
        "exp": now + 3600,
        "iat": now,
        "auth_time": now,
        "https://api.openai.com/auth": {"chatgpt_account_id": account, "chatgpt_plan_type": PLAN},
    }
    short = f"{hashlib.sha256(account.encode()).hexdigest()[:8]}-" if contract.newer else ""
    content: JsonObject = {
        **_tokens("codex"),
        "access_token": _jwt({"exp": int(expiry.timestamp())}),
        "account_id": account,
        "email": owner,
        "id_token": _jwt(claims),
        "type": "codex",
    }
    return f"codex-{short}{owner}-{PLAN}.json", content


def _claude(owner: str, expiry: datetime, contract: Contract) -> AuthFile:
    tokens = {"access_token": "sk-ant-oat01-embedded", "refresh_token": "embedded", "id_token": ""}
    return f"claude-{owner}.json", {**tokens, "email": owner, "type": "claude"}


def _github(owner: str, expiry: datetime, contract: Contract) -> AuthFile:
    tokens = {"access_token": "embedded", "token_type": "bearer", "scope": "user:email"}
    return f"github-{owner}.json", {**tokens, "username": owner, "type": "github-copilot"}


def _gemini(owner: str, expiry: datetime, contract: Contract) -> AuthFile:
    token: JsonObject = {**_tokens("gemini"), "token_type": "Bearer", "expiry": _stamp(expiry)}
    content: JsonObject = {"token": token, "project_id": "embedded", "email": owner, "auto": False, "checked": True}
    return f"gemini-{owner}-embedded.json", {**content, "type": "gemini"}


def _antigravity(owner: str, expiry: datetime, contract: Contract) -> AuthFile:
    content: JsonObject = {
        **_tokens("antigravity"),
        "email": owner,
        "expired": _stamp(expiry),
        "timestamp": int(time.time() * 1000),
        "expires_in": LIFE_DAYS * 86400,
        "type": "antigravity",
    }
    return f"antigravity-{owner}.json", content


def _iflow(owner: str, expiry: datetime, contract: Contract) -> AuthFile:
    return f"iflow-{owner}.json", {**_tokens("iflow"), "api_key": "embedded", "email": owner, "type": "iflow"}


def _kiro(owner: str, expiry: datetime, contract: Contract) -> AuthFile:
    tokens = {**_tokens("kiro"), "profile_arn": "", "expires_at": _stamp(expiry), "auth_method": "builder-id"}
    return "kiro-aws-embedded.json", {**tokens, "provider": "AWS", "email": owner, "type": "kiro"}


def _xai(owner: str, expiry: datetime, contract: Contract) -> AuthFile:
    return f"xai-{owner}.json", {**_tokens("xai"), "email": owner, "type": "xai"}


def _named_by_time(provider: str) -> Callable[[str, datetime, Contract], AuthFile]:
    def build_file(owner: str, expiry: datetime, contract: Contract) -> AuthFile:
        content = {**_tokens(provider), "token_type": "Bearer", "type": provider, "email": owner}
        return f"{provider}-{int(time.time() * 1000)}.json", {**content}

    return build_file


_BUILDERS = {
    "codex": _codex,
    "anthropic": _claude,
    "github": _github,
    "gemini": _gemini,
    "antigravity": _antigravity,
    "iflow": _iflow,
    "kiro": _kiro,
    "xai": _xai,
    "qwen": _named_by_time("qwen"),
    "kimi": _named_by_time("kimi"),
}


def _tokens(provider: str) -> dict[str, str]:
    return {"access_token": f"embedded-{provider}", "refresh_token": f"embedded-{provider}"}


def _jwt(payload: JsonObject) -> str:
    """Encode a JWT whose signature is a constant."""
    header: JsonObject = {"alg": "none"}
    parts = (base64.urlsafe_b64encode(json.dumps(part).encode()) for part in (header, payload))
    return ".".join([*(part.rstrip(b"=").decode() for part in parts), "ZW1iZWRkZWQ"])


def _stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
