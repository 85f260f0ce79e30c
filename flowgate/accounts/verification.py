"""When an account is believed: its file is new or changed, of the right provider, usable, and brings models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from flowgate.accounts import token_files
from flowgate.accounts.actions import Talk, ask, look, wait
from flowgate.accounts.management_api import FILES, Before, Entry, listed, managed
from flowgate.accounts.providers import Provider
from flowgate.errors import CheckFailed

GRACE_SECONDS = 5.0  # the watcher needs up to 1 s, models up to 0.6 s more
EVERY = 0.25


@dataclass(frozen=True, slots=True)
class Account:
    """An account that counts.

    Attributes:
        name: Its file's.
        label: Whose it is.
        expires: RFC 3339, or empty where the file does not say.
        models: How many it brings.
    """

    provider: str
    name: str
    label: str
    expires: str
    models: int


def verify(provider: Provider, before: Before) -> Talk[Account]:
    """Find the account that a login made, and look it over.

    Raises:
        CheckFailed: That says what is missing.
    """
    entry, now = yield from _appeared(provider, before)
    name = str(entry.get("name"))
    if entry.get("disabled"):
        raise CheckFailed(f"the account {name} is listed and disabled", fix="switch it on in CLIProxyAPIPlus")
    if entry.get("size") == 0:
        raise CheckFailed(f"the account {name} is listed and its file is empty", fix=_again(provider))
    tree = yield from look(name)
    if not tree:
        what = f"the account {name} is listed, and there is no such file in the auth folder"
        raise CheckFailed(what, fix="inv auth.status")
    expires = token_files.expiry(tree)
    if expires and expires <= now:
        raise CheckFailed(
            f"the account {name} was over at once: it expired {token_files.stamp(expires)}", fix=_again(provider)
        )
    models = yield from _models(provider, name)
    label = str(entry.get("label") or entry.get("email") or tree.get("username") or name)
    return Account(provider.name, name, label, token_files.stamp(expires) if expires else "", models)


def _appeared(provider: Provider, before: Before) -> Talk[tuple[Entry, datetime]]:
    """Wait until a file is new or changed."""
    elsewhere: list[str] = []
    began: float | None = None
    while True:
        waited = yield from wait(EVERY)
        began = waited.elapsed if began is None else began
        files = listed((yield from ask("GET", FILES)))
        fresh = [one for name, one in files.items() if _is_fresh(one, before.files.get(name))]
        mine = [one for one in fresh if not provider.kinds or _kind(one) in provider.kinds]
        if mine:
            return mine[-1], waited.now
        elsewhere = sorted({_kind(one) for one in fresh})
        if waited.elapsed - began > GRACE_SECONDS:
            break
    if elsewhere:
        what = f"the login wrote an account of {', '.join(elsewhere)}, not of {provider.name}"
    else:
        what = "CLIProxyAPIPlus calls the login done, and no account is new or changed: it is not believed"
    raise CheckFailed(what, fix=_again(provider))


def _kind(entry: Entry) -> str:
    return str(entry.get("provider") or entry.get("type") or "unknown").lower()


def _is_fresh(entry: Entry, old: Entry | None) -> bool:
    return old is None or _seen(entry) != _seen(old)


def _seen(entry: Mapping[str, object]) -> tuple[object, ...]:
    return entry.get("modtime"), entry.get("size")


def _models(provider: Provider, name: str) -> Talk[int]:
    """Count the models that an account brings and that clients are shown; they come a moment after it."""
    began: float | None = None
    while True:
        brought = _ids(managed((yield from ask("GET", f"{FILES}/models", {"name": name}))).get("models"))
        heard = yield from ask("GET", "/v1/models", key="client")
        shown = _ids(heard.tree.get("data")) if isinstance(heard.tree, dict) else set()
        reachable = [one for one in brought if any(model == one or model.endswith(f"/{one}") for model in shown)]
        if reachable:
            return len(reachable)
        waited = yield from wait(EVERY)
        began = waited.elapsed if began is None else began
        if waited.elapsed - began > GRACE_SECONDS:
            lacking = "none of its models is listed for clients" if brought else "it brings no model"
            what = f"the account {name} is there, and {lacking}: nothing could be asked through it"
            raise CheckFailed(what, fix=f"inv auth.status; {_again(provider)}")


def _ids(models: object) -> set[str]:
    return {str(one.get("id")) for one in models if isinstance(one, dict)} if isinstance(models, list) else set()


def _again(provider: Provider) -> str:
    return f"inv auth.login {provider.name}"
