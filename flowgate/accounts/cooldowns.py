"""Which accounts CLIProxyAPIPlus has benched, and letting one play again.

Source: v6.8.16-0 and 7.2.101-1, `/auth-files`: `unavailable` stays set after its time, until the account is asked
again; only 7.2 says until when (`next_retry_after`) and has a call that ends it (`/reset-quota`). What stands under
`openai-compatibility` is not listed by either.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flowgate.accounts.actions import MANAGEMENT, Talk, ask
from flowgate.accounts.management_api import FILES, Entry, first_look, managed
from flowgate.accounts.providers import OLDER, generation
from flowgate.errors import EnvironmentFailure

RESET = f"{MANAGEMENT}/reset-quota"
LONGEST = 120  # characters of a vendor's words


@dataclass(frozen=True, slots=True)
class AccountCooldown:
    """One account that is left out for now.

    Attributes:
        index: What the program calls it.
        why: The vendor's words.
        since: When its state changed last.
        until: None where the program does not say.
        models: What it would bring.
        clearable: The program has a call that ends it.
    """

    file: str
    index: str
    provider: str
    label: str
    why: str
    since: datetime | None
    until: datetime | None
    models: tuple[str, ...]
    clearable: bool


def list_cooldowns(started: str, now: datetime) -> Talk[list[AccountCooldown]]:
    """List the accounts that are benched.

    Args:
        started: The version that the program stated when it was started; empty when nobody knows.

    Raises:
        FlowGateError: What `first_look` refuses.
    """
    before = yield from first_look(started)
    found = []
    for name, entry in before.files.items():
        until = _moment(entry.get("next_retry_after"))
        if entry.get("unavailable") and not entry.get("disabled") and (until is None or until > now):
            models = managed((yield from ask("GET", f"{FILES}/models", {"name": name}))).get("models")
            found.append(_benched(name, entry, until, models, generation(before.version) != OLDER))
    return found


def clear(one: AccountCooldown) -> Talk[None]:
    """Let an account be asked again.

    Raises:
        EnvironmentFailure: The program has no call for it.
    """
    absent = EnvironmentFailure("this CLIProxyAPIPlus has no call that ends a cooldown")
    managed((yield from ask("POST", RESET, body={"auth_index": one.index})), absent=absent)


def _benched(name: str, entry: Entry, until: datetime | None, models: Any, clearable: bool) -> AccountCooldown:
    listed = models if isinstance(models, list) else []
    return AccountCooldown(
        file=name,
        index=str(entry.get("auth_index") or ""),
        provider=str(entry.get("provider") or "unknown"),
        label=str(entry.get("label") or entry.get("account") or name),
        why=_words(str(entry.get("status_message") or "")),
        since=_moment(entry.get("updated_at")),
        until=until,
        models=tuple(str(one.get("id")) for one in listed if isinstance(one, dict)),
        clearable=clearable,
    )


def _words(message: str) -> str:
    """Give the sentence of a vendor's refusal, whichever way it is wrapped."""
    try:
        tree = json.loads(message)
    except ValueError:
        tree = None
    error = tree.get("error") if isinstance(tree, dict) else None
    inner = error.get("message") if isinstance(error, Mapping) else error
    return " ".join(str(inner or message).split())[:LONGEST]


def _moment(value: object) -> datetime | None:
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return found if found is None or found.tzinfo else None
