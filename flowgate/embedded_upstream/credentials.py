"""What a finished login writes: one file a provider, with the real program's names and keys.

Nothing in them is a secret: every token says that it is the embedded upstream's.
"""

from __future__ import annotations

import base64
import hashlib
import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from flowgate.embedded_upstream.versions import Contract

Tree = dict[str, Any]
LIFE_DAYS = 10
PERSON = "login@example.com"
GITHUB_PERSON = "octo"
PLAN = "plus"
ACCOUNT = "acct-9"


def build(provider: str, person: str, contract: Contract, expired: bool = False) -> tuple[str, Tree]:
    """Write the credential of a login.

    Args:
        provider: As the OAuth session names it.
        person: The address or name that was approved; empty for a made-up one.
        expired: True for tokens that are over already.

    Returns:
        The file's name and its content.
    """
    now = datetime.now(UTC)
    ends = now + timedelta(days=-1 if expired else LIFE_DAYS)
    person = person or (GITHUB_PERSON if provider == "github" else PERSON)
    name, tree = _NAMED[provider](person, ends, contract)
    if provider not in ("github", "antigravity", "kiro"):
        tree = {"expired": _stamp(ends), "last_refresh": _stamp(now), **tree}
    return name, {**tree, **({"disabled": False} if contract.newer else {})}


def _codex(person: str, ends: datetime, contract: Contract) -> tuple[str, Tree]:
    account = ACCOUNT if person == PERSON else f"acct-{hashlib.sha256(person.encode()).hexdigest()[:8]}"
    about = {"chatgpt_account_id": account, "chatgpt_plan_type": PLAN}
    now = int(time.time())
    told = {"email": person, "aud": ["embedded"], "exp": now + 3600, "iat": now, "auth_time": now}
    short = f"{hashlib.sha256(account.encode()).hexdigest()[:8]}-" if contract.newer else ""
    tree = {
        **_tokens("codex"),
        "access_token": token({"exp": int(ends.timestamp())}),
        "account_id": account,
        "email": person,
        "id_token": token({**told, "https://api.openai.com/auth": about}),
        "type": "codex",
    }
    return f"codex-{short}{person}-{PLAN}.json", tree


def _claude(person: str, ends: datetime, contract: Contract) -> tuple[str, Tree]:
    tokens = {"access_token": "sk-ant-oat01-embedded", "refresh_token": "embedded", "id_token": ""}
    return f"claude-{person}.json", {**tokens, "email": person, "type": "claude"}


def _github(person: str, ends: datetime, contract: Contract) -> tuple[str, Tree]:
    tree = {"access_token": "embedded", "token_type": "bearer", "scope": "user:email"}
    return f"github-{person}.json", {**tree, "username": person, "type": "github-copilot"}


def _gemini(person: str, ends: datetime, contract: Contract) -> tuple[str, Tree]:
    inner = {**_tokens("gemini"), "token_type": "Bearer", "expiry": _stamp(ends)}
    tree = {"token": inner, "project_id": "embedded", "email": person, "auto": False, "checked": True}
    return f"gemini-{person}-embedded.json", {**tree, "type": "gemini"}


def _antigravity(person: str, ends: datetime, contract: Contract) -> tuple[str, Tree]:
    tree = {**_tokens("antigravity"), "email": person, "expired": _stamp(ends), "timestamp": int(time.time() * 1000)}
    return f"antigravity-{person}.json", {**tree, "expires_in": LIFE_DAYS * 86400, "type": "antigravity"}


def _iflow(person: str, ends: datetime, contract: Contract) -> tuple[str, Tree]:
    return f"iflow-{person}.json", {**_tokens("iflow"), "api_key": "embedded", "email": person, "type": "iflow"}


def _kiro(person: str, ends: datetime, contract: Contract) -> tuple[str, Tree]:
    tree = {**_tokens("kiro"), "profile_arn": "", "expires_at": _stamp(ends), "auth_method": "builder-id"}
    return "kiro-aws-embedded.json", {**tree, "provider": "AWS", "email": person, "type": "kiro"}


def _xai(person: str, ends: datetime, contract: Contract) -> tuple[str, Tree]:
    return f"xai-{person}.json", {**_tokens("xai"), "email": person, "type": "xai"}


def _timed(provider: str) -> Any:
    def make(person: str, ends: datetime, contract: Contract) -> tuple[str, Tree]:
        tree = {**_tokens(provider), "token_type": "Bearer", "type": provider}
        return f"{provider}-{int(time.time() * 1000)}.json", {**tree, "email": person}

    return make


_NAMED = {
    "codex": _codex,
    "anthropic": _claude,
    "github": _github,
    "gemini": _gemini,
    "antigravity": _antigravity,
    "iflow": _iflow,
    "kiro": _kiro,
    "xai": _xai,
    "qwen": _timed("qwen"),
    "kimi": _timed("kimi"),
}


def _tokens(provider: str) -> Tree:
    return {"access_token": f"embedded-{provider}", "refresh_token": f"embedded-{provider}"}


def token(payload: Tree) -> str:
    """Write a token that nobody signed."""
    parts = (base64.urlsafe_b64encode(json.dumps(one).encode()) for one in ({"alg": "none"}, payload))
    return ".".join([*(part.rstrip(b"=").decode() for part in parts), "ZW1iZWRkZWQ"])


def _stamp(when: datetime) -> str:
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")
