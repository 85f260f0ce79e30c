"""Verification of a login: its file is new or changed, of the right provider, usable, and has models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from flowgate.accounts import token_files
from flowgate.accounts.actions import Conversation, ReadAccountFile, get, wait
from flowgate.accounts.management_api import FILES, AuthFile, check, parse_files
from flowgate.accounts.providers import Provider
from flowgate.errors import CheckFailed

GRACE_SECONDS = 5.0  # the server needs up to 1 s to see a file, and up to 0.6 s more for its models
POLL_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class Account:
    """A verified account.

    Attributes:
        provider: The provider's name.
        name: Name of its file.
        label: Label, e-mail address or user name.
        expires: Expiry of its access token, RFC 3339; empty if the file has none.
        models: Number of its models.
    """

    provider: str
    name: str
    label: str
    expires: str
    models: int


def verify(provider: Provider, before: Mapping[str, AuthFile]) -> Conversation[Account]:
    """Find the account that a login created, and verify it.

    Args:
        provider: The provider of the login.
        before: The accounts before the login, by file name.

    Returns:
        The account.

    Raises:
        CheckFailed: There is no new or changed account, or it is not usable.
    """
    file, now = yield from _wait_for_file(provider, before)
    if file.disabled:
        raise CheckFailed(f"the account {file.name} is listed but disabled", fix="enable it in CLIProxyAPIPlus")
    if file.is_empty:
        raise CheckFailed(f"the account {file.name} is listed but its file is empty", fix=provider.login_command)
    document = yield ReadAccountFile(file.name)
    if not isinstance(document, dict) or not document:
        what = f"the account {file.name} is listed, but the auth folder has no such file"
        raise CheckFailed(what, fix="inv auth.status")
    expires = token_files.expiry(document)
    if expires and expires <= now:
        what = f"the account {file.name} has already expired ({token_files.stamp(expires)})"
        raise CheckFailed(what, fix=provider.login_command)
    models = yield from _count_models(provider, file.name)
    label = file.label or str(document.get("username") or file.name)
    return Account(provider.name, file.name, label, token_files.stamp(expires) if expires else "", models)


def _wait_for_file(provider: Provider, before: Mapping[str, AuthFile]) -> Conversation[tuple[AuthFile, datetime]]:
    """Wait until a file of the provider is new or changed."""
    began: float | None = None
    while True:
        waited = yield from wait(POLL_SECONDS)
        began = waited.elapsed if began is None else began
        files = parse_files((yield from get(FILES)))
        fresh = [file for name, file in files.items() if name not in before or file.revision != before[name].revision]
        own = [file for file in fresh if not provider.listed_as or file.provider in provider.listed_as]
        if own:
            return own[-1], waited.now
        if waited.elapsed - began > GRACE_SECONDS:
            break
    what = "CLIProxyAPIPlus reports that the login is done, but no account is new or changed"
    if fresh:
        others = ", ".join(sorted({file.provider or "unknown" for file in fresh}))
        what = f"the login created an account of {others}, not of {provider.name}"
    raise CheckFailed(what, fix=provider.login_command)


def _count_models(provider: Provider, name: str) -> Conversation[int]:
    """Count the account's models that are listed for clients; they are listed shortly after the account."""
    began: float | None = None
    while True:
        models = set(check((yield from get(f"{FILES}/models", {"name": name}))).ids("models"))
        listed = set((yield from get("/v1/models", key="client")).ids("data"))
        usable = [model for model in models if any(one == model or one.endswith(f"/{model}") for one in listed)]
        if usable:
            return len(usable)
        waited = yield from wait(POLL_SECONDS)
        began = waited.elapsed if began is None else began
        if waited.elapsed - began > GRACE_SECONDS:
            missing = "none of its models is listed for clients" if models else "it has no models"
            what = f"the account {name} exists, but {missing}, so it cannot be used"
            raise CheckFailed(what, fix=f"inv auth.status; {provider.login_command}")
