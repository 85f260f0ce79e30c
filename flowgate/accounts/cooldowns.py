"""Accounts of CLIProxyAPIPlus that are in cooldown, and the request that ends a cooldown.

Source: v6.8.16-0 and 7.2.101-1, `/auth-files`: `unavailable` stays set after the cooldown, until the account is used
again. Only 7.2 reports the end (`next_retry_after`) and can end a cooldown (`/reset-quota`). Neither lists entries
under `openai-compatibility`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from flowgate.accounts.actions import MANAGEMENT, Conversation, get, post
from flowgate.accounts.management_api import FILES, AuthFile, check, inspect_server
from flowgate.accounts.providers import OLDER, line_of
from flowgate.errors import EnvironmentFailure

RESET = f"{MANAGEMENT}/reset-quota"
LONGEST = 120  # characters of a vendor's message


@dataclass(frozen=True, slots=True)
class AccountCooldown:
    """An account in cooldown.

    Attributes:
        file: Name of its file.
        index: The server's identifier of the account.
        provider: The provider.
        label: Label of the account.
        why: The vendor's message.
        since: When its state changed last; None if not reported.
        until: When the cooldown ends; None if not reported.
        models: The account's models.
        clearable: The program can end the cooldown.
        account: E-mail address or user name, as usage records have it.
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
    account: str = ""


def list_cooldowns(started_version: str, now: datetime) -> Conversation[list[AccountCooldown]]:
    """List the accounts in cooldown.

    Args:
        started_version: The version that the program reported when it started; empty if not known.
        now: The time of day.

    Returns:
        The accounts in cooldown.

    Raises:
        EnvironmentFailure: See `inspect_server`.
        CheckFailed: See `inspect_server`.
    """
    server = yield from inspect_server(started_version)
    clearable = line_of(server.version) != OLDER
    found = []
    for file in server.files.values():
        until = file.next_retry_after
        if file.unavailable and not file.disabled and (until is None or until > now):
            response = check((yield from get(f"{FILES}/models", {"name": file.name})))
            found.append(_cooldown(file, response.ids("models"), clearable))
    return found


def clear(cooldown: AccountCooldown) -> Conversation[None]:
    """End the cooldown of an account.

    Args:
        cooldown: The account in cooldown.

    Raises:
        EnvironmentFailure: The program cannot end a cooldown.
    """
    not_found = EnvironmentFailure("this CLIProxyAPIPlus has no request that ends a cooldown")
    check((yield from post(RESET, {"auth_index": cooldown.index})), not_found=not_found)


def _cooldown(file: AuthFile, models: list[str], clearable: bool) -> AccountCooldown:
    return AccountCooldown(
        file=file.name,
        index=file.index,
        provider=file.provider or "unknown",
        label=file.label or file.name,
        why=_vendor_message(file.status_message),
        since=file.updated_at,
        until=file.next_retry_after,
        models=tuple(models),
        clearable=clearable,
        account=file.account,
    )


def _vendor_message(message: str) -> str:
    """Extract the sentence from a vendor's error, which may be JSON."""
    try:
        tree = json.loads(message)
    except ValueError:
        tree = None
    error = tree.get("error") if isinstance(tree, dict) else None
    inner = error.get("message") if isinstance(error, dict) else error
    return " ".join(str(inner or message).split())[:LONGEST]
